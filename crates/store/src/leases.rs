//! Leases: renewed by their workers, and taken back when they run out.

use std::collections::BTreeSet;

use tidemill_dag::advance::Event;
use tidemill_dag::ids::{RunId, TaskId, WorkerId};
use tidemill_dag::state::{Attempt, TaskState};
use tidemill_dag::time::Lapse;

use crate::apply::Decision;
use crate::connect::Store;
use crate::error::{StoreError, reading};
use crate::finish::lost;
use crate::view::RunView;

/// An attempt that a worker believes to hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Held {
    /// The run.
    pub run: RunId,
    /// The task.
    pub task: TaskId,
    /// The attempt.
    pub attempt: Attempt,
}

/// What a renewal found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Renewed {
    /// Attempts that somebody wants stopped.
    pub cancel_requested: Vec<Held>,
    /// Attempts that are the worker's no more: it must end them and publish nothing.
    pub lost: Vec<Held>,
}

/// What a sweep found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Runs with leases that had run out, or with tasks that had queued too long.
    pub runs: usize,
}

impl Store {
    /// Renews what a worker holds, and says what it holds no more.
    pub async fn renew(
        &self,
        worker: WorkerId,
        held: &[Held],
        lease: Lapse,
    ) -> Result<Renewed, StoreError> {
        let runs: Vec<_> = held.iter().map(|held| held.run.as_uuid()).collect();
        let tasks: Vec<_> = held.iter().map(|held| held.task.as_uuid()).collect();
        let attempts: Vec<_> = held.iter().map(|held| held.attempt.0).collect();
        let rows = sqlx::query_file!(
            "queries/task_runs/renew.sql",
            worker.as_uuid(),
            &tasks,
            &attempts,
            self.clock.instead(),
            milliseconds(lease),
            &runs,
        )
        .fetch_all(&self.pool)
        .await
        .map_err(|source| StoreError::Renew { worker, source })?;
        let mut renewed = Renewed::default();
        for row in rows {
            let (run, task) = (RunId::from_uuid(row.run_id), TaskId::from_uuid(row.id));
            let held = Held { run, task, attempt: Attempt(row.attempt) };
            if !row.is_held {
                renewed.lost.push(held);
            } else if row.cancel_requested {
                renewed.cancel_requested.push(held);
            }
        }
        Ok(renewed)
    }

    /// Takes expired leases back and gives up tasks that queued too long, run by run.
    pub async fn sweep(&self) -> Result<Swept, StoreError> {
        let runs = self.runs_to_sweep().await?;
        for run in &runs {
            self.apply(*run, sweep_run).await?;
        }
        Ok(Swept { runs: runs.len() })
    }

    async fn runs_to_sweep(&self) -> Result<BTreeSet<RunId>, StoreError> {
        let runs = sqlx::query_scalar!(
            r#"SELECT run_id AS "run_id!"
               FROM task_runs
               WHERE state = 'running' AND lease_until <= COALESCE($1, statement_timestamp())
               UNION
               SELECT run_id
               FROM task_runs
               WHERE state IN ('ready', 'backoff') AND queued_until <= COALESCE($1, statement_timestamp())"#,
            self.clock.instead(),
        )
        .fetch_all(&self.pool)
        .await
        .map_err(reading("expired leases"))?;
        Ok(runs.into_iter().map(RunId::from_uuid).collect())
    }
}

/// Looks again behind the lock: a lease may have been renewed, and an attempt may have ended.
fn sweep_run(view: &RunView) -> Result<Decision, StoreError> {
    let mut decision = Decision::default();
    for (task, id) in view.view.tasks.iter().zip(&view.ids) {
        if let TaskState::Running { attempt, lease } = &task.state
            && lease.until <= view.now
        {
            decision.happenings.push(lost(view, *id, *attempt, None)?);
        }
    }
    decision.happenings.push(Event::Waited.into());
    Ok(decision)
}

pub(crate) fn milliseconds(lapse: Lapse) -> i64 {
    i64::try_from(lapse.0.as_millis()).unwrap_or(i64::MAX)
}
