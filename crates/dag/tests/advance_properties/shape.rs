//! Random DAGs.

use serde_json::{Map, Value, json};
use tidemill_dag::plan::Plan;
use tidemill_dag::spec::TriggerRule;

/// What is random about one task; the choices that make no sense for it are left out.
#[derive(Clone, Debug)]
pub(crate) struct TaskShape {
    /// Which of the tasks before it are needed, as bits that are thinned out with their number.
    pub(crate) needs: u32,
    pub(crate) rule: usize,
    pub(crate) condition: Option<usize>,
    pub(crate) for_each: Option<usize>,
    pub(crate) finally: bool,
    pub(crate) retries: u32,
    pub(crate) queues: bool,
}

/// The plan of a DAG with these tasks. Task `t07` may need `t00` to `t06`.
pub(crate) fn plan_of(shapes: &[TaskShape]) -> Plan {
    let mut tasks = Map::new();
    for (index, shape) in shapes.iter().enumerate() {
        tasks.insert(name(index), task(index, shape));
    }
    let spec = json!({ "dag": "random", "tasks": tasks });
    Plan::new(&serde_json::from_value(spec).unwrap()).unwrap()
}

fn name(index: usize) -> String {
    format!("t{index:02}")
}

fn task(index: usize, shape: &TaskShape) -> Value {
    let needs = needs(index, shape);
    let mut when = Map::new();
    when.insert("rule".into(), json!(TriggerRule::ALL[shape.rule].label()));
    // Only what a task waits for is read, so that the time of reading does not matter.
    let read = needs.get(shape.needs as usize % needs.len().max(1)).map(|read| name(*read));
    if let Some(condition) = shape.condition.and_then(|choice| condition(choice, read.as_deref())) {
        when.insert("if".into(), json!(condition));
    }
    let mut task = json!({
        "uses": "command",
        "needs": needs.iter().map(|index| name(*index)).collect::<Vec<_>>(),
        "when": when,
        "finally": shape.finally,
        "retries": { "max": shape.retries, "backoff": "10s..2m" },
    });
    if let Some(list) = shape.for_each.map(|choice| for_each(choice, read.as_deref())) {
        task["for_each"] = list;
    }
    if shape.queues {
        task["timeout"] = json!({ "queued": "10m" });
    }
    task
}

fn needs(index: usize, shape: &TaskShape) -> Vec<usize> {
    // About two of the tasks before it, and the nearer ones with more bits to pick them.
    let bit = |earlier: &usize| shape.needs.rotate_left(u32::try_from(index - earlier).unwrap());
    (0..index)
        .filter(|earlier| bit(earlier) % u32::try_from(index.div_ceil(2)).unwrap() == 0)
        .collect()
}

fn condition(choice: usize, read: Option<&str>) -> Option<String> {
    match (choice, read) {
        (0, _) => Some("params.yes".into()),
        (1, _) => Some("not params.yes".into()),
        (2, Some(task)) => Some(format!("outputs.{task} is defined")),
        (_, Some(task)) => Some(format!("outputs.{task}.flag")),
        (_, None) => None,
    }
}

fn for_each(choice: usize, read: Option<&str>) -> Value {
    match (choice, read) {
        (0, _) => json!([]),
        (1, _) => json!(["a", "b", "c"]),
        (2, Some(task)) => json!(format!("outputs.{task}.list")),
        (_, _) => json!("params.list"),
    }
}
