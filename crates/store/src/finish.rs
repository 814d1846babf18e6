//! Ends of attempts, as their workers report them.

use tidemill_dag::advance::{Event, Verdict};
use tidemill_dag::ids::{RunId, TaskId};
use tidemill_dag::slots::Shortage;
use tidemill_dag::state::{Attempt, TaskIndex};
use tidemill_task::{ArtifactRef, CacheReport};

use crate::apply::{Decision, Happening};
use crate::connect::Store;
use crate::error::StoreError;
use crate::labels::ExitCause;
use crate::leases::Held;
use crate::plain;
use crate::view::RunView;
use crate::write::AttemptEnd;

/// How an attempt ended, seen from outside.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Exit {
    /// Why it ended, where its verdict does not say it all.
    pub cause: Option<ExitCause>,
    /// The most memory that it held.
    pub peak_memory_bytes: Option<u64>,
    /// The processor time that it used.
    pub cpu_ms: Option<u64>,
}

/// The end of an attempt.
#[derive(Clone, Debug)]
pub struct Finish {
    /// The run.
    pub run: RunId,
    /// The task.
    pub task: TaskId,
    /// The attempt that speaks.
    pub attempt: Attempt,
    /// What it says.
    pub verdict: Verdict,
    /// How it ended, seen from outside.
    pub exit: Exit,
    /// What it made, or the cache had: visible when this is committed, and never if it is refused.
    pub artifacts: Vec<ArtifactRef>,
    /// What the cache said, where it could have a result.
    pub cache: Option<CacheReport>,
}

impl Finish {
    /// The end of an attempt that made nothing, seen from inside.
    pub fn new(held: Held, verdict: Verdict) -> Self {
        let Held { run, task, attempt } = held;
        let (exit, artifacts, cache) = (Exit::default(), Vec::new(), None);
        Self { run, task, attempt, verdict, exit, artifacts, cache }
    }
}

impl Store {
    /// Writes the end of an attempt, and all that follows from it.
    ///
    /// [`StoreError::LostLease`] when the attempt is over already: nothing is written then.
    pub async fn finish(&self, finish: Finish) -> Result<(), StoreError> {
        let (task, attempt) = (finish.task, finish.attempt);
        let refused = self.finish_all(finish.run, &[finish]).await?;
        if refused.is_empty() { Ok(()) } else { Err(StoreError::LostLease { task, attempt }) }
    }

    /// Writes the ends of several attempts of one run in one transaction; gives the places of those that were refused.
    pub async fn finish_all(&self, run: RunId, ends: &[Finish]) -> Result<Vec<usize>, StoreError> {
        let decide = |view: &RunView| {
            let happenings =
                ends.iter().map(|end| happening(view, end)).collect::<Result<_, _>>()?;
            Ok(Decision { happenings, audit: None })
        };
        Ok(self.apply(run, decide).await?.stale)
    }

    /// Hands an attempt back that its worker cannot go on with: another worker may try.
    ///
    /// It counts as lost, and not against the user's retries.
    pub async fn lose(&self, run: RunId, task: TaskId, attempt: Attempt) -> Result<(), StoreError> {
        let decide = |view: &RunView| {
            let happenings = vec![lost(view, task, attempt, None)?];
            Ok(Decision { happenings, audit: None })
        };
        let refused = self.apply(run, decide).await?.stale;
        if refused.is_empty() { Ok(()) } else { Err(StoreError::LostLease { task, attempt }) }
    }
}

fn happening(view: &RunView, finish: &Finish) -> Result<Happening, StoreError> {
    let index = view
        .index_of(finish.task)
        .ok_or(StoreError::UnknownTask { run: view.run, task: finish.task })?;
    let is_hit = finish.cache.as_ref().is_some_and(|report| report.note.is_hit());
    // Work that was done is kept, whoever wanted it stopped; here none was.
    if is_hit && view.view.tasks[index.0].cancel_requested {
        return Ok(cancelled(finish, index));
    }
    let verdict = plain::verdict(&finish.verdict);
    let parts = finish.cache.as_ref().and_then(|report| report.parts.as_ref());
    let parts = parts.filter(|_| matches!(verdict, Verdict::Succeeded { .. })).cloned();
    let (cause, error) = match &verdict {
        Verdict::Succeeded { .. } => (ExitCause::Succeeded, None),
        Verdict::Failed { error, .. } => (ExitCause::Failed, Some(error.clone())),
        Verdict::Expanded { .. } | Verdict::Awaits { .. } => (ExitCause::Expanded, None),
        Verdict::Cancelled => (ExitCause::Cancelled, None),
    };
    let column = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
    let end = AttemptEnd {
        task: finish.task,
        attempt: finish.attempt,
        cause: finish.exit.cause.unwrap_or(cause),
        error,
        peak_memory_bytes: finish.exit.peak_memory_bytes.map(column),
        cpu_ms: finish.exit.cpu_ms.map(column),
        cache: finish.cache.as_ref().map(|report| plain::document(&report.note)),
    };
    let event = Event::Finished { task: index, attempt: finish.attempt, verdict };
    Ok(Happening { event, end: Some(end), artifacts: finish.artifacts.clone(), parts })
}

/// The end of an attempt that was stopped before it published what the cache had.
fn cancelled(finish: &Finish, task: TaskIndex) -> Happening {
    let end = AttemptEnd {
        task: finish.task,
        attempt: finish.attempt,
        cause: ExitCause::Cancelled,
        error: None,
        peak_memory_bytes: None,
        cpu_ms: None,
        cache: None,
    };
    let (attempt, verdict) = (finish.attempt, Verdict::Cancelled);
    let event = Event::Finished { task, attempt, verdict };
    Happening { event, end: Some(end), artifacts: Vec::new(), parts: None }
}

/// The loss of an attempt.
pub(crate) fn lost(
    view: &RunView,
    task: TaskId,
    attempt: Attempt,
    shortage: Option<Shortage>,
) -> Result<Happening, StoreError> {
    let index = view.index_of(task).ok_or(StoreError::UnknownTask { run: view.run, task })?;
    let (cause, error) = (ExitCause::Lost, None);
    let end = AttemptEnd {
        task,
        attempt,
        cause,
        error,
        peak_memory_bytes: None,
        cpu_ms: None,
        cache: None,
    };
    Ok(Happening {
        event: Event::Lost { task: index, attempt, shortage },
        end: Some(end),
        artifacts: Vec::new(),
        parts: None,
    })
}
