//! What runs of a DAG were like: how intervals ended, how long runs and tasks took.

use std::collections::BTreeMap;
use std::time::Duration;

use tidemill_dag::ids::RunId;
use tidemill_dag::names::{DagName, TaskName};
use tidemill_dag::state::RunState;
use tidemill_dag::time::{DataInterval, Lapse, Timestamp};

use crate::connect::Store;
use crate::error::{CorruptRow, StoreError, reading};
use crate::labels::RunLabel;
use crate::rows::RunStateRow;

/// How many runs back a forecast looks: enough for a 90th percentile, few enough to follow a change.
const RUNS_BACK: i64 = 100;

/// The last run of an interval.
#[derive(Clone, Debug, PartialEq)]
pub struct LastRun {
    /// The interval.
    pub interval: DataInterval,
    /// The run.
    pub run: RunId,
    /// Where it stands.
    pub state: RunState,
    /// The hash of the version that it pins.
    pub hash: String,
}

/// The middle and the slow end of some lengths of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Quantiles {
    /// Half took no longer.
    pub p50: Lapse,
    /// Nine of ten took no longer.
    pub p90: Lapse,
    /// How many there were.
    pub count: u32,
}

impl Store {
    /// The last run of each interval within a range, oldest interval first.
    pub async fn last_runs(
        &self,
        dag: &DagName,
        range: DataInterval,
    ) -> Result<Vec<LastRun>, StoreError> {
        let rows = sqlx::query!(
            r#"SELECT DISTINCT ON (r.interval_start, r.interval_end)
                   r.id, r.interval_start, r.interval_end, r.state AS "state: RunLabel", r.outcome::text AS outcome,
                   r.finished_at, v.hash
               FROM dag_runs r
               JOIN dag_versions v ON v.id = r.version_id
               WHERE r.dag = $1 AND r.interval_start >= $2 AND r.interval_end <= $3
               ORDER BY r.interval_start, r.interval_end, r.created_at DESC, r.id DESC"#,
            dag.as_str(),
            range.start,
            range.end,
        )
        .fetch_all(&self.pool)
        .await
        .map_err(reading("the runs of a DAG"))?;
        let mut runs = Vec::with_capacity(rows.len());
        for row in rows {
            let (id, state, outcome) = (row.id, row.state, row.outcome);
            runs.push(LastRun {
                interval: DataInterval { start: row.interval_start, end: row.interval_end },
                run: RunId::from_uuid(id),
                state: RunStateRow { id, state, outcome, finished_at: row.finished_at }
                    .try_into()?,
                hash: row.hash,
            });
        }
        Ok(runs)
    }

    /// How long the last runs of a DAG that succeeded took, from their first task's start; `None` without any.
    pub async fn run_quantiles(&self, dag: &DagName) -> Result<Option<Quantiles>, StoreError> {
        let row = sqlx::query!(
            r#"SELECT count(*) AS "count!",
                   percentile_cont(0.5) WITHIN GROUP (ORDER BY seconds) AS p50,
                   percentile_cont(0.9) WITHIN GROUP (ORDER BY seconds) AS p90
               FROM (
                   SELECT EXTRACT(EPOCH FROM finished_at - started_at)::double precision AS seconds
                   FROM dag_runs
                   WHERE dag = $1 AND outcome = 'succeeded' AND started_at IS NOT NULL
                   ORDER BY created_at DESC
                   LIMIT $2
               ) AS runs"#,
            dag.as_str(),
            RUNS_BACK,
        )
        .fetch_one(&self.pool)
        .await
        .map_err(reading("how long runs took"))?;
        Ok(quantiles(row.p50, row.p90, row.count))
    }

    /// How long the tasks of the last runs of a DAG took, from their first attempt's start to their end, by node.
    ///
    /// Members and children count as part of their node; a node that never succeeded is missing.
    pub async fn task_quantiles(
        &self,
        dag: &DagName,
    ) -> Result<BTreeMap<TaskName, Quantiles>, StoreError> {
        let rows = sqlx::query!(
            r#"WITH runs AS (
                   SELECT id FROM dag_runs
                   WHERE dag = $1 AND state = 'closed'
                   ORDER BY created_at DESC
                   LIMIT $2
               ), took AS (
                   SELECT t.node, EXTRACT(EPOCH FROM t.finished_at - min(a.started_at))::double precision AS seconds
                   FROM runs
                   JOIN task_runs t ON t.run_id = runs.id
                   JOIN attempts a ON a.run_id = t.run_id AND a.task_id = t.id
                   WHERE t.outcome = 'succeeded' AND t.parent IS NULL
                   GROUP BY t.run_id, t.id
               )
               SELECT node, count(*) AS "count!",
                   percentile_cont(0.5) WITHIN GROUP (ORDER BY seconds) AS p50,
                   percentile_cont(0.9) WITHIN GROUP (ORDER BY seconds) AS p90
               FROM took
               GROUP BY node
               ORDER BY node"#,
            dag.as_str(),
            RUNS_BACK,
        )
        .fetch_all(&self.pool)
        .await
        .map_err(reading("how long tasks took"))?;
        let mut by_node = BTreeMap::new();
        for row in rows {
            let node = TaskName::new(&row.node)
                .map_err(|_| CorruptRow::new("task_runs", &row.node, "task_runs_node_is_a_name"))?;
            if let Some(found) = quantiles(row.p50, row.p90, row.count) {
                by_node.insert(node, found);
            }
        }
        Ok(by_node)
    }

    /// The instant by the clock that counts.
    pub async fn now(&self) -> Result<Timestamp, StoreError> {
        sqlx::query_scalar!(
            r#"SELECT COALESCE($1, clock_timestamp()) AS "now!""#,
            self.clock.instead()
        )
        .fetch_one(&self.pool)
        .await
        .map_err(reading("the clock"))
    }
}

fn quantiles(p50: Option<f64>, p90: Option<f64>, count: i64) -> Option<Quantiles> {
    let lapse = |seconds: f64| {
        // A clock that went back makes a run look shorter than nothing.
        let whole = Duration::try_from_secs_f64(seconds.max(0.0)).unwrap_or(Duration::MAX);
        Lapse::milliseconds(u64::try_from(whole.as_millis()).unwrap_or(u64::MAX))
    };
    let count = u32::try_from(count).unwrap_or(u32::MAX);
    Some(Quantiles { p50: lapse(p50?), p90: lapse(p90?), count })
}
