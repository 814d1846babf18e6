//! What drills do to a database: each in a schema of its own, and with nothing but the connections of its own processes.

use std::time::Duration;

use sqlx::{AssertSqlSafe, Postgres, Transaction};
use tidemill_dag::ids::{RunId, TaskId};
use tidemill_dag::names::DagName;
use tidemill_dag::state::Attempt;
use tidemill_dag::time::{Lapse, Timestamp};
use tidemill_task::ArtifactRef;
use uuid::Uuid;

use crate::artifacts::ArtifactRow;
use crate::connect::Store;
use crate::error::{StoreError, reading, writing};
use crate::leases::milliseconds;

/// How the schemas of drills begin; the second of their making follows, and what makes them unique.
pub const DRILL_PREFIX: &str = "tidemill_drill_";

/// How long the schema of a drill is waited for when something of the drill still works in it.
const DROP_TIMEOUT: Duration = Duration::from_secs(20);

/// The schema of a drill.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DrillSchema {
    /// Its name.
    pub name: String,
    /// Whether anybody is connected on its behalf.
    pub is_in_use: bool,
}

/// Something that the drill holds, so that others wait for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeldBack {
    /// The rows of pools and runs: claims and reports wait, each with the connection that it has.
    Work,
    /// The table of ticks: a tick waits halfway, with all that it locked.
    Ticks,
}

