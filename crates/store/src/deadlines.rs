//! Deadlines of ticks: watched until they are kept or missed, told once each.

use std::sync::Arc;

use serde_json::{Value, json};
use sqlx::PgConnection;
use tidemill_dag::ids::{DagVersionId, RunId};
use tidemill_dag::names::DagName;
use tidemill_dag::time::Timestamp;

use crate::connect::Store;
use crate::error::{CorruptRow, StoreError, reading, writing};
use crate::lead::Lead;
use crate::listen::tell_schedulers;
use crate::outbox::Telling;
use crate::versions::DagVersion;

/// A deadline that is neither kept nor missed yet.
#[derive(Clone, Debug)]
pub struct OpenDeadline {
    /// The DAG.
    pub dag: DagName,
    /// The tick.
    pub tick: Timestamp,
    /// By when its run must be over.
    pub finish_by: Timestamp,
    /// Whether people heard that it is at risk.
    pub is_warned: bool,
    /// The run, once it is open.
    pub run: Option<RunId>,
    /// When the run was over, if it is.
    pub finished_at: Option<Timestamp>,
    /// The version that the run pins, or would pin.
    pub version: Arc<DagVersion>,
    /// The instant at which this was read.
    pub now: Timestamp,
}

/// What there is to say about a deadline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeadlineNews {
    /// It will be missed, if the tasks that are left take as long as they mostly do.
    AtRisk {
        /// When the run would be over.
        forecast: Timestamp,
    },
    /// It is over, and the run was not.
    Missed,
    /// The run was over in time; nobody needs to hear of it.
    Kept,
}

impl Store {
    /// The deadlines that are neither kept nor missed, the next one first.
    pub async fn open_deadlines(&self) -> Result<Vec<OpenDeadline>, StoreError> {
        let rows = sqlx::query!(
            r#"SELECT t.dag, t.tick, t.finish_by AS "finish_by!", t.warned_at IS NOT NULL AS "is_warned!", t.run_id,
                   r.finished_at AS "finished_at?", COALESCE(r.version_id, d.version_id) AS "version_id!",
                   COALESCE($1, clock_timestamp()) AS "now!"
               FROM ticks t
               JOIN dags d ON d.name = t.dag
               LEFT JOIN dag_runs r ON r.id = t.run_id
               WHERE t.finish_by IS NOT NULL
                 AND t.settled_at IS NULL
                 AND (t.run_id IS NOT NULL OR (d.is_present AND NOT d.is_paused))
               ORDER BY t.finish_by, t.dag
               LIMIT 1000"#,
            self.clock.instead(),
        )
        .fetch_all(&self.pool)
        .await
        .map_err(reading("the deadlines"))?;
        let mut deadlines = Vec::with_capacity(rows.len());
        for row in rows {
            let dag = DagName::new(&row.dag)
                .map_err(|_| CorruptRow::new("ticks", &row.dag, "ticks_dag_is_a_name"))?;
            deadlines.push(OpenDeadline {
                dag,
                tick: row.tick,
                finish_by: row.finish_by,
                is_warned: row.is_warned,
                run: row.run_id.map(RunId::from_uuid),
                finished_at: row.finished_at,
                version: self.dag_version(DagVersionId::from_uuid(row.version_id)).await?,
                now: row.now,
            });
        }
        Ok(deadlines)
    }

    /// Writes down what became of a deadline, with the messages to those who want to hear of it.
    ///
    /// Says whether it was news: each is told once, whoever says it and how often.
    pub async fn tell_deadline(
        &self,
        lead: Lead,
        deadline: &OpenDeadline,
        news: DeadlineNews,
    ) -> Result<bool, StoreError> {
        let failed = writing("a deadline");
        let mut transaction = self.begin().await.map_err(&failed)?;
        let now = self.fence(&mut transaction, lead).await?;
        let is_warning = matches!(news, DeadlineNews::AtRisk { .. });
        let changed = sqlx::query!(
            "UPDATE ticks
             SET warned_at = CASE WHEN $4 THEN $3 ELSE warned_at END, settled_at = CASE WHEN $4 THEN NULL ELSE $3 END
             WHERE dag = $1 AND tick = $2 AND settled_at IS NULL AND NOT ($4 AND warned_at IS NOT NULL)",
            deadline.dag.as_str(),
            deadline.tick,
            now,
            is_warning,
        )
        .execute(&mut *transaction)
        .await
        .map_err(&failed)?;
        if changed.rows_affected() == 0 {
            return Ok(false);
        }
        match news {
            DeadlineNews::AtRisk { forecast } => {
                let payload = payload(deadline, Some(forecast));
                tell(&mut transaction, deadline, "deadline_at_risk", &payload, now).await
            }
            DeadlineNews::Missed => {
                let payload = payload(deadline, None);
                tell(&mut transaction, deadline, "deadline_missed", &payload, now).await
            }
            DeadlineNews::Kept => Ok(()),
        }
        .map_err(&failed)?;
        transaction.commit().await.map_err(&failed)?;
        Ok(true)
    }
}

fn payload(deadline: &OpenDeadline, forecast: Option<Timestamp>) -> Value {
    json!({
        "dag": deadline.dag,
        "run": deadline.run,
        "tick": deadline.tick,
        "finish_by": deadline.finish_by,
        "finished_at": deadline.finished_at,
        "forecast": forecast,
    })
}

async fn tell(
    connection: &mut PgConnection,
    deadline: &OpenDeadline,
    topic: &str,
    payload: &Value,
    now: Timestamp,
) -> Result<(), sqlx::Error> {
    let notify = deadline.version.spec.deadline.as_ref().map(|deadline| &deadline.notify[..]);
    let recipients = notify.unwrap_or_default();
    let subject = format!("{}:{}", deadline.dag, deadline.tick.format("%Y-%m-%dT%H:%M:%S%.6fZ"));
    Telling { topic, subject, recipients, payload }.put(connection, now).await?;
    tell_schedulers(connection).await
}
