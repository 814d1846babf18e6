//! How long one event takes on a run of 5,000 tasks; the goal is a millisecond.

use std::sync::Arc;

use chrono::{TimeDelta, TimeZone, Utc};
use divan::Bencher;
use serde_json::{Map, Value, json};
use tidemill_dag::advance::{Event, Retry, Verdict, advance};
use tidemill_dag::ids::{RunId, WorkerId};
use tidemill_dag::plan::Plan;
use tidemill_dag::spec::DagSpec;
use tidemill_dag::state::{Lease, RunKind, TaskIndex, View};
use tidemill_dag::template::Facts;
use tidemill_dag::time::{DataInterval, Timestamp};

const TASKS: usize = 5000;

fn main() {
    divan::main();
}

/// A run, with the next event about it.
struct Scene {
    plan: Plan,
    view: View,
    event: Event,
}

impl Scene {
    fn bench(self, bencher: Bencher<'_, '_>) {
        bencher.bench(|| advance(&self.plan, &self.view, &self.event, now()));
    }

    /// Plays the event, and makes another the next.
    fn then(mut self, event: Event) -> Self {
        let effects =
            advance(&self.plan, &self.view, &self.event, now()).expect("the event is not stale");
        self.view.apply(&effects, now());
        self.event = event;
        self
    }
}

fn now() -> Timestamp {
    Utc.with_ymd_and_hms(2026, 11, 20, 0, 0, 0).single().expect("the instant exists")
}

/// An opened run of tasks with the needs that `needs` gives for each.
fn run(needs: impl Fn(usize) -> Vec<usize>, extra: impl Fn(usize) -> Value) -> Scene {
    let mut tasks = Map::new();
    for task in 0..TASKS {
        let needs: Vec<String> = needs(task).into_iter().map(name).collect();
        let mut spec = json!({ "uses": "command", "needs": needs });
        if let (Value::Object(spec), Value::Object(extra)) = (&mut spec, extra(task)) {
            spec.extend(extra);
        }
        tasks.insert(name(task), spec);
    }
    scene(&Value::Object(tasks))
}

fn scene(tasks: &Value) -> Scene {
    let spec: DagSpec =
        serde_json::from_value(json!({ "dag": "big", "tasks": tasks })).expect("the spec is right");
    let facts = Facts {
        dag: spec.dag.clone(),
        hash: String::new(),
        run: RunId::from_uuid(uuid::Uuid::from_u128(1)),
        kind: RunKind::Manual,
        interval: DataInterval { start: now() - TimeDelta::days(1), end: now() },
        zone: "UTC".parse().expect("the zone exists"),
        params: [].into(),
    };
    let plan = Plan::new(&spec).expect("there is no cycle");
    let view = View::open(&plan, Arc::new(facts));
    Scene { plan, view, event: Event::Opened }
}

fn name(task: usize) -> String {
    format!("t{task:04}")
}

fn nothing(_: usize) -> Value {
    json!({})
}

fn claimed(task: usize) -> Event {
    let lease = Lease { worker: WorkerId::from_uuid(uuid::Uuid::from_u128(2)), until: now() };
    Event::Claimed { task: TaskIndex(task), lease }
}

fn succeeded(scene: &Scene, task: usize) -> Event {
    let output = Arc::new(json!({ "rows": 1000 }));
    finished(scene, task, Verdict::Succeeded { output })
}

fn failed(scene: &Scene, task: usize) -> Event {
    finished(scene, task, Verdict::Failed { error: "no".into(), retry: Retry::CannotHelp })
}

/// The end of the attempt that a claim made next would start.
fn finished(scene: &Scene, task: usize, verdict: Verdict) -> Event {
    let attempt =
        scene.view.task(TaskIndex(task)).map_or_else(Default::default, |task| task.attempt).next();
    Event::Finished { task: TaskIndex(task), attempt, verdict }
}

/// Plays a task until it runs, with `end` as the next event.
fn running(scene: Scene, task: usize, end: fn(&Scene, usize) -> Event) -> Scene {
    let scene = scene.then(claimed(task));
    let end = end(&scene, task);
    scene.then(end)
}

mod chain {
    use super::{Bencher, Event, Scene, claimed, failed, nothing, run, running, succeeded};

