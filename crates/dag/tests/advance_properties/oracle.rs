//! The promises of `advance`, each told as plainly as possible and computed from scratch.

use tidemill_dag::advance::{Effect, Event, Reason};
use tidemill_dag::plan::{Node, Plan};
use tidemill_dag::spec::{ForEach, TriggerRule};
use tidemill_dag::state::{Outcome, RunState, TaskIndex, TaskState, TaskView, View};
use tidemill_dag::time::Timestamp;

use crate::play::History;

/// One event and what it did.
pub(crate) struct Change<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) before: &'a View,
    pub(crate) event: &'a Event,
    pub(crate) effects: &'a [Effect],
    pub(crate) after: &'a View,
    pub(crate) now: Timestamp,
}

/// Holds a change against all promises.
pub(crate) fn judge(change: &Change<'_>, history: &mut History) -> Result<(), String> {
    if let Event::CancelAsked { task: Some(task) } = change.event
        && !change.before.tasks[task.0].is_done()
    {
        history.cancelled.insert(*task);
    }
    history.is_cancelling |= change.effects.contains(&Effect::Cancelling);
    attempts_start_once(change, history)?;
    nothing_starts_after_a_cancel(change, history)?;
    done_stays_done(change)?;
    the_run_closes_once_and_last(change, history)?;
    nodes_start_as_their_rules_say(change)?;
    note_who_awaits(change, history);
    parents_wait_for_their_children(change, history)?;
    slots_only_grow(change)?;
    everyone_running_is_asked_to_stop(change, history)
}

/// The task that an effect is about.
pub(crate) const fn task_of(effect: &Effect) -> Option<TaskIndex> {
    match effect {
        Effect::Ready { task, .. }
        | Effect::Run { task, .. }
        | Effect::Backoff { task, .. }
        | Effect::Expand { task, .. }
        | Effect::Done { task, .. }
        | Effect::Resize { task, .. }
        | Effect::AskToStop { task } => Some(*task),
        Effect::Cancelling | Effect::Close { .. } => None,
    }
}

fn hold(promise: bool, broken: impl FnOnce() -> String) -> Result<(), String> {
    if promise { Ok(()) } else { Err(broken()) }
}

fn attempts_start_once(change: &Change<'_>, history: &mut History) -> Result<(), String> {
    for effect in change.effects {
        let Effect::Run { task, attempt, .. } = effect else { continue };
        let before = &change.before.tasks[task.0];
        let is_claimable = match before.state {
            TaskState::Ready { .. } => true,
            TaskState::Backoff { until, .. } => until <= change.now,
            TaskState::Blocked
            | TaskState::Running { .. }
            | TaskState::Expanded { .. }
            | TaskState::Done { .. } => false,
        };
        hold(is_claimable, || format!("{} starts from {:?}", before.path, before.state))?;
        hold(*attempt == before.attempt.next(), || {
            format!("{} starts attempt {attempt}", before.path)
        })?;
        hold(history.started.insert((*task, *attempt)), || {
            format!("{} starts {attempt} twice", before.path)
        })?;
    }
    Ok(())
}

fn nothing_starts_after_a_cancel(change: &Change<'_>, history: &History) -> Result<(), String> {
    for effect in change.effects {
        let task = match effect {
            Effect::Ready { task, .. }
            | Effect::Run { task, .. }
            | Effect::Backoff { task, .. }
            | Effect::Expand { task, .. } => *task,
            Effect::Done { .. }
            | Effect::Resize { .. }
            | Effect::AskToStop { .. }
            | Effect::Cancelling
            | Effect::Close { .. } => continue,
        };
        let path = &change.after.tasks[task.0].path;
        let is_finaliser = node_of(change, task).spec.finally;
        hold(!history.is_cancelling || is_finaliser, || {
            format!("{path} goes on after the run was cancelled")
        })?;
        let is_cancelled =
            lineage(change.after, task).any(|task| history.cancelled.contains(&task));
        hold(!is_cancelled, || format!("{path} goes on after it was cancelled"))?;
    }
    Ok(())
}

fn done_stays_done(change: &Change<'_>) -> Result<(), String> {
    for (before, after) in change.before.tasks.iter().zip(&change.after.tasks) {
        hold(!before.is_done() || before == after, || {
            format!("{} was done and changed", before.path)
        })?;
    }
    let ends = |task: &TaskIndex| {
        change
            .effects
            .iter()
            .filter(|effect| matches!(effect, Effect::Done { task: ended, .. } if ended == task))
            .count()
    };
    let twice = (0..change.after.tasks.len()).map(TaskIndex).find(|task| ends(task) > 1);
    hold(twice.is_none(), || format!("{twice:?} ends twice in one event"))
}

