//! The cache: results by the hash of all that they depend on.
//!
//! An entry points at the task that made the result, and is written in the transaction that makes the result visible. So
//! there is no entry without its artefacts, and a result whose rows were dropped is none.

use serde_json::Value;
use sqlx::PgConnection;
use tidemill_dag::ids::{RunId, TaskId};
use tidemill_dag::state::Attempt;
use tidemill_dag::time::Timestamp;
use tidemill_task::{CacheParts, CachedResult, Found, Origin};
use uuid::Uuid;

use crate::connect::Store;
use crate::error::{CorruptRow, StoreError, reading};
use crate::plain;
use crate::rows::task_path;

/// What the cache knows about one task.
#[derive(Clone, Debug, PartialEq)]
pub struct CacheAnswer {
    /// The closest earlier result.
    pub found: Found,
    /// The instant at which it was looked for.
    pub now: Timestamp,
}

struct FoundRow {
    is_hit: Option<bool>,
    path: Option<String>,
    run_id: Option<Uuid>,
    attempt: Option<i32>,
    made_at: Option<Timestamp>,
    parts: Option<Value>,
    output: Option<Value>,
    is_there: bool,
    artifacts: Option<Value>,
    now: Timestamp,
}

impl Store {
    /// Looks for earlier results of tasks with these parts, in one round trip; the answers are in the order of asking.
    pub async fn cached(&self, parts: &[&CacheParts]) -> Result<Vec<CacheAnswer>, StoreError> {
        if parts.is_empty() {
            return Ok(Vec::new());
        }
        let keys: Vec<String> = parts.iter().map(|parts| parts.key().to_string()).collect();
        let dags: Vec<&str> = parts.iter().map(|parts| parts.dag.as_str()).collect();
        let paths: Vec<String> = parts.iter().map(|parts| parts.path.to_string()).collect();
        let starts: Vec<Timestamp> = parts.iter().map(|parts| parts.interval.start).collect();
        let ends: Vec<Timestamp> = parts.iter().map(|parts| parts.interval.end).collect();
        let rows = sqlx::query_file!(
            "queries/cache_entries/find.sql",
            &keys,
            &dags as _,
            &paths,
            &starts,
            &ends,
            self.clock.instead(),
        )
        .fetch_all(&self.pool)
        .await
        .map_err(reading("the cache"))?;
        let mut answers = Vec::with_capacity(rows.len());
        for row in rows {
            let row = FoundRow {
                is_hit: row.is_hit,
                path: row.path,
                run_id: row.run_id,
                attempt: row.attempt,
                made_at: row.made_at,
                parts: row.parts,
                output: row.output,
                is_there: row.is_there,
                artifacts: row.artifacts,
                now: row.now,
            };
            answers.push(row.try_into()?);
        }
        Ok(answers)
    }
}

impl TryFrom<FoundRow> for CacheAnswer {
    type Error = CorruptRow;

    fn try_from(row: FoundRow) -> Result<Self, CorruptRow> {
        let now = row.now;
        let (Some(run), Some(path), Some(attempt), Some(made_at)) =
            (row.run_id, &row.path, row.attempt, row.made_at)
        else {
            return Ok(Self { found: Found::Nothing, now });
        };
        let corrupt = |constraint| CorruptRow::new("cache_entries", &run, constraint);
        let task = task_path(run, path)?;
        let origin =
            Origin { run: RunId::from_uuid(run), task, attempt: Attempt(attempt), made_at };
        let found = match (row.is_hit, row.is_there) {
            (Some(true), true) => {
                let artifacts = row.artifacts.map(serde_json::from_value).transpose();
                Found::Same(CachedResult {
                    origin,
                    output: row.output.unwrap_or_default(),
                    artifacts: artifacts
                        .map_err(|_| corrupt("artifacts_are_artifacts"))?
                        .unwrap_or_default(),
                })
            }
            (Some(true), false) => Found::Forgotten(origin),
            (Some(false) | None, _) => {
                let parts = row.parts.map(serde_json::from_value).transpose();
                let parts = parts.map_err(|_| corrupt("cache_entries_parts_are_parts"))?;
                parts.map_or(Found::Nothing, |parts| Found::Other(origin, Box::new(parts)))
            }
        };
        Ok(Self { found, now })
    }
}

/// A result to be remembered.
pub(crate) struct Remembered<'a> {
    pub(crate) task: TaskId,
    pub(crate) attempt: Attempt,
    pub(crate) parts: &'a CacheParts,
}

/// Remembers results; inside of the transaction that makes them visible.
pub(crate) async fn remember(
    connection: &mut PgConnection,
    run: RunId,
    results: &[Remembered<'_>],
    now: Timestamp,
) -> Result<(), sqlx::Error> {
    let mut keyed: Vec<(String, &Remembered<'_>)> =
        results.iter().map(|result| (result.parts.key().to_string(), result)).collect();
    // Two transactions that remember the same results must meet them in the same order.
    keyed.sort_by(|(one, _), (other, _)| one.cmp(other));
    let keys: Vec<&str> = keyed.iter().map(|(key, _)| key.as_str()).collect();
    let parts = || keyed.iter().map(|(_, result)| result.parts);
    let dags: Vec<&str> = parts().map(|parts| parts.dag.as_str()).collect();
    let paths: Vec<String> = parts().map(|parts| parts.path.to_string()).collect();
    let starts: Vec<Timestamp> = parts().map(|parts| parts.interval.start).collect();
    let ends: Vec<Timestamp> = parts().map(|parts| parts.interval.end).collect();
    let documents: Vec<Value> = parts().map(plain::document).collect();
    let tasks: Vec<Uuid> = keyed.iter().map(|(_, result)| result.task.as_uuid()).collect();
    let attempts: Vec<i32> = keyed.iter().map(|(_, result)| result.attempt.0).collect();
    sqlx::query_file!(
        "queries/cache_entries/put.sql",
        run.as_uuid(),
        now,
        &keys as _,
        &dags as _,
        &paths,
        &starts,
        &ends,
        &documents,
        &tasks,
        &attempts,
    )
    .execute(connection)
    .await?;
    Ok(())
}
