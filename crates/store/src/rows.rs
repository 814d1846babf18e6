//! From flat rows to the states of the domain; impossible combinations are corrupt.

use std::sync::Arc;

use serde_json::Value;
use tidemill_dag::ids::WorkerId;
use tidemill_dag::slots::Slots;
use tidemill_dag::state::{Attempt, Lease, RunState, TaskIndex, TaskPath, TaskState, TaskView};
use tidemill_dag::time::Timestamp;
use uuid::Uuid;

use crate::error::CorruptRow;
use crate::labels::{self, RunLabel, TaskLabel};

/// The columns of `task_runs` that say where a task stands.
pub(crate) struct TaskStateRow {
    pub(crate) id: Uuid,
    pub(crate) state: TaskLabel,
    pub(crate) attempt: i32,
    pub(crate) ready_at: Option<Timestamp>,
    pub(crate) lease_until: Option<Timestamp>,
    pub(crate) worker_id: Option<Uuid>,
    pub(crate) expanded_at: Option<Timestamp>,
    pub(crate) finished_at: Option<Timestamp>,
    pub(crate) outcome: Option<String>,
}

impl TryFrom<TaskStateRow> for TaskState {
    type Error = CorruptRow;

    fn try_from(row: TaskStateRow) -> Result<Self, CorruptRow> {
        let attempt = Attempt(row.attempt);
        let lease = match (row.worker_id, row.lease_until) {
            (Some(worker), Some(until)) => {
                Some(Lease { worker: WorkerId::from_uuid(worker), until })
            }
            (None, None) => None,
            (Some(_), None) | (None, Some(_)) => return Err(corrupt(row.id)),
        };
        let end = match (row.finished_at, row.outcome.as_deref().map(labels::outcome)) {
            (Some(at), Some(Some(outcome))) => Some((at, outcome)),
            (None, None) => None,
            (Some(_) | None, Some(_)) | (Some(_), None) => return Err(corrupt(row.id)),
        };
        match (row.state, row.ready_at, lease, row.expanded_at, end) {
            (TaskLabel::Blocked, None, None, None, None) => Ok(Self::Blocked),
            (TaskLabel::Ready, Some(since), None, None, None) => Ok(Self::Ready { since }),
            (TaskLabel::Running, _, Some(lease), None, None) => {
                Ok(Self::Running { attempt, lease })
            }
            (TaskLabel::Backoff, Some(until), None, None, None) => {
                Ok(Self::Backoff { attempt, until })
            }
            (TaskLabel::Expanded, _, None, Some(since), None) => {
                Ok(Self::Expanded { attempt, since })
            }
            (TaskLabel::Done, _, None, None, Some((at, outcome))) => {
                Ok(Self::Done { attempt, at, outcome })
            }
            // Spelled out so that a new label fails to compile here.
            (
                TaskLabel::Blocked
                | TaskLabel::Ready
                | TaskLabel::Running
                | TaskLabel::Backoff
                | TaskLabel::Expanded
                | TaskLabel::Done,
                ..,
            ) => Err(corrupt(row.id)),
        }
    }
}

fn corrupt(id: Uuid) -> CorruptRow {
    CorruptRow::new("task_runs", &id, "task_runs_state_columns_agree")
}

/// The columns of `task_runs` that transitions read.
pub(crate) struct TaskRow {
    pub(crate) id: Uuid,
    pub(crate) parent: Option<i32>,
    pub(crate) path: String,
    pub(crate) state: TaskLabel,
    pub(crate) attempt: i32,
    pub(crate) phase: i32,
    pub(crate) wave: i32,
    pub(crate) failures: i32,
    pub(crate) losses: i32,
    pub(crate) on_child_failure: String,
    pub(crate) cancel_requested: bool,
    pub(crate) slots: i32,
    pub(crate) declared_slots: i32,
    pub(crate) learnt_from_bytes: Option<i64>,
    pub(crate) ready_at: Option<Timestamp>,
    pub(crate) lease_until: Option<Timestamp>,
    pub(crate) worker_id: Option<Uuid>,
    pub(crate) expanded_at: Option<Timestamp>,
    pub(crate) finished_at: Option<Timestamp>,
    pub(crate) outcome: Option<String>,
    pub(crate) output: Option<Value>,
}

impl TryFrom<TaskRow> for TaskView {
    type Error = CorruptRow;

