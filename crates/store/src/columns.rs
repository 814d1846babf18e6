//! Tasks as columns, so that any number of them is one statement.

use serde_json::Value;
use tidemill_dag::ids::TaskId;
use tidemill_dag::plan::Node;
use tidemill_dag::slots::Slots;
use tidemill_dag::state::{Child, Outcome, TaskState, TaskView};
use tidemill_dag::time::{Lapse, Timestamp};
use uuid::Uuid;

use crate::labels::on_child_failure_label;

/// What a task's row says beside its view.
#[derive(Clone, Debug, Default)]
pub(crate) struct Extras {
    /// What an expanded task wants to know again.
    pub(crate) resume: Option<Value>,
    /// Why it ended.
    pub(crate) reason: Option<Value>,
}

/// The columns that change with a task's state.
#[derive(Debug, Default)]
pub(crate) struct StateColumns {
    pub(crate) id: Vec<Uuid>,
    pub(crate) state: Vec<&'static str>,
    pub(crate) attempt: Vec<i32>,
    pub(crate) phase: Vec<i32>,
    pub(crate) failures: Vec<i32>,
    pub(crate) losses: Vec<i32>,
    pub(crate) on_child_failure: Vec<&'static str>,
    pub(crate) cancel_requested: Vec<bool>,
    pub(crate) ready_at: Vec<Option<Timestamp>>,
    pub(crate) queued_until: Vec<Option<Timestamp>>,
    pub(crate) lease_until: Vec<Option<Timestamp>>,
    pub(crate) worker_id: Vec<Option<Uuid>>,
    pub(crate) expanded_at: Vec<Option<Timestamp>>,
    pub(crate) finished_at: Vec<Option<Timestamp>>,
    pub(crate) outcome: Vec<Option<&'static str>>,
    pub(crate) resume: Vec<Option<Value>>,
    pub(crate) output: Vec<Option<Value>>,
    pub(crate) reason: Vec<Option<Value>>,
}

impl StateColumns {
    pub(crate) fn push(&mut self, id: TaskId, task: &TaskView, node: &Node, extras: Extras) {
        let cells = StateCells::of(&task.state);
        let patience = node.limits.timeout.queued.map(Lapse::delta);
        let is_ready = matches!(task.state, TaskState::Ready { .. });
        let queued_until = cells
            .ready_at
            .filter(|_| is_ready)
            .zip(patience)
            .map(|(since, patience)| since + patience);
        self.id.push(id.as_uuid());
        self.state.push(task.state.label());
        self.attempt.push(task.attempt.0);
        self.phase.push(narrow(task.phase));
        self.failures.push(narrow(task.failures));
        self.losses.push(narrow(task.losses));
        self.on_child_failure.push(on_child_failure_label(task.on_child_failure));
        self.cancel_requested.push(task.cancel_requested);
        self.ready_at.push(cells.ready_at);
        self.queued_until.push(queued_until);
        self.lease_until.push(cells.lease_until);
        self.worker_id.push(cells.worker_id);
        self.expanded_at.push(cells.expanded_at);
        self.finished_at.push(cells.finished_at);
        self.outcome.push(cells.outcome.map(Outcome::label));
        self.resume.push(extras.resume);
        self.output.push(task.output.as_deref().cloned());
        self.reason.push(extras.reason);
    }

    pub(crate) fn len(&self) -> usize {
        self.id.len()
    }
}

/// The cells of one state: the other way round of the `TryFrom` in `rows`.
#[derive(Default)]
struct StateCells {
    ready_at: Option<Timestamp>,
    lease_until: Option<Timestamp>,
    worker_id: Option<Uuid>,
    expanded_at: Option<Timestamp>,
    finished_at: Option<Timestamp>,
    outcome: Option<Outcome>,
}

impl StateCells {
    fn of(state: &TaskState) -> Self {
        let none = Self::default();
        match state {
            TaskState::Blocked => none,
            TaskState::Ready { since } => Self { ready_at: Some(*since), ..none },
            TaskState::Running { attempt: _, lease } => Self {
                lease_until: Some(lease.until),
                worker_id: Some(lease.worker.as_uuid()),
                ..none
            },
            TaskState::Backoff { attempt: _, until } => Self { ready_at: Some(*until), ..none },
            TaskState::Expanded { attempt: _, since } => Self { expanded_at: Some(*since), ..none },
            TaskState::Done { attempt: _, at, outcome } => {
                Self { finished_at: Some(*at), outcome: Some(*outcome), ..none }
            }
        }
    }
}

/// What is fixed when a task is made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Birth<'view> {
    /// Its place in the view.
    pub(crate) position: usize,
    pub(crate) task: &'view TaskView,
    /// What its parent said of it; `None` for a node of the plan.
    pub(crate) child: Option<&'view Child>,
    /// What the run adds to its priority.
    pub(crate) priority: i32,
}

/// The columns that a task keeps for life.
#[derive(Debug, Default)]
pub(crate) struct BirthColumns {
    pub(crate) position: Vec<i32>,
    pub(crate) parent: Vec<Option<i32>>,
    pub(crate) wave: Vec<i32>,
    pub(crate) node: Vec<String>,
    pub(crate) path: Vec<String>,
    pub(crate) kind: Vec<String>,
    pub(crate) with: Vec<Option<Value>>,
    pub(crate) item: Vec<Option<Value>>,
    pub(crate) pool: Vec<String>,
    pub(crate) slots: Vec<i32>,
    pub(crate) declared_slots: Vec<i32>,
    pub(crate) learnt_from_bytes: Vec<Option<i64>>,
    pub(crate) priority: Vec<i32>,
}

impl BirthColumns {
    /// Adds a task of a node.
    pub(crate) fn push(&mut self, birth: &Birth<'_>, node: &Node) {
        let Birth { position, task, child, priority } = *birth;
        let Slots { declared, taken, learnt_from } = task.slots;
        let kind = child.map_or(&node.spec.uses, |child| &child.kind);
        self.position.push(place(position));
        self.parent.push(task.parent.map(|parent| place(parent.0)));
        self.wave.push(narrow(task.wave));
        self.node.push(task.path.node.to_string());
        self.path.push(task.path.to_string());
        self.kind.push(kind.to_string());
        self.with.push(child.and_then(|child| child.with.clone()));
        self.item.push(child.and_then(|child| child.item.clone()));
        self.pool.push(node.limits.pool.to_string());
        self.slots.push(narrow(taken));
        self.declared_slots.push(narrow(declared));
        self.learnt_from_bytes.push(learnt_from.map(wide));
        self.priority.push(node.limits.priority.saturating_add(priority));
    }
}

/// Counts of attempts and slots stay far below the limit of the column.
pub(crate) fn narrow(count: u32) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}

/// Amounts of memory stay far below the limit of the column.
pub(crate) fn wide(bytes: u64) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

fn place(index: usize) -> i32 {
    i32::try_from(index).expect("a run has at most a few ten thousand tasks")
}
