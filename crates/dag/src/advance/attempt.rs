//! Attempts: how they begin, what they say when they end, and what follows when they are lost.

use std::sync::Arc;

use serde_json::Value;

use super::board::{Board, End};
use super::{Effect, POISON_AFTER, Reason, Retry, Stale, Verdict, expand, pause};
use crate::plan::Plan;
use crate::slots::Shortage;
use crate::state::{Attempt, Child, Lease, OnChildFailure, RunState, TaskIndex, TaskState, View};
use crate::time::Timestamp;

/// A worker takes a task that is ready, or whose pause is over.
pub(super) fn claimed(
    plan: &Plan,
    view: &View,
    index: TaskIndex,
    lease: Lease,
    now: Timestamp,
) -> Result<Vec<Effect>, Stale> {
    let Some(task) = view.task(index) else {
        return Err(Stale { attempt: Attempt::default() });
    };
    let attempt = task.attempt.next();
    let is_claimable = match task.state {
        TaskState::Ready { .. } => true,
        TaskState::Backoff { until, .. } => until <= now,
        TaskState::Blocked
        | TaskState::Running { .. }
        | TaskState::Expanded { .. }
        | TaskState::Done { .. } => false,
    };
    let may_start = match view.run {
        RunState::Open { cancelling: false } => true,
        RunState::Open { cancelling: true } => {
            plan.index_of(&task.path.node).is_some_and(|node| plan.node(node).spec.finally)
        }
        RunState::Closed { .. } => false,
    };
    if is_claimable && may_start && !task.cancel_requested {
        Ok(vec![Effect::Run { task: index, attempt, lease }])
    } else {
        Err(Stale { attempt })
    }
}

/// A task with the attempt that runs it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Held {
    task: TaskIndex,
    attempt: Attempt,
}

/// The fence: lets only the attempt that runs the task speak for it.
pub(super) fn held(view: &View, task: TaskIndex, attempt: Attempt) -> Result<Held, Stale> {
    match view.task(task).map(|task| &task.state) {
        Some(TaskState::Running { attempt: running, .. }) if *running == attempt => {
            Ok(Held { task, attempt })
        }
        Some(
            TaskState::Running { .. }
            | TaskState::Blocked
            | TaskState::Ready { .. }
            | TaskState::Backoff { .. }
            | TaskState::Expanded { .. }
            | TaskState::Done { .. },
        )
        | None => Err(Stale { attempt }),
    }
}

/// An attempt ended by itself.
pub(super) fn finished(mut board: Board<'_>, held: Held, verdict: &Verdict) -> Vec<Effect> {
    match verdict {
        // It happened, whoever wanted it stopped.
        Verdict::Succeeded { output } => board.end(held.task, End::succeeded(Arc::clone(output))),
        Verdict::Cancelled => board.end(held.task, End::cancelled()),
        Verdict::Failed { .. } | Verdict::Expanded { .. } | Verdict::Awaits { .. }
            if board.must_stop(held.task) =>
        {
            board.end(held.task, End::cancelled());
        }
        Verdict::Failed { error, retry } => fail(&mut board, held, error, *retry),
        Verdict::Expanded { children, state, on_child_failure } => {
            grow(&mut board, held.task, children, state, *on_child_failure);
        }
        Verdict::Awaits { run: _, state } => board.push(Effect::Expand {
            task: held.task,
            children: Vec::new(),
            state: Some(state.clone()),
            on_child_failure: OnChildFailure::Fail,
        }),
    }
    board.settle()
}

fn fail(board: &mut Board<'_>, held: Held, error: &str, retry: Retry) {
    let task = board.task(held.task);
    let retries = &board.node_of(held.task).limits.retries;
    let error = error.to_owned();
    match retry {
        Retry::MayHelp if task.failures < retries.max => {
            let drawn_from = (board.view.facts.run, &task.path, held.attempt);
            let until = pause::until(board.now, retries.backoff, task.failures, drawn_from);
            let failures = task.failures + 1;
            board.push(Effect::Backoff {
                task: held.task,
                until,
                failures,
                losses: task.losses,
                error: Some(error),
            });
        }
        Retry::MayHelp | Retry::CannotHelp => {
            board.end(held.task, End::failed(Reason::Error { error }));
        }
    }
}

fn grow(
    board: &mut Board<'_>,
    index: TaskIndex,
    children: &[Child],
    state: &Value,
    on_child_failure: OnChildFailure,
) {
    if let Some(error) = expand::refuse(board.view, index, children) {
        board.end(index, End::failed(Reason::Error { error }));
    } else if children.is_empty() {
        let phase = board.task(index).phase.saturating_add(1);
        board.push(Effect::Ready { task: index, phase });
    } else {
        let (children, state) = (children.to_vec(), Some(state.clone()));
        board.push(Effect::Expand { task: index, children, state, on_child_failure });
    }
}

/// An attempt was lost with its worker, which is not the fault of its task until it happens too often.
pub(super) fn lost(mut board: Board<'_>, held: Held, shortage: Option<Shortage>) -> Vec<Effect> {
    let task = board.task(held.task);
    let losses = task.losses.saturating_add(1);
    if board.must_stop(held.task) {
        board.end(held.task, End::cancelled());
    } else if losses >= POISON_AFTER {
        board.end(held.task, End::failed(Reason::Poison { losses }));
    } else {
        let drawn_from = (board.view.facts.run, &task.path, held.attempt);
        let until = pause::until(board.now, pause::AFTER_LOSS, task.losses, drawn_from);
        board.push(Effect::Backoff {
            task: held.task,
            until,
            failures: task.failures,
            losses,
            error: None,
        });
        let larger = shortage.map(|shortage| task.slots.after(shortage));
        if let Some(slots) = larger.filter(|slots| slots.taken > task.slots.taken) {
            board.push(Effect::Resize { task: held.task, slots });
        }
    }
    board.settle()
}
