//! Runs, as lists show them.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;
use tidemill_dag::ids::{DagVersionId, RunId};
use tidemill_dag::names::{DagName, ParamName};
use tidemill_dag::state::{RunKind, RunState, TaskPath};
use tidemill_dag::time::{DataInterval, Timestamp};
use uuid::Uuid;

use crate::connect::Store;
use crate::error::{CorruptRow, StoreError, reading};
use crate::labels::{self, RunLabel};
use crate::rows::{RunStateRow, task_path};

/// Which runs to list; what is `None` does not matter.
#[derive(Clone, Debug)]
pub struct RunFilter {
    /// Of this DAG.
    pub dag: Option<DagName>,
    /// Open and cancelling (`true`), or closed (`false`).
    pub is_live: Option<bool>,
    /// The most runs, newest first.
    pub limit: u32,
}

impl Default for RunFilter {
    fn default() -> Self {
        Self { dag: None, is_live: None, limit: 100 }
    }
}

/// A run, as lists show it.
#[derive(Clone, Debug, PartialEq)]
pub struct RunSummary {
    /// Its id.
    pub id: RunId,
    /// Its DAG.
    pub dag: DagName,
    /// The version that it pins.
    pub version: DagVersionId,
    /// The hash of that version.
    pub hash: String,
    /// Why it exists.
    pub kind: RunKind,
    /// What it is about.
    pub interval: DataInterval,
    /// Its parameters.
    pub params: BTreeMap<ParamName, Value>,
    /// Who asked for it, where a task did.
    pub triggered_by: Option<TriggeredBy>,
    /// Where it stands.
    pub state: RunState,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// When its first task started.
    pub started_at: Option<Timestamp>,
    /// How many tasks stand where.
    pub tasks: TaskCounts,
}

impl RunSummary {
    /// Whether retention dropped the tasks: a run is opened with one at least.
    pub const fn has_dropped_tasks(&self) -> bool {
        self.tasks.total == 0 && matches!(self.state, RunState::Closed { .. })
    }
}

/// The task that asked for a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TriggeredBy {
    /// Its run.
    pub run: RunId,
    /// Its name in that run, as long as that is remembered.
    pub task: Option<TaskPath>,
}

/// How many tasks of a run stand where; those in no count wait.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TaskCounts {
    /// All.
    pub total: u32,
    /// Those that run.
    pub running: u32,
    /// Those that did their work.
    pub succeeded: u32,
    /// Those that gave up.
    pub failed: u32,
    /// Those whose rule or condition said no.
    pub skipped: u32,
    /// Those that were stopped.
    pub cancelled: u32,
}

pub(crate) struct RunSummaryRow {
    id: Uuid,
    dag: String,
    hash: String,
    version_id: Uuid,
    kind: String,
    interval_start: Timestamp,
    interval_end: Timestamp,
    params: Value,
    state: RunLabel,
    outcome: Option<String>,
    created_at: Timestamp,
    started_at: Option<Timestamp>,
    finished_at: Option<Timestamp>,
    trigger_run: Option<Uuid>,
    trigger_path: Option<String>,
    total: i64,
    running: i64,
    succeeded: i64,
    failed: i64,
    skipped: i64,
    cancelled: i64,
}

impl Store {
    /// Lists runs, newest first.
    pub async fn runs(&self, filter: &RunFilter) -> Result<Vec<RunSummary>, StoreError> {
        self.summaries(None, filter).await
    }

    pub(crate) async fn summaries(
        &self,
        run: Option<RunId>,
        filter: &RunFilter,
    ) -> Result<Vec<RunSummary>, StoreError> {
        let mut list = self.begin_list().await.map_err(reading("the runs"))?;
        let rows = sqlx::query_file_as!(
            RunSummaryRow,
            "queries/dag_runs/list.sql",
            run.map(RunId::as_uuid),
            filter.dag.as_ref().map(DagName::as_str),
            filter.is_live,
            i64::from(filter.limit),
        )
        .fetch_all(&mut *list)
        .await
        .map_err(reading("the runs"))?;
        rows.into_iter().map(|row| RunSummary::try_from(row).map_err(StoreError::from)).collect()
    }