fn the_run_closes_once_and_last(change: &Change<'_>, history: &mut History) -> Result<(), String> {
    let closes: Vec<usize> = (0..change.effects.len())
        .filter(|index| matches!(change.effects[*index], Effect::Close { .. }))
        .collect();
    history.closed += closes.len();
    hold(history.closed <= 1, || "the run closes twice".into())?;
    hold(closes.iter().all(|index| index + 1 == change.effects.len()), || {
        "something follows the close".into()
    })?;
    let is_over = change.after.tasks.iter().all(TaskView::is_done);
    let any_failed = (0..change.plan.nodes().len())
        .any(|node| change.after.tasks[node].state.outcome() == Some(Outcome::Failed));
    let expected = match (any_failed, history.is_cancelling) {
        (true, _) => Outcome::Failed,
        (false, true) => Outcome::Cancelled,
        (false, false) => Outcome::Succeeded,
    };
    match change.after.run {
        RunState::Open { .. } => hold(!is_over, || "all is over and the run is open".into()),
        RunState::Closed { .. } if change.before.run == change.after.run => {
            hold(change.effects.is_empty(), || "a closed run has effects".into())
        }
        RunState::Closed { outcome, .. } => {
            hold(is_over, || "the run closes before all is over".into())?;
            hold(outcome == expected, || {
                format!("the run {} but should have {expected:?}", outcome.label())
            })
        }
    }
}

fn nodes_start_as_their_rules_say(change: &Change<'_>) -> Result<(), String> {
    for (index, node) in change.plan.nodes().iter().enumerate() {
        if change.before.tasks[index].state != TaskState::Blocked {
            continue;
        }
        let found = how_it_left(change, TaskIndex(index));
        let is_cancelled = matches!(change.event, Event::CancelAsked { task } if task.is_none_or(|task| task.0 == index));
        let expected = if is_cancelled
            && !(change.event == &Event::CancelAsked { task: None } && node.spec.finally)
        {
            "cancelled"
        } else {
            expected(change, node)
        };
        hold(found == expected, || {
            format!("{}: {found}, but its rule says: {expected}", node.name)
        })?;
    }
    Ok(())
}