    fn try_from(row: TaskRow) -> Result<Self, CorruptRow> {
        let id = row.id;
        let corrupt = |constraint| CorruptRow::new("task_runs", &id, constraint);
        let count =
            |value: i32| u32::try_from(value).map_err(|_| corrupt("task_runs_counts_not_negative"));
        let parent = match row.parent.map(usize::try_from) {
            None => None,
            Some(Ok(place)) => Some(TaskIndex(place)),
            Some(Err(_)) => return Err(corrupt("task_runs_parent_comes_first")),
        };
        Ok(Self {
            path: task_path(id, &row.path)?,
            parent,
            attempt: Attempt(row.attempt),
            phase: count(row.phase)?,
            wave: count(row.wave)?,
            failures: count(row.failures)?,
            losses: count(row.losses)?,
            on_child_failure: labels::on_child_failure(&row.on_child_failure)
                .ok_or_else(|| corrupt("on_child_failure"))?,
            cancel_requested: row.cancel_requested,
            slots: slots(id, row.slots, row.declared_slots, row.learnt_from_bytes)?,
            output: row.output.map(Arc::new),
            state: TaskState::try_from(TaskStateRow {
                id,
                state: row.state,
                attempt: row.attempt,
                ready_at: row.ready_at,
                lease_until: row.lease_until,
                worker_id: row.worker_id,
                expanded_at: row.expanded_at,
                finished_at: row.finished_at,
                outcome: row.outcome,
            })?,
        })
    }
}

/// The columns of the slots that a task takes.
pub(crate) fn slots(
    id: Uuid,
    taken: i32,
    declared: i32,
    learnt_from_bytes: Option<i64>,
) -> Result<Slots, CorruptRow> {
    let corrupt = |_| CorruptRow::new("task_runs", &id, "task_runs_slots_positive");
    Ok(Slots {
        declared: u32::try_from(declared).map_err(corrupt)?,
        taken: u32::try_from(taken).map_err(corrupt)?,
        learnt_from: learnt_from_bytes.map(u64::try_from).transpose().map_err(corrupt)?,
    })
}

pub(crate) fn task_path(id: Uuid, path: &str) -> Result<TaskPath, CorruptRow> {
    path.parse().map_err(|_| CorruptRow::new("task_runs", &id, "task_runs_path_is_a_path"))
}

/// The columns of `dag_runs` that say where a run stands.
pub(crate) struct RunStateRow {
    pub(crate) id: Uuid,
    pub(crate) state: RunLabel,
    pub(crate) outcome: Option<String>,
    pub(crate) finished_at: Option<Timestamp>,
}

impl TryFrom<RunStateRow> for RunState {
    type Error = CorruptRow;

    fn try_from(row: RunStateRow) -> Result<Self, CorruptRow> {
        match (row.state, row.outcome.as_deref().map(labels::outcome), row.finished_at) {
            (RunLabel::Open, None, None) => Ok(Self::Open { cancelling: false }),
            (RunLabel::Cancelling, None, None) => Ok(Self::Open { cancelling: true }),
            (RunLabel::Closed, Some(Some(outcome)), Some(at)) => Ok(Self::Closed { outcome, at }),
            (RunLabel::Open | RunLabel::Cancelling | RunLabel::Closed, ..) => {
                Err(CorruptRow::new("dag_runs", &row.id, "dag_runs_state_columns_agree"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use tidemill_dag::state::Outcome;

    use super::*;

    fn row(state: TaskLabel) -> TaskStateRow {
        TaskStateRow {
            id: Uuid::nil(),
            state,
            attempt: 1,
            ready_at: None,
            lease_until: None,
            worker_id: None,
            expanded_at: None,
            finished_at: None,
            outcome: None,
        }
    }

    #[test]
    fn a_finished_row_becomes_a_finished_task() {
        let at = DateTime::UNIX_EPOCH;
        let row = TaskStateRow {
            finished_at: Some(at),
            outcome: Some("skipped".into()),
            ..row(TaskLabel::Done)
        };

        let state = TaskState::try_from(row);

        assert_eq!(
            state,
            Ok(TaskState::Done { attempt: Attempt(1), at, outcome: Outcome::Skipped })
        );
    }

    #[test]
    fn a_running_row_without_a_lease_is_corrupt() {
        let state = TaskState::try_from(row(TaskLabel::Running));

        assert_eq!(state, Err(corrupt(Uuid::nil())));
    }

    #[test]
    fn a_blocked_row_with_an_outcome_is_corrupt() {
        let row = TaskStateRow { outcome: Some("failed".into()), ..row(TaskLabel::Blocked) };

        assert_eq!(TaskState::try_from(row), Err(corrupt(Uuid::nil())));
    }
}
