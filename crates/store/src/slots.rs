//! What tasks need of memory, seen in their attempts: for the next attempt of one, and for the first of the next run.

use sqlx::PgConnection;
use tidemill_dag::ids::{RunId, TaskId};
use tidemill_dag::plan::Plan;
use tidemill_dag::slots::{Shortage, SlotSize};
use tidemill_dag::state::View;

use crate::connect::Store;
use crate::error::{StoreError, reading};

impl Store {
    /// What is known of an attempt that lacked memory. A task that takes more than the largest worker of its pool has
    /// would wait for ever, so that is the most.
    pub(crate) async fn shortage(
        &self,
        run: RunId,
        task: TaskId,
        peak_bytes: Option<u64>,
    ) -> Result<Option<Shortage>, StoreError> {
        let row = sqlx::query!(
            r#"SELECT p.memory_per_slot, LEAST(p.slots, w.slots) AS "most!"
               FROM task_runs t
               JOIN pools p ON p.name = t.pool
               CROSS JOIN LATERAL (
                   SELECT max(slots) AS slots
                   FROM workers
                   WHERE state <> 'stopped' AND p.name = ANY(pools)
                     AND seen_at > (SELECT max(seen_at) FROM workers) - INTERVAL '5 minutes'
               ) w
               WHERE t.run_id = $1 AND t.id = $2"#,
            run.as_uuid(),
            task.as_uuid(),
        )
        .fetch_optional(&self.pool)
        .await
        .map_err(reading("the slots of a pool"))?;
        let size = row.map(|row| slot_size(row.memory_per_slot, row.most));
        Ok(size.map(|size| Shortage { peak_bytes, size }))
    }
}

/// Gives the tasks of a new run the slots that the memory of earlier attempts asks for.
pub(crate) async fn learn(
    connection: &mut PgConnection,
    plan: &Plan,
    view: &mut View,
) -> Result<(), sqlx::Error> {
    let nodes = plan.nodes();
    let names: Vec<String> = nodes.iter().map(|node| node.name.to_string()).collect();
    let pools: Vec<String> = nodes.iter().map(|node| node.limits.pool.to_string()).collect();
    let are_mapped: Vec<bool> = nodes.iter().map(|node| node.for_each().is_some()).collect();
    let rows = sqlx::query_file!(
        "queries/attempts/peaks.sql",
        view.facts.dag.as_str(),
        &names,
        &pools,
        &are_mapped,
        view.facts.run.as_uuid(),
    )
    .fetch_all(connection)
    .await?;
    for row in rows {
        let peak = u64::try_from(row.peak).unwrap_or(0);
        let place = usize::try_from(row.place - 1).unwrap_or(usize::MAX);
        if let Some(task) = view.tasks.get_mut(place) {
            task.slots = task.slots.learnt(peak, slot_size(row.memory_per_slot, row.most));
        }
    }
    Ok(())
}

fn slot_size(memory_per_slot: Option<i64>, most: i32) -> SlotSize {
    SlotSize {
        memory_bytes: memory_per_slot.and_then(|bytes| u64::try_from(bytes).ok()),
        most: u32::try_from(most).unwrap_or(0),
    }
}
