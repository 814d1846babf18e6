//! Backfills: ranges of intervals that somebody wants run, as lists show them.

use std::collections::BTreeMap;

use serde_json::Value;
use tidemill_dag::ids::{BackfillId, DagVersionId, RunId};
use tidemill_dag::names::{DagName, ParamName};
use tidemill_dag::state::RunState;
use tidemill_dag::time::{DataInterval, Timestamp};
use uuid::Uuid;

use crate::backfill_reason::IntervalReason;
use crate::connect::Store;
use crate::error::{CorruptRow, StoreError, reading};
use crate::labels::{BackfillOrder, BackfillState, Reprocess, RunLabel};
use crate::rows::RunStateRow;
use crate::runs::id_range;

/// How many intervals of a backfill stand where; those in no count run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct BackfillCounts {
    /// All that it looked at.
    pub total: u32,
    /// Those that it runs.
    pub wanted: u32,
    /// Those whose runs are not open yet.
    pub waiting: u32,
    /// Those whose runs are open.
    pub open: u32,
    /// Those whose runs succeeded.
    pub succeeded: u32,
    /// Those whose runs failed.
    pub failed: u32,
    /// Those whose runs were stopped.
    pub cancelled: u32,
}

/// A backfill, as lists show it.
#[derive(Clone, Debug, PartialEq)]
pub struct BackfillSummary {
    /// Its id.
    pub id: BackfillId,
    /// Its DAG.
    pub dag: DagName,
    /// The version that its runs pin.
    pub version: DagVersionId,
    /// The hash of that version.
    pub hash: String,
    /// The first instant of its first interval, up to the end of its last.
    pub range: DataInterval,
    /// The order in which it opens runs.
    pub order: BackfillOrder,
    /// Which intervals it runs.
    pub reprocess: Reprocess,
    /// How many of its runs are open at once.
    pub parallel_runs: u32,
    /// What puts it before other backfills.
    pub weight: u32,
    /// The parameters of its runs.
    pub params: BTreeMap<ParamName, Value>,
    /// Where it stands.
    pub state: BackfillState,
    /// Who started it.
    pub created_by: String,
    /// When.
    pub created_at: Timestamp,
    /// When it was over.
    pub finished_at: Option<Timestamp>,
    /// How its intervals stand.
    pub counts: BackfillCounts,
}

/// One interval of a backfill.
#[derive(Clone, Debug, PartialEq)]
pub struct BackfillInterval {
    /// Its place in the order of opening.
    pub position: u32,
    /// The interval.
    pub interval: DataInterval,
    /// Why it runs or not.
    pub why: IntervalReason,
    /// Its run and where that stands, once it was opened.
    pub run: Option<(RunId, RunState)>,
}

/// Which backfills to list; what is `None` does not matter.
#[derive(Clone, Debug)]
pub struct BackfillFilter {
    /// Of this DAG.
    pub dag: Option<DagName>,
    /// Over (`false`) or not (`true`).
    pub is_live: Option<bool>,
    /// The most backfills, newest first.
    pub limit: u32,
}

impl Default for BackfillFilter {
    fn default() -> Self {
        Self { dag: None, is_live: None, limit: 100 }
    }
}

struct BackfillRow {
    id: Uuid,
    dag: String,
    version_id: Uuid,
    hash: String,
    range_start: Timestamp,
    range_end: Timestamp,
    order: BackfillOrder,
    reprocess: Reprocess,
    parallel_runs: i32,
    weight: i32,
    params: Value,
    state: BackfillState,
    created_by: String,
    created_at: Timestamp,
    finished_at: Option<Timestamp>,
    total: i64,
    wanted: i64,
    waiting: i64,
    open: i64,
    succeeded: i64,
    failed: i64,
    cancelled: i64,
}

impl Store {
    /// Lists backfills, newest first.
    pub async fn backfills(
        &self,
        filter: &BackfillFilter,
    ) -> Result<Vec<BackfillSummary>, StoreError> {
        self.backfill_summaries(None, filter).await
    }

    /// One backfill.
    pub async fn backfill(&self, id: BackfillId) -> Result<BackfillSummary, StoreError> {
        let found = self.backfill_summaries(Some(id), &BackfillFilter::default()).await?.pop();
        found.ok_or_else(|| StoreError::UnknownBackfill { text: id.to_string() })
    }

