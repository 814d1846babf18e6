//! Ticks: written down once each, and opened as runs as soon as their DAG may have one more.

use std::collections::BTreeMap;

use chrono::SubsecRound;
use sqlx::PgConnection;
use tidemill_dag::ids::DagVersionId;
use tidemill_dag::names::DagName;
use tidemill_dag::schedule::{MOST_DUE, Schedule};
use tidemill_dag::spec::DagSpec;
use tidemill_dag::time::{DataInterval, Timestamp};
use uuid::Uuid;

use crate::connect::Store;
use crate::error::{StoreError, reading, writing};
use crate::lead::Lead;
use crate::open::{NewRun, with_defaults};

/// What became of the ticks of a DAG.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ticked {
    /// Ticks that were due, and are written down now.
    pub due: u64,
    /// Runs that were opened.
    pub opened: usize,
}

/// Which ticks a schedule has dealt with after this, and which of them want a run.
#[derive(Debug, PartialEq, Eq)]
struct Dealt {
    ticks: Vec<Timestamp>,
    until: Timestamp,
}

struct TickingRow {
    version_id: Uuid,
    is_paused: bool,
    is_present: bool,
    ticked_until: Option<Timestamp>,
    ticked_version_id: Option<Uuid>,
}

impl Store {
    /// Deals with the ticks of one DAG that are due, and opens what may be open now, in one transaction.
    ///
    /// However often and by however many it is called, a tick is one run. A DAG that is paused, or that the repository
    /// does not have, is left alone.
    pub async fn tick(&self, lead: Lead, dag: &DagName) -> Result<Ticked, StoreError> {
        let mut transaction = self.begin().await.map_err(writing("ticks"))?;
        let now = self.fence(&mut transaction, lead).await?;
        let row = ticking(&mut transaction, dag).await?;
        let (Some(until), Some(by)) = (row.ticked_until, row.ticked_version_id) else {
            return Ok(Ticked::default());
        };
        if row.is_paused || !row.is_present {
            return Ok(Ticked::default());
        }
        let old = self.version_by(&mut transaction, DagVersionId::from_uuid(by)).await?;
        let new =
            self.version_by(&mut transaction, DagVersionId::from_uuid(row.version_id)).await?;
        let dealt = deal(old.spec.schedule.as_ref(), new.spec.schedule.as_ref(), until, now);
        let due = insert_ticks(&mut transaction, &new.spec, &dealt.ticks, now).await?;
        let next = new.spec.schedule.as_ref().and_then(|schedule| schedule.next_tick(dealt.until));
        sqlx::query!(
            "UPDATE dags SET ticked_until = $2, ticked_version_id = $3, next_tick_at = $4 WHERE name = $1",
            dag.as_str(),
            dealt.until,
            row.version_id,
            next,
        )
        .execute(&mut *transaction)
        .await
        .map_err(writing("ticks"))?;
        let opened = self.open_waiting(&mut transaction, &new.spec).await?;
        transaction.commit().await.map_err(writing("ticks"))?;
        Ok(Ticked { due, opened })
    }

    /// Opens ticks that wait, oldest first, as many as the DAG may still have open.
    async fn open_waiting(
        &self,
        connection: &mut PgConnection,
        dag: &DagSpec,
    ) -> Result<usize, StoreError> {
        let rows = sqlx::query!(
            "SELECT tick, interval_start, interval_end
             FROM ticks
             WHERE dag = $1 AND run_id IS NULL
             ORDER BY tick
             LIMIT GREATEST(0, $2 - (
                 SELECT count(*) FROM dag_runs WHERE dag = $1 AND state <> 'closed' AND kind <> 'backfill'
             ))",
            dag.dag.as_str(),
            i64::from(dag.parallel_runs),
        )
        .fetch_all(&mut *connection)
        .await
        .map_err(reading("the ticks that wait"))?;
        for row in &rows {
            let interval = DataInterval { start: row.interval_start, end: row.interval_end };
            let mut new = NewRun::scheduled(dag.dag.clone(), row.tick, interval);
            new.params = with_defaults(dag, BTreeMap::new());
            let opened = self.open_in(connection, &new).await?;
            sqlx::query!(
                "UPDATE ticks SET run_id = $3 WHERE dag = $1 AND tick = $2",
                dag.dag.as_str(),
                row.tick,
                opened.run.as_uuid(),
            )
            .execute(&mut *connection)
            .await
            .map_err(writing("ticks"))?;
        }
        Ok(rows.len())
    }
}

