//! What a transaction will write: effects gathered over events, before any statement.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use tidemill_dag::advance::{Effect, Reason};
use tidemill_dag::ids::{TaskId, WorkerId};
use tidemill_dag::names::PoolName;
use tidemill_dag::plan::Plan;
use tidemill_dag::slots::Slots;
use tidemill_dag::state::{Attempt, Child, TaskIndex, TaskState, View};

use crate::columns::{Birth, BirthColumns, Extras, StateColumns};

/// Where a task stood when it was read: its row is only written while it still stands there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Fence {
    state: &'static str,
    attempt: Attempt,
}

/// Effects of one or several events on one run.
#[derive(Debug)]
pub(crate) struct Changes {
    /// How many of the view's tasks have a row.
    stored: usize,
    /// How many tasks the view had; children come after them.
    first_child: usize,
    fences: BTreeMap<usize, Fence>,
    extras: BTreeMap<usize, Extras>,
    children: Vec<Child>,
    is_run_touched: bool,
    /// Tasks whose next attempt takes more slots.
    resized: BTreeMap<usize, Slots>,
    /// Who runs what is asked to stop.
    asked_to_stop: BTreeSet<WorkerId>,
}

impl Changes {
    /// Nothing yet, for a view whose first `stored` tasks have rows.
    pub(crate) fn of(view: &View, stored: usize) -> Self {
        Self {
            stored,
            first_child: view.tasks.len(),
            fences: BTreeMap::new(),
            extras: BTreeMap::new(),
            children: Vec::new(),
            is_run_touched: false,
            resized: BTreeMap::new(),
            asked_to_stop: BTreeSet::new(),
        }
    }

    /// Remembers effects; the caller applies them to the view right after.
    pub(crate) fn record(&mut self, view: &View, effects: &[Effect]) {
        for effect in effects {
            match effect {
                Effect::Ready { task, .. }
                | Effect::Run { task, .. }
                | Effect::Backoff { task, .. } => self.touch(view, *task),
                Effect::Resize { task, slots } => {
                    self.resized.insert(task.0, *slots);
                }
                Effect::AskToStop { task } => {
                    self.touch(view, *task);
                    if let TaskState::Running { lease, .. } = &view.tasks[task.0].state {
                        self.asked_to_stop.insert(lease.worker);
                    }
                }
                Effect::Expand { task, children, state, .. } => {
                    self.touch(view, *task);
                    self.extras.entry(task.0).or_default().resume.clone_from(state);
                    self.children.extend(children.iter().cloned());
                }
                Effect::Done { task, reason, .. } => {
                    self.touch(view, *task);
                    self.extras.entry(task.0).or_default().reason =
                        reason.as_ref().map(reason_as_json);
                }
                Effect::Cancelling | Effect::Close { .. } => self.is_run_touched = true,
            }
        }
    }

    /// A task that an earlier effect of the same list made is not in the view yet, and needs no fence.
    fn touch(&mut self, view: &View, task: TaskIndex) {
        if task.0 >= self.stored {
            return;
        }
        let task_view = &view.tasks[task.0];
        self.fences
            .entry(task.0)
            .or_insert(Fence { state: task_view.state.label(), attempt: task_view.attempt });
    }

    pub(crate) const fn is_run_touched(&self) -> bool {
        self.is_run_touched
    }

    /// The tasks whose next attempt takes more slots.
    pub(crate) fn resized(&self, ids: &[TaskId]) -> Vec<(TaskId, Slots)> {
        self.resized.iter().map(|(&index, slots)| (ids[index], *slots)).collect()
    }

    /// The workers that run what is asked to stop.
    pub(crate) const fn asked_to_stop(&self) -> &BTreeSet<WorkerId> {
        &self.asked_to_stop
    }

    /// The rows to change.
    pub(crate) fn updates(&self, plan: &Plan, view: &View, ids: &[TaskId]) -> Updates {
        let mut updates = Updates::default();
        for (&index, fence) in &self.fences {
            let task = &view.tasks[index];
            let extras = self.extras.get(&index).cloned().unwrap_or_default();
            updates.was_state.push(fence.state);
            updates.was_attempt.push(fence.attempt.0);
            updates.columns.push(ids[index], task, node_of(plan, view, index), extras);
        }
        updates
    }

    /// The rows to add; `ids` are those of all tasks of the view.
    pub(crate) fn inserts(
        &self,
        plan: &Plan,
        view: &View,
        ids: &[TaskId],
        priority: i32,
    ) -> Inserts {
        let mut inserts = Inserts::default();
        for (index, task) in view.tasks.iter().enumerate().skip(self.stored) {
            let node = node_of(plan, view, index);
            let child = index.checked_sub(self.first_child).map(|place| &self.children[place]);
            let extras = self.extras.get(&index).cloned().unwrap_or_default();
            inserts.columns.push(ids[index], task, node, extras);
            inserts.birth.push(&Birth { position: index, task, child, priority }, node);
        }
        inserts
    }

    /// The pools in which a task became ready.
    pub(crate) fn pools_with_ready_tasks(&self, plan: &Plan, view: &View) -> BTreeSet<PoolName> {
        let touched = self.fences.keys().copied().chain(self.stored..view.tasks.len());
        let ready =
            touched.filter(|&index| matches!(view.tasks[index].state, TaskState::Ready { .. }));
        ready.map(|index| node_of(plan, view, index).limits.pool.clone()).collect()
    }
}

/// Rows to change, with where they stood.
#[derive(Debug, Default)]
pub(crate) struct Updates {
    pub(crate) was_state: Vec<&'static str>,
    pub(crate) was_attempt: Vec<i32>,
    pub(crate) columns: StateColumns,
}

/// Rows to add.
#[derive(Debug, Default)]
pub(crate) struct Inserts {
    pub(crate) columns: StateColumns,
    pub(crate) birth: BirthColumns,
}

/// The node that a task is, or descends from.
fn node_of<'plan>(plan: &'plan Plan, view: &View, index: usize) -> &'plan tidemill_dag::plan::Node {
    let name = &view.tasks[index].path.node;
    plan.node(plan.index_of(name).expect("a run's tasks descend from the nodes of its plan"))
}

fn reason_as_json(reason: &Reason) -> Value {
    serde_json::to_value(reason).expect("a reason is texts and numbers")
}