fn how_it_left(change: &Change<'_>, node: TaskIndex) -> &'static str {
    let Some(effect) = change.effects.iter().find(|effect| task_of(effect) == Some(node)) else {
        return "waits";
    };
    match effect {
        Effect::Ready { .. } => "ready",
        Effect::Expand { .. } => "expanded",
        Effect::Done { outcome: Outcome::Succeeded, .. } => "succeeded",
        Effect::Done { reason: Some(Reason::RuleUnmet { .. }), .. } => "rule unmet",
        Effect::Done { reason: Some(Reason::ConditionFalse), .. } => "condition false",
        Effect::Done { reason: Some(Reason::BadExpression { .. }), .. } => "bad expression",
        Effect::Done { reason: Some(Reason::Cancelled), .. } => "cancelled",
        Effect::Done { .. }
        | Effect::Run { .. }
        | Effect::Backoff { .. }
        | Effect::Resize { .. }
        | Effect::AskToStop { .. }
        | Effect::Cancelling
        | Effect::Close { .. } => "something strange",
    }
}

/// What should become of a blocked node, after what it waits for changed.
fn expected(change: &Change<'_>, node: &Node) -> &'static str {
    let ends: Vec<Option<Outcome>> =
        node.upstream.iter().map(|upstream| over(change.after, *upstream)).collect();
    let count = |outcome| ends.iter().filter(|end| **end == Some(outcome)).count();
    let (good, bad) = (count(Outcome::Succeeded), count(Outcome::Failed));
    let (skipped, cancelled) = (count(Outcome::Skipped), count(Outcome::Cancelled));
    let open = ends.len() - good - bad - skipped - cancelled;
    let rule = if node.spec.finally { TriggerRule::AllDone } else { node.spec.when.rule };
    let (is_met, is_unmet) = match rule {
        TriggerRule::AllSucceeded => (good == ends.len(), bad + skipped + cancelled > 0),
        TriggerRule::AllDone => (open == 0, false),
        TriggerRule::OneFailed => (bad > 0, open == 0),
        TriggerRule::NoneFailed => (good + skipped == ends.len(), bad + cancelled > 0),
        TriggerRule::OneSucceeded => (good > 0, open == 0),
    };
    if is_met || ends.is_empty() {
        what_it_does(change, node)
    } else if is_unmet {
        "rule unmet"
    } else {
        "waits"
    }
}

/// What a node does whose rule is met. Only the expressions of the shapes are understood.
fn what_it_does(change: &Change<'_>, node: &Node) -> &'static str {
    let read = |text: &str| {
        let name = text.trim_start_matches("outputs.").split(['.', ' ']).next().unwrap();
        let index = change.plan.index_of(&name.parse().unwrap()).unwrap();
        change.after.tasks[index.0].output.as_deref()
    };
    let field = |text: &str, field: &str| read(text).and_then(|output| output.get(field)).cloned();
    let condition = match node.condition() {
        None | Some("params.yes") => Some(true),
        Some("not params.yes") => Some(false),
        Some(text) if text.ends_with("is defined") => Some(read(text).is_some()),
        Some(text) => field(text, "flag").and_then(|flag| flag.as_bool()),
    };
    match condition {
        None => return "bad expression",
        Some(false) => return "condition false",
        Some(true) => {}
    }
    let members = match node.for_each() {
        None => return "ready",
        Some(ForEach::List(list)) => Some(list.len()),
        Some(ForEach::Expression(text)) if text == "params.list" => Some(2),
        Some(ForEach::Expression(text)) => {
            field(text, "list").map(|list| list.as_array().unwrap().len())
        }
    };
    match members {
        None => "bad expression",
        Some(0) => "succeeded",
        Some(_) => "expanded",
    }
}

fn note_who_awaits(change: &Change<'_>, history: &mut History) {
    for effect in change.effects {
        match effect {
            Effect::Expand { task, children, state: Some(_), .. } if children.is_empty() => {
                history.awaiting.insert(*task);
            }
            Effect::Ready { task, .. } | Effect::Done { task, .. } => {
                history.awaiting.remove(task);
            }
            Effect::Expand { .. }
            | Effect::Run { .. }
            | Effect::Backoff { .. }
            | Effect::Resize { .. }
            | Effect::AskToStop { .. }
            | Effect::Cancelling
            | Effect::Close { .. } => {}
        }
    }
}

fn slots_only_grow(change: &Change<'_>) -> Result<(), String> {
    for (before, after) in change.before.tasks.iter().zip(&change.after.tasks) {
        hold(before.slots.taken <= after.slots.taken, || {
            format!("{} takes fewer slots than before", before.path)
        })?;
    }
    Ok(())
}

fn parents_wait_for_their_children(change: &Change<'_>, history: &History) -> Result<(), String> {
    let view = change.after;
    for (index, task) in view.tasks.iter().enumerate() {
        let has_open = view.tasks.iter().enumerate().any(|(below, child)| {
            below != index
                && !child.is_done()
                && lineage(view, TaskIndex(below)).any(|above| above.0 == index)
        });
        let is_right = match task.state {
            TaskState::Expanded { .. } => has_open != history.awaiting.contains(&TaskIndex(index)),
            TaskState::Blocked
            | TaskState::Ready { .. }
            | TaskState::Running { .. }
            | TaskState::Backoff { .. } => !has_open,
            TaskState::Done { outcome, .. } => !has_open || outcome == Outcome::Cancelled,
        };
        hold(is_right, || {
            format!(
                "{} is {} while something below it is open: {has_open}",
                task.path,
                task.state.label()
            )
        })?;
    }
    Ok(())
}

fn everyone_running_is_asked_to_stop(change: &Change<'_>, history: &History) -> Result<(), String> {
    for (index, task) in change.after.tasks.iter().enumerate() {
        let index = TaskIndex(index);
        let must_stop = (history.is_cancelling && !node_of(change, index).spec.finally)
            || lineage(change.after, index).any(|task| history.cancelled.contains(&task));
        let stops = task.is_done()
            || (matches!(task.state, TaskState::Running { .. }) && task.cancel_requested);
        hold(!must_stop || stops, || format!("{} does not stop", task.path))?;
        hold(must_stop || !task.cancel_requested, || {
            format!("{} was asked to stop for no reason", task.path)
        })?;
    }
    Ok(())
}

/// How a node ended, if neither it nor anything below it is open.
fn over(view: &View, node: TaskIndex) -> Option<Outcome> {
    let is_below = |task: usize| lineage(view, TaskIndex(task)).any(|above| above == node);
    let has_open = (0..view.tasks.len()).any(|task| !view.tasks[task].is_done() && is_below(task));
    view.tasks[node.0].state.outcome().filter(|_| !has_open)
}

/// A task and all that it is a child of.
fn lineage(view: &View, task: TaskIndex) -> impl Iterator<Item = TaskIndex> {
    std::iter::successors(Some(task), |task| view.tasks[task.0].parent)
}

fn node_of<'a>(change: &Change<'a>, task: TaskIndex) -> &'a Node {
    let node = change.plan.index_of(&change.after.tasks[task.0].path.node).unwrap();
    change.plan.node(node)
}
