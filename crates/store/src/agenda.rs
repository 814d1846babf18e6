//! What there is to do for schedulers, asked in one statement, so that nothing to do costs next to nothing.

use std::time::Duration;

use tidemill_dag::ids::{BackfillId, RunId};
use tidemill_dag::names::DagName;
use tidemill_dag::time::Timestamp;

use crate::connect::Store;
use crate::error::{CorruptRow, StoreError, reading};

/// What there is to do now. Others may do it meanwhile: each part looks again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agenda {
    /// DAGs with ticks that are due, or that wait and may open.
    pub ticking: Vec<DagName>,
    /// DAGs that run after data sets which changed, and may open a run.
    pub reacting: Vec<DagName>,
    /// Backfills that may open a run, or are over.
    pub backfills: Vec<BackfillId>,
    /// Whether a lease ran out, or a task queued too long.
    pub has_expired_leases: bool,
    /// Runs that outlived the task that asked for them and was cancelled.
    pub strays: Vec<RunId>,
    /// Whether a deadline is neither kept nor missed.
    pub has_open_deadlines: bool,
    /// Whether a message is due.
    pub has_due_notices: bool,
    /// When the next DAG ticks.
    pub next_tick_at: Option<Timestamp>,
    /// The instant at which this was read.
    pub now: Timestamp,
}

impl Agenda {
    /// How long until the next tick; none when one is due already.
    pub fn next_tick_in(&self) -> Option<Duration> {
        self.next_tick_at?.signed_duration_since(self.now).to_std().ok()
    }
}

impl Store {
    /// Reads what there is to do.
    pub async fn agenda(&self) -> Result<Agenda, StoreError> {
        let row = sqlx::query_file!("queries/agenda/read.sql", self.clock.instead())
            .fetch_one(&self.pool)
            .await
            .map_err(reading("what there is to do"))?;
        let (ticking, reacting) = (dags(row.ticking)?, dags(row.reacting)?);
        Ok(Agenda {
            ticking,
            reacting,
            backfills: row.backfills.into_iter().map(BackfillId::from_uuid).collect(),
            has_expired_leases: row.has_expired_leases,
            strays: row.strays.into_iter().map(RunId::from_uuid).collect(),
            has_open_deadlines: row.has_open_deadlines,
            has_due_notices: row.has_due_notices,
            next_tick_at: row.next_tick_at,
            now: row.now,
        })
    }
}

fn dags(names: Vec<String>) -> Result<Vec<DagName>, CorruptRow> {
    let mut dags = Vec::with_capacity(names.len());
    for name in names {
        let corrupt = |_| CorruptRow::new("dags", &name, "dags_name_is_a_name");
        dags.push(DagName::new(&name).map_err(corrupt)?);
    }
    Ok(dags)
}