/// A hold on something, until it is let go or dropped.
#[derive(Debug)]
pub struct Hold(Transaction<'static, Postgres>);

impl Hold {
    /// Lets go.
    pub async fn let_go(self) -> Result<(), StoreError> {
        self.0.rollback().await.map_err(writing("the end of a hold"))
    }
}

/// A store in the schema of a drill, where more is allowed than elsewhere.
#[derive(Clone, Debug)]
pub struct Drill(Store);

impl Store {
    /// This store as a drill's; `None` unless its schema is one of a drill.
    pub fn as_drill(&self) -> Option<Drill> {
        let is_drill = self.schema.as_deref().is_some_and(|name| name.starts_with(DRILL_PREFIX));
        is_drill.then(|| Drill(self.clone()))
    }

    /// The schemas of drills that are in this database, oldest name first.
    pub async fn drill_schemas(&self) -> Result<Vec<DrillSchema>, StoreError> {
        let rows = sqlx::query!(
            r#"SELECT
                   nspname::text AS "name!",
                   EXISTS (
                       SELECT FROM pg_stat_activity
                       WHERE datname = current_database()
                         AND application_name = left('tidemill ' || nspname, 63)
                   ) AS "is_in_use!"
               FROM pg_namespace
               WHERE starts_with(nspname::text, $1)
               ORDER BY nspname"#,
            DRILL_PREFIX,
        )
        .fetch_all(&self.pool)
        .await
        .map_err(reading("the schemas of drills"))?;
        let schemas =
            rows.into_iter().map(|row| DrillSchema { name: row.name, is_in_use: row.is_in_use });
        Ok(schemas.collect())
    }

    /// Drops the schema of a drill with all that is in it, also while somebody works there. Nothing happens when it is
    /// gone.
    pub async fn drop_drill_schema(&self, name: &str) -> Result<(), StoreError> {
        let is_plain =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        if !name.starts_with(DRILL_PREFIX) || !name.bytes().all(is_plain) {
            return Err(StoreError::BadSchema { schema: name.to_owned() });
        }
        let dropping = writing("the end of a drill's schema");
        let drop_it = async {
            // Whoever is left there holds locks that we would wait for.
            sqlx::query!(
                "SELECT pg_terminate_backend(pid)
                 FROM pg_stat_activity
                 WHERE datname = current_database()
                   AND application_name = left('tidemill ' || $1::text, 63)
                   AND pid <> pg_backend_pid()",
                name,
            )
            .fetch_all(&self.pool)
            .await?;
            sqlx::query(AssertSqlSafe(format!("DROP SCHEMA IF EXISTS {name} CASCADE")))
                .execute(&self.pool)
                .await
        };
        match tokio::time::timeout(DROP_TIMEOUT, drop_it).await {
            Ok(dropped) => dropped.map(drop).map_err(dropping),
            Err(_elapsed) => Err(dropping(sqlx::Error::PoolTimedOut)),
        }
    }
}

impl Drill {
    /// The database's clock.
    pub async fn now(&self) -> Result<Timestamp, StoreError> {
        sqlx::query_scalar!(r#"SELECT clock_timestamp() AS "now!""#)
            .fetch_one(&self.0.pool)
            .await
            .map_err(reading("the clock"))
    }

    /// Ends the connections of all other processes of this drill; gives their number.
    pub async fn end_connections(&self) -> Result<usize, StoreError> {
        let ending = writing("the end of connections");
        let mut own = Vec::new();
        let mut kept = Vec::new();
        let mut connection = self.0.pool.acquire().await.map_err(&ending)?;
        loop {
            let pid = sqlx::query_scalar!(r#"SELECT pg_backend_pid() AS "pid!""#);
            own.push(pid.fetch_one(&mut *connection).await.map_err(&ending)?);
            kept.push(connection);
            match self.0.pool.try_acquire() {
                Some(another) => connection = another,
                None => break,
            }
        }
        let Some(connection) = kept.last_mut() else { return Ok(0) };
        let ended = sqlx::query_scalar!(
            "SELECT pg_terminate_backend(pid)
             FROM pg_stat_activity
             WHERE datname = current_database()
               AND application_name = current_setting('application_name')
               AND pid <> ALL ($1::integer[])",
            &own,
        )
        .fetch_all(&mut **connection)
        .await
        .map_err(ending)?;
        Ok(ended.len())
    }

    /// How many connections of this drill wait for a lock.
    pub async fn waiting_connections(&self) -> Result<i64, StoreError> {
        sqlx::query_scalar!(
            r#"SELECT count(*) AS "count!"
               FROM pg_stat_activity
               WHERE datname = current_database()
                 AND application_name = current_setting('application_name')
                 AND wait_event_type = 'Lock'"#,
        )
        .fetch_one(&self.0.pool)
        .await
        .map_err(reading("what connections wait for"))
    }

    /// Makes others wait, in this schema, until it lets go.
    pub async fn hold_back(&self, what: HeldBack) -> Result<Hold, StoreError> {
        let holding = writing("a hold");
        let mut transaction = self.0.begin().await.map_err(&holding)?;
        // It waits on purpose, as no other transaction of ours does.
        sqlx::query!("SET LOCAL idle_in_transaction_session_timeout = 0")
            .execute(&mut *transaction)
            .await
            .map_err(&holding)?;
        match what {
            HeldBack::Work => {
                sqlx::query!("SELECT id FROM dag_runs FOR UPDATE")
                    .fetch_all(&mut *transaction)
                    .await
                    .map_err(&holding)?;
                sqlx::query!("SELECT name FROM pools FOR UPDATE")
                    .fetch_all(&mut *transaction)
                    .await
                    .map_err(&holding)?;
            }
            HeldBack::Ticks => {
                sqlx::query!("LOCK TABLE ticks IN SHARE MODE")
                    .execute(&mut *transaction)
                    .await
                    .map_err(&holding)?;
            }
        }
        Ok(Hold(transaction))
    }

    /// Makes a DAG one whose last ticks, as many minutes long, were missed. Gives whether it ticks at all.
    pub async fn rewind_ticks(&self, dag: &DagName, by: Lapse) -> Result<bool, StoreError> {
        let done = sqlx::query!(
            "UPDATE dags
             SET ticked_until = now() - $2::bigint * INTERVAL '1 millisecond', next_tick_at = now()
             WHERE name = $1 AND ticked_until IS NOT NULL",
            dag.as_str(),
            milliseconds(by),
        )
        .execute(&self.0.pool)
        .await
        .map_err(writing("ticks that were missed"))?;
        Ok(done.rows_affected() > 0)
    }

    /// The instants at which ticks were due, oldest first, with their runs.
    pub async fn ticks(
        &self,
        dag: &DagName,
    ) -> Result<Vec<(Timestamp, Option<RunId>)>, StoreError> {
        let rows = sqlx::query!(
            "SELECT tick, run_id FROM ticks WHERE dag = $1 ORDER BY tick",
            dag.as_str()
        )
        .fetch_all(&self.0.pool)
        .await
        .map_err(reading("ticks"))?;
        Ok(rows.into_iter().map(|row| (row.tick, row.run_id.map(RunId::from_uuid))).collect())
    }

    /// All artefacts that anybody can see, with whose they are.
    pub async fn visible_artifacts(
        &self,
    ) -> Result<Vec<(TaskId, Attempt, ArtifactRef)>, StoreError> {
        let rows = sqlx::query!(
            "SELECT id, run_id, task_id, attempt, port, position, holds, sha256, size_bytes, location, media_type
             FROM artifacts
             WHERE committed_at IS NOT NULL
             ORDER BY task_id, attempt, port, position",
        )
        .fetch_all(&self.0.pool)
        .await
        .map_err(reading("the artefacts"))?;
        let mut visible = Vec::with_capacity(rows.len());
        for row in rows {
            let (task, attempt): (Uuid, i32) = (row.task_id, row.attempt);
            let artifact = ArtifactRow {
                run_id: row.run_id,
                wanted: 0,
                position: row.position,
                port: row.port,
                id: row.id,
                holds: row.holds,
                sha256: row.sha256,
                size_bytes: row.size_bytes,
                location: row.location,
                media_type: row.media_type,
            };
            visible.push((TaskId::from_uuid(task), Attempt(attempt), artifact.try_into()?));
        }
        Ok(visible)
    }
}
