//! The board that one event is played out on: what changes over the view, and what that makes happen next.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use super::{Effect, Reason};
use crate::plan::{Node, Plan};
use crate::state::{OnChildFailure, Outcome, RunState, TaskIndex, TaskState, TaskView, View};
use crate::time::Timestamp;

/// How a task ends.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct End {
    outcome: Outcome,
    reason: Option<Reason>,
    output: Option<Arc<Value>>,
}

impl End {
    pub(super) const fn succeeded(output: Arc<Value>) -> Self {
        Self { outcome: Outcome::Succeeded, reason: None, output: Some(output) }
    }

    pub(super) const fn failed(reason: Reason) -> Self {
        Self { outcome: Outcome::Failed, reason: Some(reason), output: None }
    }

    pub(super) const fn skipped(reason: Reason) -> Self {
        Self { outcome: Outcome::Skipped, reason: Some(reason), output: None }
    }

    pub(super) const fn cancelled() -> Self {
        Self { outcome: Outcome::Cancelled, reason: Some(Reason::Cancelled), output: None }
    }
}

/// The view of a run with what one event changes in it.
///
/// It costs one pass over the tasks to set up; each task then ends at most once, and each node is looked at once.
#[derive(Debug)]
pub(super) struct Board<'a> {
    pub(super) plan: &'a Plan,
    pub(super) view: &'a View,
    pub(super) now: Timestamp,
    /// Whether the run is being cancelled, before this event or by it.
    pub(super) is_cancelling: bool,
    /// How each task of the view ended, if it did.
    outcomes: Vec<Option<Outcome>>,
    /// Outputs of the tasks that this event ended.
    outputs: BTreeMap<TaskIndex, Arc<Value>>,
    /// The node that each task of the view belongs to.
    nodes: Vec<TaskIndex>,
    /// How many open tasks there are at and below each task.
    open_tasks: Vec<usize>,
    /// The children that each expanded task waits for now.
    broods: BTreeMap<TaskIndex, Vec<TaskIndex>>,
    /// The nodes that may be able to start.
    is_due: Vec<bool>,
    effects: Vec<Effect>,
}

impl<'a> Board<'a> {
    pub(super) fn new(plan: &'a Plan, view: &'a View, now: Timestamp) -> Self {
        let mut board = Self {
            plan,
            view,
            now,
            is_cancelling: matches!(view.run, RunState::Open { cancelling: true }),
            outcomes: view.tasks.iter().map(|task| task.state.outcome()).collect(),
            outputs: BTreeMap::new(),
            nodes: Vec::with_capacity(view.tasks.len()),
            open_tasks: vec![0; view.tasks.len()],
            broods: BTreeMap::new(),
            is_due: vec![false; plan.nodes().len()],
            effects: Vec::new(),
        };
        for (index, task) in view.tasks.iter().enumerate() {
            // A parent comes before its children, so its node is known here.
            let node = task.parent.map_or(TaskIndex(index), |parent| board.nodes[parent.0]);
            board.nodes.push(node);
            board.note_child(TaskIndex(index), task);
        }
        // Going backwards, a task's count is complete before it is added to its parent's.
        for (index, task) in view.tasks.iter().enumerate().rev() {
            board.open_tasks[index] += usize::from(board.outcomes[index].is_none());
            if let Some(parent) = task.parent {
                board.open_tasks[parent.0] += board.open_tasks[index];
            }
        }
        board
    }

    fn note_child(&mut self, child: TaskIndex, task: &TaskView) {
        let Some(parent) = task.parent else { return };
        let asking = self.task(parent);
        // Children of earlier phases were judged when their phase ended.
        if matches!(asking.state, TaskState::Expanded { .. }) && task.wave == asking.phase {
            self.broods.entry(parent).or_default().push(child);
        }
    }

