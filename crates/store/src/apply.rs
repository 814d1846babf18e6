//! The only writer of run and task state: lock the run, read it, advance it, write what follows, commit.

use sqlx::PgConnection;
use tidemill_dag::advance::{Effect, Event, Stale, advance};
use tidemill_dag::ids::{RunId, TaskId};
use tidemill_dag::state::{Attempt, Outcome, RunState};
use tidemill_task::{ArtifactRef, CacheParts};

use crate::audit::AuditNote;
use crate::cache::{Remembered, remember};
use crate::changes::Changes;
use crate::connect::Store;
use crate::datasets;
use crate::error::StoreError;
use crate::labels::ExitCause;
use crate::listen::tell_schedulers;
use crate::new_ids;
use crate::trigger::look_at_awaited_runs;
use crate::view::RunView;
use crate::write::{self, AttemptEnd};

/// How often a change is tried when claims come between. A claim takes a task once, so that each try has fewer to meet.
pub(crate) const MOST_TRIES: u32 = 20;

/// An event, with what belongs into the same transaction if it is not stale.
#[derive(Debug)]
pub(crate) struct Happening {
    pub(crate) event: Event,
    pub(crate) end: Option<AttemptEnd>,
    pub(crate) artifacts: Vec<ArtifactRef>,
    /// What its result is remembered by.
    pub(crate) parts: Option<CacheParts>,
}

impl From<Event> for Happening {
    fn from(event: Event) -> Self {
        Self { event, end: None, artifacts: Vec::new(), parts: None }
    }
}

/// What is to happen to a run, decided from its view behind its lock.
#[derive(Debug, Default)]
pub(crate) struct Decision {
    pub(crate) happenings: Vec<Happening>,
    pub(crate) audit: Option<AuditNote>,
}

/// What happened.
#[derive(Debug, Default)]
pub(crate) struct Applied {
    /// The places of stale happenings in the decision: they changed nothing.
    pub(crate) stale: Vec<usize>,
    /// Whether anything was written about tasks or the run.
    pub(crate) has_effects: bool,
    /// Whether a task was cancelled: what it started may have to end with it.
    pub(crate) has_cancelled_tasks: bool,
}

/// Why one try did not work.
pub(crate) enum Setback {
    /// A claim came between reading and writing.
    Overtaken,
    Failed(StoreError),
}

impl Store {
    /// Changes a run. `decide` is asked again when a claim came between.
    pub(crate) async fn apply(
        &self,
        run: RunId,
        decide: impl Fn(&RunView) -> Result<Decision, StoreError> + Send + Sync,
    ) -> Result<Applied, StoreError> {
        for _ in 0..MOST_TRIES {
            match self.try_apply(run, &decide).await {
                Ok(applied) => {
                    if applied.has_cancelled_tasks {
                        self.end_what_it_started(run).await;
                    }
                    return Ok(applied);
                }
                Err(Setback::Overtaken) => {
                    tracing::debug!(run.id = %run, "a claim came between, trying again");
                }
                Err(Setback::Failed(error)) => return Err(error),
            }
        }
        Err(StoreError::Contended { run, tries: MOST_TRIES })
    }

    /// What was committed stands, whatever comes of this.
    pub(crate) async fn end_what_it_started(&self, run: RunId) {
        if let Err(error) = self.cancel_what_it_started(run).await {
            tracing::warn!(run.id = %run, %error, "could not cancel what it started, the leader will");
        }
    }

    async fn try_apply(
        &self,
        run: RunId,
        decide: &(impl Fn(&RunView) -> Result<Decision, StoreError> + Send + Sync),
    ) -> Result<Applied, Setback> {
        let setback = |source| setback(run, source);
        let mut transaction = self.begin().await.map_err(setback)?;
        let applied = self.apply_in(&mut transaction, run, decide).await?;
        transaction.commit().await.map_err(setback)?;
        Ok(applied)
    }

    /// One try inside of somebody's transaction, which must end when it is [`Setback::Overtaken`].
    pub(crate) async fn apply_in(
        &self,
        transaction: &mut PgConnection,
        run: RunId,
        decide: &(impl Fn(&RunView) -> Result<Decision, StoreError> + Send + Sync),
    ) -> Result<Applied, Setback> {
        let setback = |source| setback(run, source);
        let mut before = self.lock(transaction, run).await.map_err(Setback::Failed)?;
        let mut decision = decide(&before).map_err(Setback::Failed)?;
        look_at_awaited_runs(transaction, &before, &mut decision).await.map_err(setback)?;
        let mut changes = Changes::of(&before.view, before.view.tasks.len());
        let mut applied = Applied::default();
        let mut accepted = Vec::new();
        for (place, happening) in decision.happenings.iter().enumerate() {
            match advance(&before.version.plan, &before.view, &happening.event, before.now) {
                Ok(effects) => {
                    changes.record(&before.view, &effects);
                    before.view.apply(&effects, before.now);
                    applied.has_effects |= !effects.is_empty();
                    applied.has_cancelled_tasks |= effects.iter().any(is_cancelled_task);
                    accepted.push(happening);
                }
                Err(Stale { .. }) => applied.stale.push(place),
            }
        }
        write_changes(transaction, &mut before, &changes).await?;
        write_ends(transaction, &before, &accepted).await.map_err(setback)?;
        let is_closed =
            changes.is_run_touched() && matches!(before.view.run, RunState::Closed { .. });
        if let Some(waiting) = before.trigger.filter(|_| is_closed) {
            self.tell_who_waits(transaction, waiting).await?;
        }
        if let Some(note) = decision.audit.as_ref().filter(|_| applied.has_effects) {
            note.write(transaction, before.now).await.map_err(setback)?;
        }
        Ok(applied)
    }
}