    /// Where a run stands.
    pub async fn run_state(&self, run: RunId) -> Result<RunState, StoreError> {
        let row = sqlx::query_as!(
            RunStateRow,
            r#"SELECT id, state AS "state: RunLabel", outcome::text, finished_at FROM dag_runs WHERE id = $1"#,
            run.as_uuid(),
        )
        .fetch_optional(&self.pool)
        .await
        .map_err(reading("a run"))?;
        let row = row.ok_or_else(|| StoreError::UnknownRun { text: run.to_string() })?;
        Ok(RunState::try_from(row)?)
    }

    /// Finds a run by its id, or by the first letters of it when no other run begins so.
    pub async fn find_run(&self, text: &str) -> Result<RunId, StoreError> {
        let unknown = || StoreError::UnknownRun { text: text.to_owned() };
        let (lowest, highest) = id_range(text).ok_or_else(unknown)?;
        let ids = sqlx::query_scalar!(
            "SELECT id FROM dag_runs WHERE id BETWEEN $1 AND $2 LIMIT 2",
            lowest,
            highest,
        )
        .fetch_all(&self.pool)
        .await
        .map_err(reading("the runs"))?;
        match ids.as_slice() {
            [] => Err(unknown()),
            [id] => Ok(RunId::from_uuid(*id)),
            [_, _, ..] => Err(StoreError::AmbiguousRun { text: text.to_owned() }),
        }
    }
}

/// The lowest and the highest id that begin like this text.
pub(crate) fn id_range(text: &str) -> Option<(Uuid, Uuid)> {
    let digits = text.strip_prefix("run_").unwrap_or(text);
    let is_prefix =
        (1..=32).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    if !is_prefix {
        return None;
    }
    let bound =
        |fill: &str| Uuid::try_parse(&format!("{digits}{}", fill.repeat(32 - digits.len()))).ok();
    bound("0").zip(bound("f"))
}

impl TryFrom<RunSummaryRow> for RunSummary {
    type Error = CorruptRow;

    fn try_from(row: RunSummaryRow) -> Result<Self, CorruptRow> {
        let corrupt = |constraint| CorruptRow::new("dag_runs", &row.id, constraint);
        let count = |count: i64| u32::try_from(count).unwrap_or(u32::MAX);
        let state = RunStateRow {
            id: row.id,
            state: row.state,
            outcome: row.outcome,
            finished_at: row.finished_at,
        };
        let task = row.trigger_path.map(|path| task_path(row.id, &path)).transpose()?;
        let asked_by = |run| TriggeredBy { run: RunId::from_uuid(run), task };
        Ok(Self {
            triggered_by: row.trigger_run.map(asked_by),
            id: RunId::from_uuid(row.id),
            dag: DagName::new(&row.dag).map_err(|_| corrupt("dag_runs_dag_is_a_name"))?,
            version: DagVersionId::from_uuid(row.version_id),
            hash: row.hash,
            kind: labels::run_kind(&row.kind).ok_or_else(|| corrupt("run_kind"))?,
            interval: DataInterval { start: row.interval_start, end: row.interval_end },
            params: serde_json::from_value(row.params)
                .map_err(|_| corrupt("dag_runs_params_are_named"))?,
            state: state.try_into()?,
            created_at: row.created_at,
            started_at: row.started_at,
            tasks: TaskCounts {
                total: count(row.total),
                running: count(row.running),
                succeeded: count(row.succeeded),
                failed: count(row.failed),
                skipped: count(row.skipped),
                cancelled: count(row.cancelled),
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_stands_for_all_ids_that_begin_so() {
        let (lowest, highest) = id_range("run_0a").unwrap();

        assert_eq!(lowest.simple().to_string(), "0a000000000000000000000000000000");
        assert_eq!(highest.simple().to_string(), "0affffffffffffffffffffffffffffff");
    }

    #[test]
    fn what_cannot_begin_an_id_stands_for_none() {
        for text in ["", "run_", "task_0a", "0g", "run_0a%", &"0".repeat(33)] {
            assert_eq!(id_range(text), None, "{text:?}");
        }
    }
}
