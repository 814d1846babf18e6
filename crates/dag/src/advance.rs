//! What happens next in a run: a pure function from a plan, a view and an event to effects.

mod attempt;
mod board;
mod cancel;
mod expand;
mod pause;
mod rule;
mod start;

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use self::board::{Board, End};
use crate::ids::RunId;
use crate::plan::Plan;
use crate::slots::{Shortage, Slots};
use crate::state::{Attempt, Child, Lease, OnChildFailure, Outcome, TaskIndex, TaskState, View};
use crate::time::Timestamp;

/// Something that happened to a run.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// The run was made.
    Opened,
    /// A worker takes a ready task.
    Claimed {
        /// The task.
        task: TaskIndex,
        /// Who takes it, until when.
        lease: Lease,
    },
    /// An attempt ended by itself.
    Finished {
        /// The task.
        task: TaskIndex,
        /// The attempt that speaks.
        attempt: Attempt,
        /// What it says.
        verdict: Verdict,
    },
    /// An attempt's lease ran out, or its worker said that it cannot go on.
    Lost {
        /// The task.
        task: TaskIndex,
        /// The attempt that was lost.
        attempt: Attempt,
        /// What it lacked, where the want of memory ended it.
        shortage: Option<Shortage>,
    },
    /// A run that a task waits for is over. Heard for no reason, it makes the task look and wait again.
    RunOver {
        /// The task.
        task: TaskIndex,
    },
    /// Time passed: tasks that queued too long give up.
    Waited,
    /// Somebody wants a task, with all below it, or the whole run stopped.
    CancelAsked {
        /// The task; `None` for the run.
        task: Option<TaskIndex>,
    },
}

/// How an attempt ended by itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "verdict", rename_all = "snake_case")]
pub enum Verdict {
    /// It did its work.
    Succeeded {
        /// Its small output, for conditions and templates.
        output: Arc<Value>,
    },
    /// It failed.
    Failed {
        /// Why, in a sentence.
        error: String,
        /// Whether another try could help.
        retry: Retry,
    },
    /// It asks for children and will go on when they are over.
    Expanded {
        /// The children.
        children: Vec<Child>,
        /// What it wants to know again when it goes on.
        state: Value,
        /// What happens when a child does not succeed.
        on_child_failure: OnChildFailure,
    },
    /// It waits for another run, and will go on when that is over.
    Awaits {
        /// The run.
        run: RunId,
        /// What it wants to know again when it goes on.
        state: Value,
    },
    /// It stopped because it was asked to.
    Cancelled,
}

/// Whether another try could help.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Retry {
    /// The cause may pass.
    MayHelp,
    /// The same inputs fail again.
    CannotHelp,
}

/// Why a task ended without doing its work.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "reason", rename_all = "snake_case")]
pub enum Reason {
    /// Its own work failed.
    Error {
        /// What it said.
        error: String,
    },
    /// It was ready for longer than its `queued` timeout.
    QueuedTooLong,
    /// Its workers died so often that it is taken for the cause.
    Poison {
        /// How many attempts were lost.
        losses: u32,
    },
    /// A child that it needed did not succeed.
    ChildFailed {
        /// The first such child.
        child: String,
    },
    /// Its rule can no longer hold.
    RuleUnmet {
        /// The task that decided it, where one did.
        upstream: Option<String>,
    },
    /// Its condition was false.
    ConditionFalse,
    /// Its condition or list could not be evaluated.
    BadExpression {
        /// What went wrong.
        error: String,
    },
    /// Somebody stopped it or its run.
    Cancelled,
}