const fn is_cancelled_task(effect: &Effect) -> bool {
    matches!(effect, Effect::Done { outcome: Outcome::Cancelled, .. })
}

/// Writes tasks, the run, and who hears of it.
async fn write_changes(
    connection: &mut PgConnection,
    after: &mut RunView,
    changes: &Changes,
) -> Result<(), Setback> {
    let run = after.run;
    let setback = |source| setback(run, source);
    new_ids::hand_out(connection, &after.view, &mut after.ids).await.map_err(setback)?;
    let plan = &after.version.plan;
    let updates = changes.updates(plan, &after.view, &after.ids);
    if updates.columns.len() > 0 {
        let written = write::update_tasks(connection, run, &updates).await.map_err(setback)?;
        if written != updates.columns.len() as u64 {
            return Err(Setback::Overtaken);
        }
    }
    let inserts = changes.inserts(plan, &after.view, &after.ids, after.priority);
    if inserts.columns.len() > 0 {
        write::insert_tasks(connection, run, &inserts).await.map_err(setback)?;
    }
    if changes.is_run_touched() {
        write::update_run(connection, run, &after.view.run).await.map_err(setback)?;
    }
    if changes.is_run_touched() && matches!(after.view.run, RunState::Closed { .. }) {
        write::tell_end(connection, &after.version, &after.view, after.now)
            .await
            .map_err(setback)?;
        tell_schedulers(connection).await.map_err(setback)?;
    }
    let sizes = changes.resized(&after.ids);
    write::resize_tasks(connection, run, &sizes).await.map_err(setback)?;
    write::ask_to_stop(connection, changes.asked_to_stop()).await.map_err(setback)?;
    let pools = changes.pools_with_ready_tasks(plan, &after.view);
    write::wake(connection, pools).await.map_err(setback)
}

/// Writes the ends of attempts, what they made, and what that is remembered by.
async fn write_ends(
    connection: &mut PgConnection,
    after: &RunView,
    accepted: &[&Happening],
) -> Result<(), sqlx::Error> {
    let ends: Vec<AttemptEnd> =
        accepted.iter().filter_map(|happening| happening.end.clone()).collect();
    if !ends.is_empty() {
        write::end_attempts(connection, after.run, &ends, after.now).await?;
    }
    let artifacts: Vec<(TaskId, Attempt, &ArtifactRef)> = ends_with_artifacts(accepted)
        .flat_map(|(end, artifacts)| {
            artifacts.iter().map(|artifact| (end.task, end.attempt, artifact))
        })
        .collect();
    if !artifacts.is_empty() {
        write::commit_artifacts(connection, after.run, &artifacts, after.now).await?;
    }
    for (end, artifacts) in ends_with_artifacts(accepted) {
        if end.cause == ExitCause::Succeeded {
            datasets::publish(connection, after, end.task, artifacts).await?;
        }
    }
    let results: Vec<Remembered<'_>> = accepted
        .iter()
        .filter_map(|happening| Some((happening.end.as_ref()?, happening.parts.as_ref()?)))
        .map(|(end, parts)| Remembered { task: end.task, attempt: end.attempt, parts })
        .collect();
    if !results.is_empty() {
        remember(connection, after.run, &results, after.now).await?;
    }
    Ok(())
}

fn ends_with_artifacts<'a>(
    accepted: &'a [&Happening],
) -> impl Iterator<Item = (&'a AttemptEnd, &'a [ArtifactRef])> {
    accepted
        .iter()
        .filter_map(|happening| happening.end.as_ref().map(|end| (end, &happening.artifacts[..])))
}

/// A deadlock or a failed serialisation is somebody coming between, too (PostgreSQL manual, section 13.5).
fn setback(run: RunId, source: sqlx::Error) -> Setback {
    let code =
        source.as_database_error().and_then(|error| error.code().map(std::borrow::Cow::into_owned));
    match code.as_deref() {
        Some("40001" | "40P01") => Setback::Overtaken,
        _ => Setback::Failed(StoreError::Apply { run, source }),
    }
}
