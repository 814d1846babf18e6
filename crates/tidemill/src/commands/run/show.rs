//! `tidemill run show`.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tidemill_dag::advance::Reason;
use tidemill_dag::size::ByteSize;
use tidemill_dag::slots::Slots;
use tidemill_dag::state::{TaskIndex, TaskPath, TaskState};
use tidemill_store::{RunDetail, RunFilter, Store, StoreError, TaskDetail, TriggeredBy};
use tidemill_task::CacheNote;

use super::explain;
use super::list::{document, took};
use super::{elapsed, run_word, shown, task_word};
use crate::App;
use crate::database::{Database, Version};
use crate::exit::{Exit, Failure};
use crate::output::table;

/// Shows one run with its tasks.
pub(crate) async fn run(app: &App<'_>, id: &str, explain: bool) -> Result<(), Failure> {
    let database = Database::open(app, Version::Current).await?;
    let detail = find(&database.store, id).await?;
    let explained = explain::explain(&database.store, &detail).await?;
    app.output.data(&as_json(&detail, &explained), |_| {
        let table = describe(&detail);
        if explain { format!("{table}\n\n{}", explain::describe(&explained)) } else { table }
    })
}

/// The run of this id, or that begins so; `latest` is the last one.
pub(super) async fn find(store: &Store, id: &str) -> Result<RunDetail, Failure> {
    if id == "latest" {
        let latest = store.runs(&RunFilter { limit: 1, ..RunFilter::default() }).await?.pop();
        let hint = "start one with `tidemill run start NAME --wait`".to_owned();
        let none =
            || Failure::new(Exit::NotFound, anyhow::anyhow!("there are no runs yet")).hint(hint);
        return Ok(store.run(latest.ok_or_else(none)?.id).await?);
    }
    let run = store.find_run(id).await.map_err(|error| match error {
        StoreError::UnknownRun { .. } => Failure::new(Exit::NotFound, error)
            .hint("`tidemill run list` lists the runs".to_owned()),
        other => other.into(),
    })?;
    Ok(store.run(run).await?)
}

fn as_json(detail: &RunDetail, explained: &[(TaskPath, String)]) -> Value {
    let words: BTreeMap<&TaskPath, &str> =
        explained.iter().map(|(task, words)| (task, words.as_str())).collect();
    let mut run = document(&detail.run);
    run["has_dropped_tasks"] = detail.run.has_dropped_tasks().into();
    let tasks = detail.tasks.iter().map(|task| {
        json!({
            "id": task.id,
            "task": task.path,
            "kind": task.kind,
            "pool": task.pool,
            "slots": { "taken": task.slots.taken, "declared": task.slots.declared, "learnt_from_bytes": task.slots.learnt_from },
            "started_run": task.started_run,
            "state": task_word(&task.state),
            "attempt": task.attempt,
            "failures": task.failures,
            "losses": task.losses,
            "started_at": task.started_at,
            "busy": task.busy,
            "reason": task.reason,
            "output": task.output,
            "cache": task.cache,
            "explanation": words.get(&task.path),
        })
    });
    run["task_runs"] = tasks.collect();
    run
}

/// A run for people: what it is, then its tasks.
pub(crate) fn describe(detail: &RunDetail) -> String {
    let run = &detail.run;
    let took = took(run).map(|took| format!(" in {}", elapsed(took))).unwrap_or_default();
    let rows = family_order(&detail.tasks).into_iter().map(|task| {
        let indent = "  ".repeat(task.path.labels.len());
        [
            format!("{indent}{}", task.path),
            task.kind.to_string(),
            task_word(&task.state).to_owned(),
            tries(task),
            elapsed(i64::try_from(task.busy.0.as_millis()).unwrap_or(i64::MAX)),
            why(task),
        ]
    });
    let asker = run.triggered_by.as_ref().map(asker).unwrap_or_default();
    let header = format!(
        "{}\n{} over {}, {}, {}{took}\nasked for {}{asker}, hash {}",
        run.id,
        run.dag,
        run.interval,
        run.kind.label(),
        run_word(&run.state),
        shown(run.created_at),
        run.hash.get(..12).unwrap_or(&run.hash)
    );
    if run.has_dropped_tasks() {
        return format!(
            "{header}\n\nits tasks were dropped by retention, as `retention.tasks` says"
        );
    }
    format!("{header}\n\n{}", table(["task", "kind", "state", "tries", "took", "why"], rows))
}

/// The task that asked for a run.
fn asker(by: &TriggeredBy) -> String {
    let task = by.task.as_ref().map(|task| format!(" by {task}")).unwrap_or_default();
    format!("{task} of {}", by.run)
}

/// Each task with its children right below it.
pub(super) fn family_order(tasks: &[TaskDetail]) -> Vec<&TaskDetail> {
    let place = |index: Option<TaskIndex>| index.map(|index| index.0);
    let mut children: BTreeMap<Option<usize>, Vec<usize>> = BTreeMap::new();
    for (index, task) in tasks.iter().enumerate() {
        children.entry(place(task.parent)).or_default().push(index);
    }
    let mut ordered = Vec::with_capacity(tasks.len());
    let mut open: Vec<usize> =
        children.remove(&None).unwrap_or_default().into_iter().rev().collect();
    while let Some(index) = open.pop() {
        ordered.push(&tasks[index]);
        open.extend(children.remove(&Some(index)).unwrap_or_default().into_iter().rev());
    }
    ordered
}

fn tries(task: &TaskDetail) -> String {
    match task.attempt.0 {
        0 => String::new(),
        tries => tries.to_string(),
    }
}

/// Why a task stands where it does, and takes what it takes, where that is worth a word.
fn why(task: &TaskDetail) -> String {
    let parts = [stands(task), slots(task.slots)];
    let parts: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    parts.join("; ")
}

/// What a task takes, where that is not what it declares.
fn slots(slots: Slots) -> String {
    let Slots { declared, taken, learnt_from } = slots;
    if taken == declared {
        return String::new();
    }
    let because = match learnt_from {
        Some(peak) => format!("learnt from a peak of {}", ByteSize(peak).shown()),
        None => "raised after it ran out of memory".to_owned(),
    };
    format!("slots {taken} (declared {declared}, {because})")
}

fn stands(task: &TaskDetail) -> String {
    match (&task.state, task.started_run) {
        (TaskState::Backoff { until, .. }, _) => return format!("next try at {}", shown(*until)),
        (TaskState::Expanded { .. }, Some(run)) => return format!("waits for {run}"),
        (_, _) => {}
    }
    match &task.reason {
        None if task.cache.as_ref().is_some_and(CacheNote::is_hit) => "cached".to_owned(),
        None => String::new(),
        Some(Reason::Error { error } | Reason::BadExpression { error }) => error.clone(),
        Some(Reason::QueuedTooLong) => "it was ready for too long".to_owned(),
        Some(Reason::Poison { losses }) => format!("{losses} workers died of it"),
        Some(Reason::ChildFailed { child }) => format!("its child {child} did not succeed"),
        Some(Reason::RuleUnmet { upstream: Some(upstream) }) => {
            format!("its rule cannot hold after {upstream}")
        }
        Some(Reason::RuleUnmet { upstream: None }) => "its rule cannot hold".to_owned(),
        Some(Reason::ConditionFalse) => "its condition is false".to_owned(),
        Some(Reason::Cancelled) => "it was cancelled".to_owned(),
    }
}
