//! The small kinds: `noop`, `sleep`, `fail`.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tidemill_dag::advance::{Retry, Verdict};
use tidemill_dag::state::Attempt;
use tidemill_kinds::registry;
use tidemill_task::{ArtifactStore, Assignment, Services, execute};

async fn run(kind: &str, params: Value, attempt: i32) -> Verdict {
    let services = Services::new(ArtifactStore::in_memory());
    let mut assignment = Assignment::example(kind, params);
    assignment.attempt = Attempt(attempt);
    execute(&registry(), assignment, services).await.verdict
}

fn succeeded(output: Value) -> Verdict {
    Verdict::Succeeded { output: Arc::new(output) }
}

#[tokio::test]
async fn noop_gives_back_what_it_is_told() {
    let output = json!({ "sites": ["oslo"], "count": 1 });

    assert_eq!(run("noop", json!({ "output": output }), 1).await, succeeded(output));
    assert_eq!(run("noop", Value::Null, 1).await, succeeded(Value::Null));
}

#[tokio::test]
async fn fail_succeeds_from_the_attempt_on_that_it_is_told() {
    let params = json!({ "succeed_on_attempt": 2, "error": "lose the coin toss" });

    let first = run("fail", params.clone(), 1).await;
    let second = run("fail", params, 2).await;

    let error = "lose the coin toss".to_owned();
    assert_eq!(first, Verdict::Failed { error, retry: Retry::MayHelp });
    assert_eq!(second, succeeded(json!({ "attempt": 2 })));
}

#[tokio::test]
async fn fail_says_whether_another_try_could_help() {
    let verdict = run("fail", json!({ "retry": "cannot_help" }), 1).await;

    assert!(matches!(verdict, Verdict::Failed { retry: Retry::CannotHelp, .. }), "{verdict:?}");
}

#[tokio::test]
async fn a_long_sleep_ends_when_it_is_cancelled_and_says_how_far_it_was() {
    let services = Services::new(ArtifactStore::in_memory());
    let cancel = services.cancel.clone();
    let mut progress = services.progress.subscribe();
    let registry = registry();
    let work = execute(&registry, Assignment::example("sleep", json!({ "for": "2h" })), services);
    let watch = async {
        progress.changed().await.unwrap();
        cancel.cancel();
        progress.borrow().clone()
    };

    let both = async { tokio::join!(work, watch) };
    let (completion, progress) = tokio::time::timeout(Duration::from_secs(5), both).await.unwrap();

    assert_eq!(completion.verdict, Verdict::Cancelled);
    assert_eq!(progress.message, "waited 0s of 2h");
}

#[tokio::test]
async fn a_sleep_without_a_unit_is_refused_with_its_place() {
    let Verdict::Failed { error, retry } = run("sleep", json!({ "for": "90" }), 1).await else {
        panic!("90 of what?");
    };

    let expected = "read the parameters of `sleep`: at `/for`: `90` is not a length of time";
    assert_eq!((error.as_str(), retry), (expected, Retry::CannotHelp));
}
