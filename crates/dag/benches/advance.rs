//! How long one event takes on a run of 5,000 tasks; the goal is a millisecond.

use std::sync::Arc;

use anyhow::Result;
use chrono::{TimeDelta, TimeZone, Utc};
use serde_json::{Map, Value, json};
use tidemill_benchkit::{Figure, Goal, Options, Report, per_call};
use tidemill_dag::advance::{Event, Retry, Verdict, advance};
use tidemill_dag::ids::{RunId, WorkerId};
use tidemill_dag::plan::Plan;
use tidemill_dag::spec::DagSpec;
use tidemill_dag::state::{Lease, RunKind, TaskIndex, View};
use tidemill_dag::template::Facts;
use tidemill_dag::time::{DataInterval, Timestamp};

const TASKS: usize = 5000;

fn main() -> Result<()> {
    let options = Options::from_arguments()?;
    options.expect_only(&["advance"])?;
    let mut report = Report::begin(&options, &["tidemill-dag 0.1.0"]);
    for (case, scene) in CASES {
        let figure = Figure::new("advance", case, "us").goal(Goal::AtMost(1000.0));
        report.add(&figure, scene().samples())?;
    }
    report.end()
}

/// What is measured: its name, and the scene to measure it on.
type Case = (&'static str, fn() -> Scene);

const CASES: [Case; 14] = [
    ("chain: claim", chain::claim),
    ("chain: first succeeds", chain::first_succeeds),
    (
        "chain: first fails and all others are skipped",
        chain::first_fails_and_all_others_are_skipped,
    ),
    ("chain: cancel all", chain::cancel_all),
    (
        "fan out: root succeeds and all others are ready",
        fan_out::root_succeeds_and_all_others_are_ready,
    ),
    ("fan out: a leaf succeeds", fan_out::a_leaf_succeeds),
    ("fan out: time passes", fan_out::time_passes),
    (
        "fan out: root succeeds and all others read its output",
        fan_out::root_succeeds_and_all_others_read_its_output,
    ),
    ("fan in: one of all succeeds", fan_in::one_of_all_succeeds),
    ("layers: a task of the first layer succeeds", layers::a_task_of_the_first_layer_succeeds),
    ("layers: a task of the first layer fails", layers::a_task_of_the_first_layer_fails),
    ("mapped: opens", mapped::opens),
    ("mapped: a member succeeds", mapped::a_member_succeeds),
    ("mapped: the last member succeeds", mapped::the_last_member_succeeds),
];

/// A run, with the next event about it.
struct Scene {
    plan: Plan,
    view: View,
    event: Event,
}

impl Scene {
    /// Microseconds of a call; every call must say the same.
    fn samples(&self) -> Result<Vec<f64>> {
        let call = || advance(&self.plan, &self.view, &self.event, now());
        let expected = call();
        anyhow::ensure!(expected.is_ok(), "the event is stale");
        per_call(call, |effects| *effects == expected)
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
    use super::{Event, Scene, claimed, failed, nothing, run, running, succeeded};

    fn chain() -> Scene {
        run(|task| (0..task).next_back().into_iter().collect(), nothing)
    }

    pub(crate) fn claim() -> Scene {
        chain().then(claimed(0))
    }

    pub(crate) fn first_succeeds() -> Scene {
        running(chain(), 0, succeeded)
    }

    pub(crate) fn first_fails_and_all_others_are_skipped() -> Scene {
        running(chain(), 0, failed)
    }

    pub(crate) fn cancel_all() -> Scene {
        chain().then(Event::CancelAsked { task: None })
    }
}

mod fan_out {
    use super::{Event, Scene, json, nothing, run, running, succeeded};

    fn fan_out() -> Scene {
        run(|task| if task == 0 { Vec::new() } else { vec![0] }, nothing)
    }

    pub(crate) fn root_succeeds_and_all_others_are_ready() -> Scene {
        running(fan_out(), 0, succeeded)
    }

    pub(crate) fn a_leaf_succeeds() -> Scene {
        running(running(fan_out(), 0, succeeded), 2500, succeeded)
    }

    pub(crate) fn time_passes() -> Scene {
        running(fan_out(), 0, succeeded).then(Event::Waited)
    }

    pub(crate) fn root_succeeds_and_all_others_read_its_output() -> Scene {
        let when =
            |task| if task == 0 { json!({}) } else { json!({ "when": "outputs.t0000.rows > 10" }) };
        let scene = run(|task| if task == 0 { Vec::new() } else { vec![0] }, when);
        running(scene, 0, succeeded)
    }
}

mod fan_in {
    use super::{Scene, TASKS, nothing, run, running, succeeded};

    pub(crate) fn one_of_all_succeeds() -> Scene {
        let last = TASKS - 1;
        let scene =
            run(|task| if task == last { (0..last).collect() } else { Vec::new() }, nothing);
        running(scene, 2500, succeeded)
    }
}

mod layers {
    use super::{Scene, failed, nothing, run, running, succeeded};

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

    pub(crate) fn a_task_of_the_first_layer_succeeds() -> Scene {
        running(layers(), 50, succeeded)
    }

    pub(crate) fn a_task_of_the_first_layer_fails() -> Scene {
        running(layers(), 50, failed)
    }
}

mod mapped {
    use super::{Scene, TASKS, json, running, scene, succeeded};

    fn mapped() -> Scene {
        let members: Vec<usize> = (0..TASKS).collect();
        scene(&json!({ "m": { "uses": "command", "for_each": members } }))
    }

    pub(crate) fn opens() -> Scene {
        mapped()
    }

    pub(crate) fn a_member_succeeds() -> Scene {
        running(mapped(), 2500, succeeded)
    }

    pub(crate) fn the_last_member_succeeds() -> Scene {
        let mut scene = mapped();
        for member in 1..=TASKS {
            scene = running(scene, member, succeeded);
        }
        scene
    }
}
