//! The kind `trigger`, with runs that end when a test says so.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use serde_json::{Value, json};
use tidemill_dag::advance::{Retry, Verdict};
use tidemill_dag::ids::RunId;
use tidemill_dag::state::{Attempt, Outcome, RunState};
use tidemill_kinds::registry;
use tidemill_task::{
    ArtifactStore, Asker, Assignment, Clock, PortError, RunRequest, Runs, Services, SystemClock,
    execute,
};

/// A run that stands where the test says; it remembers what was asked for.
struct OneRun {
    state: RunState,
    asked: Mutex<Vec<(Asker, RunRequest)>>,
}

const RUN: &str = "run_00000000000000000000000000000009";

#[async_trait]
impl Runs for OneRun {
    async fn start(&self, asker: &Asker, request: &RunRequest) -> Result<RunId, PortError> {
        self.asked.lock().expect("nobody panics with it").push((asker.clone(), request.clone()));
        Ok(RUN.parse().expect("an id"))
    }

    async fn state(&self, run: RunId) -> Result<RunState, PortError> {
        assert_eq!(run.to_string(), RUN);
        Ok(self.state.clone())
    }
}

fn open() -> RunState {
    RunState::Open { cancelling: false }
}

fn closed(outcome: Outcome) -> RunState {
    RunState::Closed { outcome, at: SystemClock.now() }
}

async fn run(params: Value, state: RunState, resumed: bool) -> (Verdict, Vec<(Asker, RunRequest)>) {
    let runs = Arc::new(OneRun { state, asked: Mutex::default() });
    let services =
        Services { runs: Arc::clone(&runs) as _, ..Services::new(ArtifactStore::in_memory()) };
    let mut assignment = Assignment::example("trigger", params);
    assignment.attempt = Attempt(3);
    assignment.state = resumed.then(|| json!(RUN));
    let verdict = execute(&registry(), assignment, services).await.verdict;
    let asked = runs.asked.lock().expect("nobody panics with it").clone();
    (verdict, asked)
}

#[tokio::test]
async fn a_run_that_nobody_waits_for_is_started_over_the_interval_of_this_one() {
    let (verdict, asked) = run(json!({ "dag": "retrain" }), open(), false).await;

    let output = Arc::new(json!({ "run": RUN, "state": "open" }));
    assert_eq!(verdict, Verdict::Succeeded { output });
    let (by, request) = &asked[0];
    assert_eq!((by.path.to_string().as_str(), by.attempt), ("example", Attempt(3)));
    assert_eq!(request.interval.to_string(), "2026-11-19T00:00:00Z..2026-11-20T00:00:00Z");
    assert!(!request.ends_with_asker);
}

#[tokio::test]
async fn parameters_and_an_interval_go_to_the_run() {
    let interval = json!({ "start": "2026-01-01T00:00:00Z", "end": "2026-01-02T00:00:00Z" });
    let params = json!({ "dag": "retrain", "params": { "days": 180 }, "interval": interval });

    let (_, asked) = run(params, open(), false).await;

    let request = &asked[0].1;
    assert_eq!(request.params["days"], json!(180));
    assert_eq!(request.interval.to_string(), "2026-01-01T00:00:00Z..2026-01-02T00:00:00Z");
}

#[tokio::test]
async fn a_run_that_is_waited_for_holds_nothing_until_it_is_over() {
    let params = json!({ "dag": "retrain", "wait": true });

    let (waits, asked) = run(params.clone(), open(), false).await;
    let (goes_on, not_asked) = run(params, closed(Outcome::Succeeded), true).await;

    let run = RUN.parse().unwrap();
    assert_eq!(waits, Verdict::Awaits { run, state: json!(RUN) });
    assert!(asked[0].1.ends_with_asker);
    let output = Arc::new(json!({ "run": RUN, "state": "succeeded" }));
    assert_eq!(goes_on, Verdict::Succeeded { output });
    assert!(not_asked.is_empty());
}

#[tokio::test]
async fn a_run_that_did_not_succeed_fails_who_waits_for_it() {
    for (outcome, word) in [(Outcome::Failed, "failed"), (Outcome::Cancelled, "cancelled")] {
        let params = json!({ "dag": "retrain", "wait": true });

        let (verdict, _) = run(params, closed(outcome), true).await;

        let error =
            format!("wait for `retrain`: its run {word} (`tidemill run show {RUN}` says why)");
        assert_eq!(verdict, Verdict::Failed { error, retry: Retry::CannotHelp });
    }
}

#[tokio::test]
async fn a_run_is_left_alone_where_that_is_asked_for() {
    let params = json!({ "dag": "retrain", "wait": true, "on_cancel": "leave" });

    let (_, asked) = run(params, open(), false).await;

    assert!(!asked[0].1.ends_with_asker);
}

#[test]
fn what_cannot_work_is_refused_with_its_place() {
    let registry = registry();
    let kind = registry.get("trigger").unwrap();
    let interval = json!({ "start": "2026-01-02T00:00:00Z", "end": "2026-01-01T00:00:00Z" });

    let objections = kind.check(&json!({ "dag": "a", "on_cancel": "leave", "interval": interval }));

    let told: Vec<String> =
        objections.iter().map(|one| format!("{} {}", one.at, one.what)).collect();
    assert_eq!(
        told,
        [
            "/interval the interval ends before it starts",
            "/on_cancel the task does not wait, so it cannot be cancelled meanwhile",
        ]
    );
}