    /// The intervals of a backfill, in the order in which their runs open.
    pub async fn backfill_intervals(
        &self,
        id: BackfillId,
    ) -> Result<Vec<BackfillInterval>, StoreError> {
        let rows = sqlx::query!(
            r#"SELECT i.position, i.interval_start, i.interval_end, i.why, i.run_id,
                   r.state AS "state?: RunLabel", r.outcome::text AS outcome, r.finished_at AS "finished_at?"
               FROM backfill_intervals i
               LEFT JOIN dag_runs r ON r.id = i.run_id
               WHERE i.backfill_id = $1
               ORDER BY i.position"#,
            id.as_uuid(),
        )
        .fetch_all(&self.pool)
        .await
        .map_err(reading("the intervals of a backfill"))?;
        let mut intervals = Vec::with_capacity(rows.len());
        for row in rows {
            let run = match (row.run_id, row.state) {
                (Some(run), Some(state)) => {
                    let (outcome, finished_at) = (row.outcome, row.finished_at);
                    let state = RunStateRow { id: run, state, outcome, finished_at }.try_into()?;
                    Some((RunId::from_uuid(run), state))
                }
                (Some(_) | None, None) | (None, Some(_)) => None,
            };
            let why = IntervalReason::ALL.into_iter().find(|reason| reason.label() == row.why);
            intervals.push(BackfillInterval {
                position: u32::try_from(row.position).unwrap_or_default(),
                interval: DataInterval { start: row.interval_start, end: row.interval_end },
                why: why.ok_or_else(|| {
                    CorruptRow::new("backfill_intervals", &id, "backfill_intervals_why_is_a_reason")
                })?,
                run,
            });
        }
        Ok(intervals)
    }

    /// Finds a backfill by its id, or by the first letters of it when no other begins so.
    pub async fn find_backfill(&self, text: &str) -> Result<BackfillId, StoreError> {
        let unknown = || StoreError::UnknownBackfill { text: text.to_owned() };
        let digits = text.strip_prefix("backfill_").unwrap_or(text);
        let (lowest, highest) = id_range(digits).ok_or_else(unknown)?;
        let ids = sqlx::query_scalar!(
            "SELECT id FROM backfills WHERE id BETWEEN $1 AND $2 LIMIT 2",
            lowest,
            highest,
        )
        .fetch_all(&self.pool)
        .await
        .map_err(reading("the backfills"))?;
        match ids.as_slice() {
            [] => Err(unknown()),
            [id] => Ok(BackfillId::from_uuid(*id)),
            [_, _, ..] => Err(StoreError::AmbiguousBackfill { text: text.to_owned() }),
        }
    }

    async fn backfill_summaries(
        &self,
        id: Option<BackfillId>,
        filter: &BackfillFilter,
    ) -> Result<Vec<BackfillSummary>, StoreError> {
        let mut list = self.begin_list().await.map_err(reading("the backfills"))?;
        let rows = sqlx::query_file_as!(
            BackfillRow,
            "queries/backfills/list.sql",
            id.map(BackfillId::as_uuid),
            filter.dag.as_ref().map(DagName::as_str),
            filter.is_live,
            i64::from(filter.limit),
        )
        .fetch_all(&mut *list)
        .await
        .map_err(reading("the backfills"))?;
        let summaries = rows.into_iter().map(BackfillSummary::try_from);
        summaries.map(|summary| summary.map_err(StoreError::from)).collect()
    }
}

impl TryFrom<BackfillRow> for BackfillSummary {
    type Error = CorruptRow;

    fn try_from(row: BackfillRow) -> Result<Self, CorruptRow> {
        let corrupt = |constraint| CorruptRow::new("backfills", &row.id, constraint);
        let count = |count: i64| u32::try_from(count).unwrap_or(u32::MAX);
        let params = serde_json::from_value(row.params)
            .map_err(|_| corrupt("backfills_params_are_an_object"))?;
        Ok(Self {
            id: BackfillId::from_uuid(row.id),
            dag: DagName::new(&row.dag).map_err(|_| corrupt("backfills_dag_is_a_name"))?,
            version: DagVersionId::from_uuid(row.version_id),
            hash: row.hash,
            range: DataInterval { start: row.range_start, end: row.range_end },
            order: row.order,
            reprocess: row.reprocess,
            parallel_runs: u32::try_from(row.parallel_runs)
                .map_err(|_| corrupt("backfills_parallel_runs_positive"))?,
            weight: u32::try_from(row.weight).map_err(|_| corrupt("backfills_weight_positive"))?,
            params,
            state: row.state,
            created_by: row.created_by,
            created_at: row.created_at,
            finished_at: row.finished_at,
            counts: BackfillCounts {
                total: count(row.total),
                wanted: count(row.wanted),
                waiting: count(row.waiting),
                open: count(row.open),
                succeeded: count(row.succeeded),
                failed: count(row.failed),
                cancelled: count(row.cancelled),
            },
        })
    }
}
