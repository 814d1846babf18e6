//! Cancelling: of a run, which then only finalises, and of a task with all below it.

use super::Effect;
use super::board::{Board, End};
use crate::state::{RunState, TaskIndex, TaskState};

/// Somebody wants the run stopped.
pub(super) fn cancel_run(mut board: Board<'_>) -> Vec<Effect> {
    match board.view.run {
        RunState::Closed { .. } => return Vec::new(),
        RunState::Open { cancelling: false } => {
            board.is_cancelling = true;
            board.push(Effect::Cancelling);
        }
        RunState::Open { cancelling: true } => {}
    }
    for index in (0..board.view.tasks.len()).map(TaskIndex) {
        if !board.node_of(index).spec.finally {
            stop(&mut board, index);
        }
    }
    board.settle()
}

/// Somebody wants a task stopped, with all below it.
pub(super) fn cancel_task(mut board: Board<'_>, task: TaskIndex) -> Vec<Effect> {
    let is_known = board.view.task(task).is_some();
    if !is_known || !board.is_open(task) {
        return Vec::new();
    }
    // A parent comes before its children, so one pass finds all descendants.
    let mut is_below = vec![false; board.view.tasks.len()];
    is_below[task.0] = true;
    for index in task.0..is_below.len() {
        is_below[index] |=
            board.task(TaskIndex(index)).parent.is_some_and(|parent| is_below[parent.0]);
        if is_below[index] {
            stop(&mut board, TaskIndex(index));
        }
    }
    board.settle()
}

/// Ends a task that nobody runs, and asks the worker of one that somebody does, once.
fn stop(board: &mut Board<'_>, index: TaskIndex) {
    let task = board.task(index);
    match task.state {
        TaskState::Blocked
        | TaskState::Ready { .. }
        | TaskState::Backoff { .. }
        | TaskState::Expanded { .. } => {
            board.end(index, End::cancelled());
        }
        TaskState::Running { .. } if !task.cancel_requested => {
            board.push(Effect::AskToStop { task: index });
        }
        TaskState::Running { .. } | TaskState::Done { .. } => {}
    }
}
