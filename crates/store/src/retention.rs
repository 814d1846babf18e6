//! Retention: what is deleted once it is older than it is kept, in bounded batches; months of history go whole.

use sqlx::PgConnection;
use tidemill_dag::time::{Lapse, Timestamp};

use crate::connect::Store;
use crate::error::{StoreError, reading, writing};
use crate::months::Mandate;

/// How long what is kept, after its end. The audit trail is kept for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// Tasks with their attempts, outputs, artefacts and logs; and versions of DAGs that nothing names.
    pub tasks: Lapse,
    /// Runs without their tasks: at least as long as their tasks.
    pub runs: Lapse,
    /// Ticks whose run is over and whose deadline is settled.
    pub ticks: Lapse,
    /// Backfills that are over: at least as long as their runs.
    pub backfills: Lapse,
    /// Messages that arrived or were given up.
    pub messages: Lapse,
    /// Workers that nobody heard of.
    pub workers: Lapse,
    /// Objects that nothing names, after they were written.
    pub artifacts: Lapse,
}

/// What is deleted row by row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Old {
    /// Tasks that lie in no month, counted by their runs.
    StrayTasks,
    /// Results in the cache whose tasks are gone.
    Results,
    /// Ticks.
    Ticks,
    /// Runs without tasks.
    Runs,
    /// Backfills without runs.
    Backfills,
    /// Messages.
    Messages,
    /// Workers.
    Workers,
    /// Versions of DAGs.
    Versions,
}

impl Old {
    /// All, in the order in which one makes way for the next.
    pub const ALL: [Self; 8] = [
        Self::StrayTasks,
        Self::Results,
        Self::Ticks,
        Self::Runs,
        Self::Backfills,
        Self::Messages,
        Self::Workers,
        Self::Versions,
    ];

    /// Its name in reports and logs.
    pub const fn label(self) -> &'static str {
        match self {
            Self::StrayTasks => "tasks outside of months, by run",
            Self::Results => "results in the cache",
            Self::Ticks => "ticks",
            Self::Runs => "runs",
            Self::Backfills => "backfills",
            Self::Messages => "messages",
            Self::Workers => "workers",
            Self::Versions => "versions of DAGs",
        }
    }

    /// How long it is kept.
    pub const fn kept(self, retention: &Retention) -> Lapse {
        match self {
            Self::StrayTasks | Self::Results | Self::Versions => retention.tasks,
            Self::Ticks => retention.ticks,
            Self::Runs => retention.runs,
            Self::Backfills => retention.backfills,
            Self::Messages => retention.messages,
            Self::Workers => retention.workers,
        }
    }

    /// How much is deleted in one transaction.
    const fn batch(self) -> i64 {
        match self {
            // Each has as many tasks as its DAG asks for.
            Self::StrayTasks => 50,
            Self::Results
            | Self::Ticks
            | Self::Runs
            | Self::Backfills
            | Self::Messages
            | Self::Workers
            | Self::Versions => 1000,
        }
    }
}

/// What one batch did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Deleted {
    /// How much went.
    pub count: u64,
    /// Whether there may be more.
    pub is_full: bool,
}

impl Store {
    /// Deletes one batch of what is older than it is kept.
    pub async fn delete_old(
        &self,
        by: Mandate,
        old: Old,
        retention: &Retention,
    ) -> Result<Deleted, StoreError> {
        let failed = writing("what retention leaves");
        let mut transaction = self.begin().await.map_err(&failed)?;
        let before = self.entitled(&mut transaction, by).await? - old.kept(retention).delta();
        let count = delete(&mut transaction, old, before).await.map_err(&failed)?;
        transaction.commit().await.map_err(&failed)?;
        Ok(Deleted { count, is_full: count >= u64::try_from(old.batch()).unwrap_or(u64::MAX) })
    }

    /// How much is older than it is kept; nothing is deleted.
    pub async fn count_old(&self, retention: &Retention) -> Result<Vec<(Old, u64)>, StoreError> {
        let now = self.now().await?;
        let before = |old: Old| now - old.kept(retention).delta();
        let row = sqlx::query_file!(
            "queries/retention/counts.sql",
            before(Old::StrayTasks),
            before(Old::Runs),
            before(Old::Ticks),
            before(Old::Backfills),
            before(Old::Messages),
            before(Old::Workers),
        )
        .fetch_one(&self.pool)
        .await
        .map_err(reading("what retention leaves"))?;
        let counts = Old::ALL.map(|old| {
            let count = match old {
                Old::StrayTasks => row.stray_runs,
                Old::Results => row.results,
                Old::Ticks => row.ticks,
                Old::Runs => row.runs,
                Old::Backfills => row.backfills,
                Old::Messages => row.messages,
                Old::Workers => row.workers,
                Old::Versions => row.versions,
            };
            (old, u64::try_from(count).unwrap_or(0))
        });
        Ok(counts.to_vec())
    }
}

async fn delete(
    connection: &mut PgConnection,
    old: Old,
    before: Timestamp,
) -> Result<u64, sqlx::Error> {
    let batch = old.batch();
    let done = match old {
        Old::StrayTasks => return delete_stray_tasks(connection, before, batch).await,
        Old::Results => {
            sqlx::query_file!("queries/retention/delete_results.sql", before, batch)
                .execute(connection)
                .await?
        }
        Old::Ticks => {
            sqlx::query_file!("queries/retention/delete_ticks.sql", before, batch)
                .execute(connection)
                .await?
        }
        Old::Runs => {
            sqlx::query_file!("queries/retention/delete_runs.sql", before, batch)
                .execute(connection)
                .await?
        }
        Old::Backfills => {
            sqlx::query_file!("queries/retention/delete_backfills.sql", before, batch)
                .execute(connection)
                .await?
        }
        Old::Messages => {
            sqlx::query_file!("queries/retention/delete_messages.sql", before, batch)
                .execute(connection)
                .await?
        }
        Old::Workers => {
            sqlx::query_file!("queries/retention/delete_workers.sql", before, batch)
                .execute(connection)
                .await?
        }
        Old::Versions => {
            sqlx::query_file!("queries/retention/delete_versions.sql", before, batch)
                .execute(connection)
                .await?
        }
    };
    Ok(done.rows_affected())
}

/// All tasks of a run or none, so that a run without tasks is one that retention met.
async fn delete_stray_tasks(
    connection: &mut PgConnection,
    before: Timestamp,
    batch: i64,
) -> Result<u64, sqlx::Error> {
    let runs = sqlx::query_file_scalar!("queries/retention/lock_stray_runs.sql", before, batch)
        .fetch_all(&mut *connection)
        .await?;
    sqlx::query!("DELETE FROM artifacts_default WHERE run_id = ANY($1)", &runs)
        .execute(&mut *connection)
        .await?;
    sqlx::query!("DELETE FROM attempts_default WHERE run_id = ANY($1)", &runs)
        .execute(&mut *connection)
        .await?;
    sqlx::query!("DELETE FROM task_runs_default WHERE run_id = ANY($1)", &runs)
        .execute(&mut *connection)
        .await?;
    Ok(runs.len() as u64)
}
