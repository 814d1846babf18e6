//! Pools of worker slots. What is in use is counted, never stored, so that no slot can leak.

use tidemill_dag::names::PoolName;
use tidemill_dag::size::ByteSize;

use crate::columns::{narrow, wide};
use crate::connect::Store;
use crate::error::{CorruptRow, StoreError, reading, writing};

/// A pool, as lists show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PoolSummary {
    /// Its name.
    pub name: PoolName,
    /// How many slots it has.
    pub slots: u32,
    /// How many of them running tasks hold.
    pub slots_in_use: u32,
    /// How many tasks are ready or will be after their pause.
    pub waiting: u32,
    /// What it is for.
    pub description: String,
}

impl Store {
    /// Makes a pool, or changes its slots; tasks that run already run on. Its slots stand for no memory.
    pub async fn put_pool(
        &self,
        name: &PoolName,
        slots: u32,
        description: &str,
    ) -> Result<(), StoreError> {
        self.put_pool_of(name, slots, None, description).await
    }

    /// [`Self::put_pool`], where each slot stands for this much memory.
    pub async fn put_pool_of(
        &self,
        name: &PoolName,
        slots: u32,
        memory_per_slot: Option<ByteSize>,
        description: &str,
    ) -> Result<(), StoreError> {
        sqlx::query!(
            "INSERT INTO pools (name, slots, description, memory_per_slot)
             VALUES ($1, $2, $3, $4)
             ON CONFLICT (name) DO UPDATE
             SET slots = excluded.slots, description = excluded.description, memory_per_slot = excluded.memory_per_slot",
            name.as_str(),
            narrow(slots),
            description,
            memory_per_slot.map(|size| wide(size.0)),
        )
        .execute(&self.pool)
        .await
        .map_err(writing("a pool"))?;
        Ok(())
    }

    /// All pools, by name.
    pub async fn pools(&self) -> Result<Vec<PoolSummary>, StoreError> {
        let rows = sqlx::query!(
            r#"SELECT p.name, p.slots, p.description,
                   COALESCE(sum(t.slots) FILTER (WHERE t.state = 'running'), 0) AS "slots_in_use!",
                   count(t.id) FILTER (WHERE t.state IN ('ready', 'backoff')) AS "waiting!"
               FROM pools p
               LEFT JOIN task_runs t ON t.pool = p.name AND t.state IN ('running', 'ready', 'backoff')
               GROUP BY p.name
               ORDER BY p.name"#,
        )
        .fetch_all(&self.pool)
        .await
        .map_err(reading("the pools"))?;
        let mut pools = Vec::with_capacity(rows.len());
        for row in rows {
            let corrupt = |constraint| CorruptRow::new("pools", &row.name, constraint);
            pools.push(PoolSummary {
                name: PoolName::new(&row.name).map_err(|_| corrupt("pools_name_is_a_name"))?,
                slots: u32::try_from(row.slots).map_err(|_| corrupt("pools_slots_not_negative"))?,
                slots_in_use: u32::try_from(row.slots_in_use).unwrap_or(u32::MAX),
                waiting: u32::try_from(row.waiting).unwrap_or(u32::MAX),
                description: row.description,
            });
        }
        Ok(pools)
    }
}
