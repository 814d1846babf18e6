//! Workers: processes that execute tasks, and whether they are still heard of.

use tidemill_dag::ids::WorkerId;
use tidemill_dag::names::PoolName;
use tidemill_dag::time::Timestamp;

use crate::columns::narrow;
use crate::connect::Store;
use crate::error::{CorruptRow, StoreError, reading, writing};
use crate::labels::WorkerState;

/// A worker that starts. Its id is new each time: a restart under the same name is another worker.
#[derive(Clone, Debug)]
pub struct NewWorker {
    /// Its id.
    pub id: WorkerId,
    /// The name that people know it by.
    pub name: String,
    /// The machine.
    pub host: String,
    /// The process.
    pub pid: u32,
    /// The pools that it takes from.
    pub pools: Vec<PoolName>,
    /// How many slots it has.
    pub slots: u32,
}

/// A worker, as lists show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkerSummary {
    /// Its id.
    pub id: WorkerId,
    /// The name that people know it by.
    pub name: String,
    /// The machine.
    pub host: String,
    /// The process.
    pub pid: u32,
    /// The pools that it takes from.
    pub pools: Vec<PoolName>,
    /// How many slots it has.
    pub slots: u32,
    /// Where it stands.
    pub state: WorkerState,
    /// When it started.
    pub started_at: Timestamp,
    /// When it was last heard of.
    pub seen_at: Timestamp,
}

impl Store {
    /// Registers a worker.
    pub async fn put_worker(&self, new: &NewWorker) -> Result<(), StoreError> {
        let pools: Vec<String> = new.pools.iter().map(ToString::to_string).collect();
        sqlx::query!(
            "INSERT INTO workers (id, name, host, pid, pools, slots, started_at, seen_at)
             VALUES ($1, $2, $3, $4, $5, $6, COALESCE($7, now()), COALESCE($7, now()))
             ON CONFLICT (id) DO NOTHING",
            new.id.as_uuid(),
            new.name,
            new.host,
            narrow(new.pid),
            &pools,
            narrow(new.slots),
            self.clock.instead(),
        )
        .execute(&self.pool)
        .await
        .map_err(writing("a worker"))?;
        Ok(())
    }

    /// Says where a worker stands now.
    pub async fn set_worker_state(
        &self,
        worker: WorkerId,
        state: WorkerState,
    ) -> Result<(), StoreError> {
        sqlx::query!(
            "UPDATE workers
             SET state = ($2::text)::worker_state, seen_at = COALESCE($3, now())
             WHERE id = $1",
            worker.as_uuid(),
            state.label(),
            self.clock.instead(),
        )
        .execute(&self.pool)
        .await
        .map_err(writing("a worker"))?;
        Ok(())
    }

    /// The workers that are not gone, by name.
    pub async fn workers(&self) -> Result<Vec<WorkerSummary>, StoreError> {
        let rows = sqlx::query!(
            r#"SELECT id, name, host, pid, pools, slots, state AS "state: WorkerState", started_at, seen_at
               FROM workers
               WHERE state <> 'stopped'
               ORDER BY name, id"#,
        )
        .fetch_all(&self.pool)
        .await
        .map_err(reading("the workers"))?;
        let mut workers = Vec::with_capacity(rows.len());
        for row in rows {
            let corrupt = |constraint| CorruptRow::new("workers", &row.id, constraint);
            let pools = row.pools.iter().map(|name| PoolName::new(name)).collect::<Result<_, _>>();
            workers.push(WorkerSummary {
                id: WorkerId::from_uuid(row.id),
                name: row.name,
                host: row.host,
                pid: u32::try_from(row.pid).map_err(|_| corrupt("workers_pid_not_negative"))?,
                pools: pools.map_err(|_| corrupt("workers_pools_are_names"))?,
                slots: u32::try_from(row.slots).map_err(|_| corrupt("workers_slots_positive"))?,
                state: row.state,
                started_at: row.started_at,
                seen_at: row.seen_at,
            });
        }
        Ok(workers)
    }
}