    fn chain() -> Scene {
        run(|task| (0..task).next_back().into_iter().collect(), nothing)
    }

    #[divan::bench]
    fn claim(bencher: Bencher<'_, '_>) {
        chain().then(claimed(0)).bench(bencher);
    }

    #[divan::bench]
    fn first_succeeds(bencher: Bencher<'_, '_>) {
        running(chain(), 0, succeeded).bench(bencher);
    }

    #[divan::bench]
    fn first_fails_and_all_others_are_skipped(bencher: Bencher<'_, '_>) {
        running(chain(), 0, failed).bench(bencher);
    }

    #[divan::bench]
    fn cancel_all(bencher: Bencher<'_, '_>) {
        chain().then(Event::CancelAsked { task: None }).bench(bencher);
    }
}

mod fan_out {
    use super::{Bencher, Event, Scene, json, nothing, run, running, succeeded};

    fn fan_out() -> Scene {
        run(|task| if task == 0 { Vec::new() } else { vec![0] }, nothing)
    }

    #[divan::bench]
    fn root_succeeds_and_all_others_are_ready(bencher: Bencher<'_, '_>) {
        running(fan_out(), 0, succeeded).bench(bencher);
    }

    #[divan::bench]
    fn a_leaf_succeeds(bencher: Bencher<'_, '_>) {
        running(running(fan_out(), 0, succeeded), 2500, succeeded).bench(bencher);
    }

    #[divan::bench]
    fn time_passes(bencher: Bencher<'_, '_>) {
        running(fan_out(), 0, succeeded).then(Event::Waited).bench(bencher);
    }

    #[divan::bench]
    fn root_succeeds_and_all_others_read_its_output(bencher: Bencher<'_, '_>) {
        let when =
            |task| if task == 0 { json!({}) } else { json!({ "when": "outputs.t0000.rows > 10" }) };
        let scene = run(|task| if task == 0 { Vec::new() } else { vec![0] }, when);
        running(scene, 0, succeeded).bench(bencher);
    }
}

mod fan_in {
    use super::{Bencher, TASKS, nothing, run, running, succeeded};

    #[divan::bench]
    fn one_of_all_succeeds(bencher: Bencher<'_, '_>) {
        let last = TASKS - 1;
        let scene =
            run(|task| if task == last { (0..last).collect() } else { Vec::new() }, nothing);
        running(scene, 2500, succeeded).bench(bencher);
    }
}

mod layers {
    use super::{Bencher, Scene, failed, nothing, run, running, succeeded};

    /// 50 layers of 100 tasks, each of which needs three of the layer before it.
    fn layers() -> Scene {
        let needs = |task: usize| {
            let before = task / 100 * 100;
            let mut needs: Vec<usize> = Vec::new();
            if before > 0 {
                // Odd multipliers scatter the three over the layer.
                needs.extend([37, 61, 83].map(|factor| before - 100 + task * factor % 100));
                needs.dedup();
            }
            needs
        };
        run(needs, nothing)
    }

    #[divan::bench]
    fn a_task_of_the_first_layer_succeeds(bencher: Bencher<'_, '_>) {
        running(layers(), 50, succeeded).bench(bencher);
    }

    #[divan::bench]
    fn a_task_of_the_first_layer_fails(bencher: Bencher<'_, '_>) {
        running(layers(), 50, failed).bench(bencher);
    }
}

mod mapped {
    use super::{Bencher, Scene, TASKS, json, running, scene, succeeded};

    fn mapped() -> Scene {
        let members: Vec<usize> = (0..TASKS).collect();
        scene(&json!({ "m": { "uses": "command", "for_each": members } }))
    }

    #[divan::bench]
    fn opens(bencher: Bencher<'_, '_>) {
        mapped().bench(bencher);
    }

    #[divan::bench]
    fn a_member_succeeds(bencher: Bencher<'_, '_>) {
        running(mapped(), 2500, succeeded).bench(bencher);
    }

    #[divan::bench]
    fn the_last_member_succeeds(bencher: Bencher<'_, '_>) {
        let mut scene = mapped();
        for member in 1..=TASKS {
            scene = running(scene, member, succeeded);
        }
        scene.bench(bencher);
    }
}