async fn ticking(connection: &mut PgConnection, dag: &DagName) -> Result<TickingRow, StoreError> {
    sqlx::query_as!(
        TickingRow,
        "SELECT version_id, is_paused, is_present, ticked_until, ticked_version_id
         FROM dags
         WHERE name = $1
         FOR NO KEY UPDATE",
        dag.as_str(),
    )
    .fetch_optional(connection)
    .await
    .map_err(reading("a DAG"))?
    .ok_or_else(|| StoreError::UnknownDag { dag: dag.clone() })
}

/// Deals with everything up to `now`. A schedule that changed ends with what is due by its old words, and begins anew
/// with its next tick: what its new words would have missed, nobody waits for.
fn deal(old: Option<&Schedule>, new: Option<&Schedule>, until: Timestamp, now: Timestamp) -> Dealt {
    let ticks = old.map(|old| old.due(Some(until), now)).unwrap_or_default();
    let last = ticks.last().copied();
    let is_cut = ticks.len() == MOST_DUE;
    let until = match (last, old) {
        (Some(last), _) if is_cut => last,
        (_, Some(old)) if new == Some(old) => {
            old.last_tick(now).map_or(until, |last| last.max(until))
        }
        // The clock may have gone back; what was dealt with stays so.
        (_, _) => now.max(until),
    };
    Dealt { ticks, until }
}

async fn insert_ticks(
    connection: &mut PgConnection,
    dag: &DagSpec,
    ticks: &[Timestamp],
    now: Timestamp,
) -> Result<u64, StoreError> {
    let Some(schedule) = &dag.schedule else { return Ok(0) };
    let mut rows: (Vec<Timestamp>, Vec<Timestamp>, Vec<Timestamp>, Vec<Option<Timestamp>>) =
        Default::default();
    for tick in ticks {
        // There is none for the very first tick, in 1970.
        let Some(interval) = schedule.interval_of(dag.interval, *tick) else { continue };
        rows.0.push(*tick);
        rows.1.push(interval.start);
        rows.2.push(interval.end);
        rows.3.push(finish_by(dag, schedule, *tick));
    }
    let done = sqlx::query!(
        "INSERT INTO ticks (dag, tick, interval_start, interval_end, finish_by, created_at)
         SELECT $1, new.tick, new.interval_start, new.interval_end, new.finish_by, $6
         FROM UNNEST($2::timestamptz[], $3::timestamptz[], $4::timestamptz[], $5::timestamptz[])
             AS new (tick, interval_start, interval_end, finish_by)
         ON CONFLICT (dag, tick) DO NOTHING",
        dag.dag.as_str(),
        &rows.0,
        &rows.1,
        &rows.2,
        &rows.3 as _,
        now,
    )
    .execute(connection)
    .await
    .map_err(writing("ticks"))?;
    Ok(done.rows_affected())
}

fn finish_by(dag: &DagSpec, schedule: &Schedule, tick: Timestamp) -> Option<Timestamp> {
    let deadline = dag.deadline.as_ref()?;
    Some(deadline.finish_by.after(schedule.timezone, tick).trunc_subsecs(6))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn schedule(cron: &str, missed: &str) -> Schedule {
        serde_json::from_value(serde_json::json!({ "cron": cron, "missed": missed })).unwrap()
    }

    #[test]
    fn ticks_that_nobody_wants_are_dealt_with_too() {
        let (until, now) = (at("2026-01-01T00:00:00Z"), at("2026-01-01T03:30:00Z"));
        for (missed, ticks) in [("all", 3), ("latest", 1), ("none", 0)] {
            let hourly = schedule("@hourly", missed);
            let dealt = deal(Some(&hourly), Some(&hourly), until, now);

            assert_eq!((dealt.ticks.len(), dealt.until), (ticks, at("2026-01-01T03:00:00Z")));
        }
    }

    #[test]
    fn a_changed_schedule_ends_by_its_old_words_and_begins_anew() {
        let (old, new) = (schedule("0 1 * * *", "all"), schedule("0 2 * * *", "all"));
        let now = at("2026-01-01T03:30:00Z");

        let dealt = deal(Some(&old), Some(&new), at("2026-01-01T00:00:00Z"), now);

        assert_eq!(dealt, Dealt { ticks: vec![at("2026-01-01T01:00:00Z")], until: now });
    }

    #[test]
    fn a_clock_that_went_back_deals_with_nothing_again() {
        let hourly = schedule("@hourly", "all");
        let until = at("2026-01-01T05:00:00Z");

        let dealt = deal(Some(&hourly), Some(&hourly), until, at("2026-01-01T01:30:00Z"));

        assert_eq!(dealt, Dealt { ticks: Vec::new(), until });
    }
}