/// A change to write down; the store and [`View::apply`] do the same with it.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// The task may be claimed.
    Ready {
        /// The task.
        task: TaskIndex,
        /// Its phase: one more each time it resumes after its children.
        phase: u32,
    },
    /// The task runs.
    Run {
        /// The task.
        task: TaskIndex,
        /// The new attempt.
        attempt: Attempt,
        /// Who runs it.
        lease: Lease,
    },
    /// The task pauses before the next try.
    Backoff {
        /// The task.
        task: TaskIndex,
        /// Until when.
        until: Timestamp,
        /// Its failures so far.
        failures: u32,
        /// Its losses so far.
        losses: u32,
        /// Why, where it said so.
        error: Option<String>,
    },
    /// The task waits for new tasks, which are added to the view in this order, ready; without any, for another run.
    Expand {
        /// The task.
        task: TaskIndex,
        /// Its children.
        children: Vec<Child>,
        /// What it wants to know again; `None` for a mapped task, which runs nothing itself.
        state: Option<Value>,
        /// What happens when a child does not succeed.
        on_child_failure: OnChildFailure,
    },
    /// The task is over.
    Done {
        /// The task.
        task: TaskIndex,
        /// How it ended.
        outcome: Outcome,
        /// Why, unless it succeeded.
        reason: Option<Reason>,
        /// Its output, if it has one.
        output: Option<Arc<Value>>,
    },
    /// The next attempt of the task takes more slots.
    Resize {
        /// The task.
        task: TaskIndex,
        /// What it takes.
        slots: Slots,
    },
    /// The running attempt is asked to stop.
    AskToStop {
        /// The task.
        task: TaskIndex,
    },
    /// From now on only finalisers start.
    Cancelling,
    /// The run is over.
    Close {
        /// How it ended.
        outcome: Outcome,
    },
}

/// An event that speaks for an attempt which no longer holds its task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("attempt {attempt} no longer holds the task")]
pub struct Stale {
    /// The attempt.
    pub attempt: Attempt,
}

/// Lost attempts after which a task is taken for the cause of the losses.
pub const POISON_AFTER: u32 = 5;

/// The most children that one expansion, or members that one list, may have.
pub const MOST_CHILDREN: usize = 10_000;

/// Computes what follows from `event`.
///
/// The same event given twice changes nothing the second time: it is [`Stale`], or has no effects. The effects come in
/// an order that depends on nothing but the arguments: what the event does to its task, then what that does to the
/// task's parents, then the tasks that may start, in the plan's order, and [`Effect::Close`] at the very end.
///
/// The caller guarantees that `view` is of a run of `plan`, as [`View::new`] wants it.
pub fn advance(
    plan: &Plan,
    view: &View,
    event: &Event,
    now: Timestamp,
) -> Result<Vec<Effect>, Stale> {
    match event {
        Event::Opened => Ok(opened(plan, view, now)),
        Event::Claimed { task, lease } => attempt::claimed(plan, view, *task, *lease, now),
        Event::Finished { task, attempt, verdict } => {
            let held = attempt::held(view, *task, *attempt)?;
            Ok(attempt::finished(Board::new(plan, view, now), held, verdict))
        }
        Event::Lost { task, attempt, shortage } => {
            let held = attempt::held(view, *task, *attempt)?;
            Ok(attempt::lost(Board::new(plan, view, now), held, *shortage))
        }
        Event::RunOver { task } => Ok(run_over(Board::new(plan, view, now), *task)),
        Event::Waited => Ok(waited(plan, view, now)),
        Event::CancelAsked { task: None } => Ok(cancel::cancel_run(Board::new(plan, view, now))),
        Event::CancelAsked { task: Some(task) } => {
            Ok(cancel::cancel_task(Board::new(plan, view, now), *task))
        }
    }
}

fn opened(plan: &Plan, view: &View, now: Timestamp) -> Vec<Effect> {
    let mut board = Board::new(plan, view, now);
    for node in 0..plan.nodes().len() {
        board.look_at(TaskIndex(node));
    }
    board.settle()
}

/// Lets a task go on that waits for another run, and for no children.
fn run_over(mut board: Board<'_>, task: TaskIndex) -> Vec<Effect> {
    if board.view.task(task).is_some() && board.waits_for_a_run(task) {
        let phase = board.task(task).phase.saturating_add(1);
        board.push(Effect::Ready { task, phase });
    }
    board.settle()
}

/// Ends the tasks that were ready for longer than their `queued` timeout; a pause before a retry is no queue.
fn waited(plan: &Plan, view: &View, now: Timestamp) -> Vec<Effect> {
    let mut board = Board::new(plan, view, now);
    for (index, task) in view.tasks.iter().enumerate() {
        let TaskState::Ready { since } = task.state else { continue };
        let index = TaskIndex(index);
        let limit = board.node_of(index).limits.timeout.queued;
        if limit.is_some_and(|limit| now.signed_duration_since(since) >= limit.delta()) {
            board.end(index, End::failed(Reason::QueuedTooLong));
        }
    }
    board.settle()
}

#[cfg(test)]
mod tests;