    /// A task as it stood before the event.
    pub(super) fn task(&self, task: TaskIndex) -> &'a TaskView {
        &self.view.tasks[task.0]
    }

    /// The node of the plan that a task belongs to.
    pub(super) fn node_of(&self, task: TaskIndex) -> &'a Node {
        self.plan.node(self.nodes[task.0])
    }

    /// Whether a task must stop: it was asked to, or its run was and it is not a finaliser's.
    pub(super) fn must_stop(&self, task: TaskIndex) -> bool {
        self.task(task).cancel_requested || (self.is_cancelling && !self.node_of(task).spec.finally)
    }

    /// Whether a task is not over, also after what this event did so far.
    pub(super) fn is_open(&self, task: TaskIndex) -> bool {
        self.outcomes[task.0].is_none()
    }

    /// How a node ended, once nothing below it runs any more.
    pub(super) fn over(&self, node: TaskIndex) -> Option<Outcome> {
        self.outcomes[node.0].filter(|_| self.open_tasks[node.0] == 0)
    }

    /// Whether a task waits, and nothing below it is open.
    pub(super) fn waits_for_a_run(&self, task: TaskIndex) -> bool {
        matches!(self.task(task).state, TaskState::Expanded { .. }) && self.open_tasks[task.0] == 1
    }

    /// The output of a task that is over, if it has one.
    pub(super) fn output(&self, task: TaskIndex) -> Option<&Arc<Value>> {
        self.outputs.get(&task).or(self.view.tasks[task.0].output.as_ref())
    }

    /// Writes down an effect that ends no task.
    pub(super) fn push(&mut self, effect: Effect) {
        self.effects.push(effect);
    }

    /// Ends a task, and its parents as far as they were waiting for it alone.
    pub(super) fn end(&mut self, task: TaskIndex, end: End) {
        let mut next = Some((task, end));
        while let Some((task, end)) = next.take() {
            if self.is_open(task) {
                self.write_end(task, end);
                next = self.waiting_parent(task).and_then(|parent| self.resume(parent));
            }
        }
    }

    fn write_end(&mut self, task: TaskIndex, end: End) {
        let End { outcome, reason, output } = end;
        self.outcomes[task.0] = Some(outcome);
        if let Some(output) = &output {
            self.outputs.insert(task, Arc::clone(output));
        }
        self.push(Effect::Done { task, outcome, reason, output });
        let mut above = Some(task);
        while let Some(task) = above {
            self.open_tasks[task.0] -= 1;
            above = self.task(task).parent;
        }
        let node = self.nodes[task.0];
        if self.open_tasks[node.0] == 0 {
            for &waiting in &self.plan.node(node).downstream {
                self.is_due[waiting.0] = true;
            }
        }
    }

    /// The open task above `task` that now has nothing open below it.
    fn waiting_parent(&self, task: TaskIndex) -> Option<TaskIndex> {
        let mut parent = self.task(task).parent?;
        // A parent that was cancelled ended before its children did.
        while !self.is_open(parent) {
            parent = self.task(parent).parent?;
        }
        let is_waiting = matches!(self.task(parent).state, TaskState::Expanded { .. });
        (is_waiting && self.open_tasks[parent.0] == 1).then_some(parent)
    }

    /// Lets a task go on after its children, unless that is its end.
    fn resume(&mut self, parent: TaskIndex) -> Option<(TaskIndex, End)> {
        let members = self.broods.remove(&parent).unwrap_or_default();
        let task = self.task(parent);
        let is_mapped = self.is_mapped(parent);
        if is_mapped || task.on_child_failure == OnChildFailure::Fail {
            let is_bad = |member: &&TaskIndex| self.outcomes[member.0] != Some(Outcome::Succeeded);
            if let Some(bad) = members.iter().find(is_bad) {
                let child = self.task(*bad).path.to_string();
                return Some((parent, End::failed(Reason::ChildFailed { child })));
            }
        }
        if is_mapped {
            return Some((parent, End::succeeded(Arc::new(self.collect(&members)))));
        }
        self.push(Effect::Ready { task: parent, phase: task.phase.saturating_add(1) });
        None
    }

    /// Whether a task is a node that stands for a list and runs nothing itself.
    fn is_mapped(&self, task: TaskIndex) -> bool {
        self.task(task).parent.is_none() && self.plan.node(task).for_each().is_some()
    }

    /// The outputs of the members in their order; an unknown one keeps its place as `null`.
    fn collect(&self, members: &[TaskIndex]) -> Value {
        let output = |member: &TaskIndex| {
            self.output(*member).map_or(Value::Null, |output| Value::clone(output))
        };
        members.iter().map(output).collect()
    }

    /// Marks a node as one that may be able to start.
    pub(super) fn look_at(&mut self, node: TaskIndex) {
        self.is_due[node.0] = true;
    }

    /// Starts what may start, closes the run if all is over, and hands out the effects.
    pub(super) fn settle(mut self) -> Vec<Effect> {
        // Who waits for a node comes after it in the plan, so one sweep sees all that follows.
        for node in 0..self.is_due.len() {
            if self.is_due[node] {
                self.start_if_allowed(TaskIndex(node));
            }
        }
        if matches!(self.view.run, RunState::Open { .. }) && self.is_over() {
            let outcome = self.run_outcome();
            self.push(Effect::Close { outcome });
        }
        self.effects
    }

    fn is_over(&self) -> bool {
        self.open_tasks[..self.plan.nodes().len()].iter().all(|open| *open == 0)
    }

    fn run_outcome(&self) -> Outcome {
        if self.outcomes[..self.plan.nodes().len()].contains(&Some(Outcome::Failed)) {
            Outcome::Failed
        } else if self.is_cancelling {
            Outcome::Cancelled
        } else {
            Outcome::Succeeded
        }
    }
}
