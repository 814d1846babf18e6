//! What must be right before a time counts.

use anyhow::{Context, Result, ensure};
use tidemill_dag::state::{Outcome, RunState, TaskState};
use tidemill_dag::time::Timestamp;
use tidemill_store::{RunDetail, TaskDetail};

/// A closed run: when it was asked for and when it was over.
pub(crate) fn succeeded(run: &RunDetail) -> Result<(Timestamp, Timestamp)> {
    let RunState::Closed { at, outcome } = &run.run.state else {
        anyhow::bail!("run {} is not over", run.run.id);
    };
    ensure!(*outcome == Outcome::Succeeded, "run {} {}", run.run.id, outcome.label());
    Ok((run.run.created_at, *at))
}

/// When a task's only attempt started, and when it succeeded.
pub(crate) fn once(task: &TaskDetail) -> Result<(Timestamp, Timestamp)> {
    let TaskState::Done { at, outcome, .. } = &task.state else {
        anyhow::bail!("task `{}` is not over", task.path);
    };
    ensure!(*outcome == Outcome::Succeeded, "task `{}` {}", task.path, outcome.label());
    ensure!(task.attempt.0 == 1, "task `{}` took {} attempts", task.path, task.attempt.0);
    let started_at =
        task.started_at.with_context(|| format!("task `{}` never started", task.path))?;
    Ok((started_at, *at))
}

/// All of a run's tasks succeeded at once, as many as there should be, each after the one before it.
pub(crate) fn in_order(run: &RunDetail, tasks: usize) -> Result<()> {
    succeeded(run)?;
    ensure!(run.tasks.len() == tasks, "{} tasks instead of {tasks}", run.tasks.len());
    let mut before: Option<Timestamp> = None;
    for task in &run.tasks {
        let (started_at, ended_at) = once(task)?;
        let is_late_enough = before.is_none_or(|before| before <= started_at);
        ensure!(is_late_enough, "task `{}` did not wait for the one before it", task.path);
        before = Some(ended_at);
    }
    Ok(())
}

/// Milliseconds from one time to another.
pub(crate) fn milliseconds(from: Timestamp, to: Timestamp) -> f64 {
    (to - from).num_microseconds().map_or(f64::NAN, |micros| micros as f64 / 1000.0)
}
