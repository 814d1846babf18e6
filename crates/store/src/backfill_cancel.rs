//! Stopping a backfill with all its open runs, in one transaction.

use serde_json::json;
use sqlx::PgConnection;
use tidemill_dag::advance::Event;
use tidemill_dag::ids::{BackfillId, RunId};

use crate::apply::{Decision, MOST_TRIES, Setback};
use crate::backfill_steps::{note, set_state};
use crate::connect::Store;
use crate::error::{StoreError, reading, writing};
use crate::labels::BackfillState;
use crate::listen::tell_schedulers;
use crate::view::RunView;

impl Store {
    /// Stops a backfill: from the commit on it opens no run, and nothing of its runs starts but finalisers.
    ///
    /// Gives how many open runs were asked to stop. Asked again while it is being stopped, nothing changes; one that is
    /// over is [`StoreError::BackfillStands`].
    pub async fn cancel_backfill(&self, id: BackfillId, actor: &str) -> Result<usize, StoreError> {
        let mut tries = 0;
        loop {
            tries += 1;
            match self.try_cancel_backfill(id, actor).await {
                Ok(runs) => return Ok(runs),
                Err(Obstacle::Failed(error)) => return Err(error),
                Err(Obstacle::Overtaken(run)) if tries == MOST_TRIES => {
                    return Err(StoreError::Contended { run, tries });
                }
                Err(Obstacle::Overtaken(run)) => {
                    tracing::debug!(run.id = %run, "a claim came between, trying again");
                }
            }
        }
    }

    async fn try_cancel_backfill(&self, id: BackfillId, actor: &str) -> Result<usize, Obstacle> {
        let failed = |source| Obstacle::Failed(writing("a backfill")(source));
        let mut transaction = self.begin().await.map_err(failed)?;
        let locked = self.lock_backfill(&mut transaction, id).await?;
        match locked.state {
            BackfillState::Open | BackfillState::Paused => {}
            BackfillState::Cancelling => return Ok(0),
            BackfillState::Closed => {
                let (verb, state) = ("cancel", locked.state);
                return Err(StoreError::BackfillStands { verb, backfill: id, state }.into());
            }
        }
        let runs = open_runs(&mut transaction, id).await?;
        for run in &runs {
            let cancelled =
                self.apply_in(&mut transaction, *run, &|_: &RunView| Ok(cancel())).await;
            cancelled.map_err(|setback| Obstacle::of(*run, setback))?;
        }
        // It closes when the last of its runs has; the leader looks after that.
        let state = BackfillState::Cancelling;
        set_state(&mut transaction, id, state, None).await.map_err(failed)?;
        let note = note("cancel_backfill", id, actor, json!({ "runs": runs }));
        note.write(&mut transaction, locked.now).await.map_err(failed)?;
        tell_schedulers(&mut transaction).await.map_err(failed)?;
        transaction.commit().await.map_err(failed)?;
        for run in &runs {
            self.end_what_it_started(*run).await;
        }
        Ok(runs.len())
    }
}

/// Why one try did not work.
enum Obstacle {
    /// A claim came between reading and writing this run.
    Overtaken(RunId),
    Failed(StoreError),
}

impl Obstacle {
    fn of(run: RunId, setback: Setback) -> Self {
        match setback {
            Setback::Overtaken => Self::Overtaken(run),
            Setback::Failed(error) => Self::Failed(error),
        }
    }
}

impl From<StoreError> for Obstacle {
    fn from(error: StoreError) -> Self {
        Self::Failed(error)
    }
}

fn cancel() -> Decision {
    let happenings = vec![Event::CancelAsked { task: None }.into()];
    Decision { happenings, audit: None }
}

/// In the order of their ids, as all who lock several runs take them.
async fn open_runs(
    connection: &mut PgConnection,
    id: BackfillId,
) -> Result<Vec<RunId>, StoreError> {
    let runs = sqlx::query_scalar!(
        "SELECT id FROM dag_runs WHERE backfill_id = $1 AND state = 'open' ORDER BY id",
        id.as_uuid(),
    )
    .fetch_all(connection)
    .await
    .map_err(reading("the runs of a backfill"))?;
    Ok(runs.into_iter().map(RunId::from_uuid).collect())
}
