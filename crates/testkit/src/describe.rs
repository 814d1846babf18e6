//! A world as text: no ids, no absolute times, always in the same order.

use std::fmt::Write;

use tidemill_dag::advance::Reason;
use tidemill_dag::state::{Attempt, RunState, TaskState};
use tidemill_dag::time::{Lapse, Timestamp};
use tidemill_store::{AttemptDetail, RunFilter, StoreError, TaskDetail};

use crate::world::World;

impl World {
    /// Everything that matters, as text for a snapshot.
    pub async fn describe(&self) -> Result<String, StoreError> {
        let mut text = format!("at {}\n", age(self.clock.now()));
        for pool in self.store.pools().await? {
            let (name, in_use, slots) = (pool.name, pool.slots_in_use, pool.slots);
            line(
                &mut text,
                format_args!(
                    "pool {name}: {in_use} of {slots} slots in use, {} waiting",
                    pool.waiting
                ),
            );
        }
        let mut runs = self.store.runs(&RunFilter::default()).await?;
        runs.reverse();
        for (number, run) in runs.iter().enumerate() {
            let (dag, kind) = (&run.dag, run.kind.label());
            line(
                &mut text,
                format_args!("run {} of {dag}: {kind}, {}", number + 1, run_state(&run.state)),
            );
            for task in self.store.run(run.id).await?.tasks {
                let attempts = self.store.attempts(run.id, task.id).await?;
                describe_task(&mut text, &task, &attempts);
            }
        }
        for notice in self.store.waiting_notices(100).await? {
            let (topic, recipient) = (&notice.topic, &notice.recipient);
            line(
                &mut text,
                format_args!("notice {topic} to {recipient}, due {}", age(notice.due_at)),
            );
        }
        for entry in self.store.audit(100).await? {
            let (actor, action) = (&entry.actor, &entry.action);
            line(&mut text, format_args!("audit {}: {actor} did {action}", age(entry.at)));
        }
        Ok(text)
    }
}

fn describe_task(text: &mut String, task: &TaskDetail, attempts: &[AttemptDetail]) {
    let indent = 2 * (1 + task.path.labels.len());
    let asked = if task.cancel_requested { ", asked to stop" } else { "" };
    let counts = [("phase", task.phase), ("failures", task.failures), ("losses", task.losses)];
    let counts = counts.iter().filter(|(_, count)| *count > 0);
    let counts: Vec<String> = counts.map(|(name, count)| format!(", {name} {count}")).collect();
    let counts = counts.concat();
    let reason = task.reason.as_ref().map(reason).unwrap_or_default();
    let state = task_state(&task.state);
    line(text, format_args!("{:indent$}{}: {state}{counts}{asked}{reason}", "", task.path));
    for attempt in attempts {
        let (started, number) = (age(attempt.started_at), attempt.attempt);
        let end = match (attempt.ended_at, attempt.exit) {
            (Some(at), Some(exit)) => format!("{} at {}", exit.label(), age(at)),
            (Some(_) | None, None) | (None, Some(_)) => "not over".to_owned(),
        };
        line(text, format_args!("{:indent$}  attempt {number} from {started}: {end}", ""));
    }
}

fn line(text: &mut String, words: std::fmt::Arguments<'_>) {
    writeln!(text, "{words}").expect("a string takes all");
}

fn run_state(state: &RunState) -> String {
    match state {
        RunState::Open { cancelling: false } => "open".to_owned(),
        RunState::Open { cancelling: true } => "cancelling".to_owned(),
        RunState::Closed { outcome, at } => format!("{} at {}", outcome.label(), age(*at)),
    }
}

fn task_state(state: &TaskState) -> String {
    match state {
        TaskState::Blocked => "blocked".to_owned(),
        TaskState::Ready { since } => format!("ready since {}", age(*since)),
        TaskState::Running { attempt: Attempt(attempt), lease } => {
            format!("running attempt {attempt} until {}", age(lease.until))
        }
        TaskState::Backoff { attempt: _, until } => format!("backoff until {}", age(*until)),
        TaskState::Expanded { attempt: _, since } => format!("expanded since {}", age(*since)),
        TaskState::Done { attempt: _, at, outcome } => {
            format!("{} at {}", outcome.label(), age(*at))
        }
    }
}

fn reason(reason: &Reason) -> String {
    match reason {
        Reason::Error { error } => format!(", error: {error}"),
        Reason::QueuedTooLong => ", queued too long".to_owned(),
        Reason::Poison { losses } => format!(", poison after {losses} losses"),
        Reason::ChildFailed { child } => format!(", child {child} failed"),
        Reason::RuleUnmet { upstream: Some(upstream) } => format!(", rule unmet by {upstream}"),
        Reason::RuleUnmet { upstream: None } => ", rule unmet".to_owned(),
        Reason::ConditionFalse => ", condition false".to_owned(),
        Reason::BadExpression { error } => format!(", bad expression: {error}"),
        Reason::Cancelled => ", cancelled".to_owned(),
    }
}

/// The time since the world's start.
fn age(at: Timestamp) -> String {
    let since = at - World::start();
    let milliseconds = since.num_milliseconds();
    let sign = if milliseconds < 0 { '-' } else { '+' };
    format!("{sign}{}", Lapse::milliseconds(milliseconds.unsigned_abs()))
}
