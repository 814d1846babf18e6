//! A run, as transitions see it.

use std::sync::Arc;

use serde_json::Value;

use super::{Attempt, Child, OnChildFailure, RunState, TaskPath, TaskState};
use crate::advance::{Effect, Reason};
use crate::plan::{Node, Plan};
use crate::slots::Slots;
use crate::template::Facts;
use crate::time::Timestamp;

/// A task within a [`View`]: its place in the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TaskIndex(pub usize);

/// One task of a run, as transitions see it.
#[derive(Clone, Debug, PartialEq)]
pub struct TaskView {
    /// Its name in the run.
    pub path: TaskPath,
    /// The task that it is a child of.
    pub parent: Option<TaskIndex>,
    /// Where it stands.
    pub state: TaskState,
    /// The last attempt's number, zero before the first claim.
    pub attempt: Attempt,
    /// Failures of its own, which the user's retries are counted against.
    pub failures: u32,
    /// Attempts lost with their worker, which the platform's retries are counted against.
    pub losses: u32,
    /// How often it was resumed after an expansion.
    pub phase: u32,
    /// The phase of its parent that asked for it; zero for a node of the plan.
    pub wave: u32,
    /// What happens to it when a child fails.
    pub on_child_failure: OnChildFailure,
    /// Whether its running attempt was asked to stop.
    pub cancel_requested: bool,
    /// The slots that it takes.
    pub slots: Slots,
    /// Its output, where the plan says that a condition or a list reads it.
    pub output: Option<Arc<Value>>,
}

/// A run, as transitions see it: all tasks, in one list that only grows.
#[derive(Clone, Debug, PartialEq)]
pub struct View {
    /// What is fixed for the run: templates read it.
    pub facts: Arc<Facts>,
    /// Where the run stands.
    pub run: RunState,
    /// Its tasks. The first ones are the nodes of the plan, in the plan's order; children follow.
    pub tasks: Vec<TaskView>,
}

impl TaskView {
    /// A task that nothing has happened to yet, with one slot.
    pub const fn new(path: TaskPath, parent: Option<TaskIndex>, state: TaskState) -> Self {
        Self {
            path,
            parent,
            state,
            attempt: Attempt(0),
            failures: 0,
            losses: 0,
            phase: 0,
            wave: 0,
            on_child_failure: OnChildFailure::Fail,
            cancel_requested: false,
            slots: Slots::declared(1),
            output: None,
        }
    }

    /// Tells whether it is over.
    pub const fn is_done(&self) -> bool {
        self.state.outcome().is_some()
    }
}

impl View {
    /// A run as it was read back.
    ///
    /// The first tasks must be the nodes of the run's plan, in its order, and a parent must come before its children.
    pub const fn new(facts: Arc<Facts>, run: RunState, tasks: Vec<TaskView>) -> Self {
        Self { facts, run, tasks }
    }

    /// A new run of `plan`: all its tasks are blocked until [`Event::Opened`](crate::advance::Event::Opened).
    pub fn open(plan: &Plan, facts: Arc<Facts>) -> Self {
        let blocked = |node: &Node| TaskView {
            slots: Slots::declared(node.limits.slots),
            ..TaskView::new(TaskPath::of_node(node.name.clone()), None, TaskState::Blocked)
        };
        let tasks = plan.nodes().iter().map(blocked).collect();
        Self::new(facts, RunState::Open { cancelling: false }, tasks)
    }

    /// One task, if the run has it.
    pub fn task(&self, index: TaskIndex) -> Option<&TaskView> {
        self.tasks.get(index.0)
    }

    /// Writes down what [`advance`](crate::advance::advance) said about this view at `now`.
    ///
    /// This is what each effect means; the store does the same to its rows.
    pub fn apply(&mut self, effects: &[Effect], now: Timestamp) {
        for effect in effects {
            self.apply_one(effect, now);
        }
    }

    fn apply_one(&mut self, effect: &Effect, now: Timestamp) {
        match effect {
            Effect::Ready { task, phase } => {
                let task = &mut self.tasks[task.0];
                // A phase that came to its end was not the workers' death.
                if *phase > task.phase {
                    task.losses = 0;
                }
                task.phase = *phase;
                task.state = TaskState::Ready { since: now };
            }
            Effect::Run { task, attempt, lease } => {
                let task = &mut self.tasks[task.0];
                task.attempt = *attempt;
                task.state = TaskState::Running { attempt: *attempt, lease: *lease };
            }
            Effect::Backoff { task, until, failures, losses, error: _ } => {
                let task = &mut self.tasks[task.0];
                task.failures = *failures;
                task.losses = *losses;
                task.state = TaskState::Backoff { attempt: task.attempt, until: *until };
            }
            Effect::Expand { task, children, state, on_child_failure } => {
                self.tasks[task.0].on_child_failure = *on_child_failure;
                // A mapped task leaves no state: its members are itself, and take what it takes.
                self.expand(*task, children, state.is_none(), now);
            }
            Effect::Done { task, outcome, reason, output } => {
                let task = &mut self.tasks[task.0];
                match reason {
                    Some(Reason::Error { .. }) => task.failures += 1,
                    Some(Reason::Poison { losses }) => task.losses = *losses,
                    Some(
                        Reason::QueuedTooLong
                        | Reason::ChildFailed { .. }
                        | Reason::RuleUnmet { .. }
                        | Reason::ConditionFalse
                        | Reason::BadExpression { .. }
                        | Reason::Cancelled,
                    )
                    | None => {}
                }
                task.state = TaskState::Done { attempt: task.attempt, at: now, outcome: *outcome };
                task.output.clone_from(output);
            }
            Effect::Resize { task, slots } => self.tasks[task.0].slots = *slots,
            Effect::AskToStop { task } => self.tasks[task.0].cancel_requested = true,
            Effect::Cancelling => self.run = RunState::Open { cancelling: true },
            Effect::Close { outcome } => self.run = RunState::Closed { outcome: *outcome, at: now },
        }
    }

    fn expand(&mut self, parent: TaskIndex, children: &[Child], are_members: bool, now: Timestamp) {
        let task = &mut self.tasks[parent.0];
        task.state = TaskState::Expanded { attempt: task.attempt, since: now };
        let (path, wave, slots) = (task.path.clone(), task.phase, task.slots);
        for child in children {
            let ready = TaskState::Ready { since: now };
            let own = Slots::declared(child.slots.unwrap_or(slots.declared));
            let made = TaskView {
                wave,
                slots: if are_members { slots } else { own },
                ..TaskView::new(path.child(&child.label), Some(parent), ready)
            };
            self.tasks.push(made);
        }
    }
}
