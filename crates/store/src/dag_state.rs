//! Pausing DAGs, and runs that something else asks for.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tidemill_dag::names::{DagName, ParamName};
use tidemill_dag::time::DataInterval;

use crate::audit::AuditNote;
use crate::connect::Store;
use crate::error::{StoreError, writing};
use crate::listen::tell_schedulers;
use crate::open::{NewRun, Opened, with_defaults};

impl Store {
    /// Holds the schedule of a DAG: its ticks wait, and what runs goes on. Says whether that changed anything.
    pub async fn pause_dag(&self, dag: &DagName, actor: &str) -> Result<bool, StoreError> {
        self.set_paused(dag, true, actor).await
    }

    /// Lets the schedule of a DAG go on; what passed meanwhile is missed, and its policy says what runs of it.
    pub async fn unpause_dag(&self, dag: &DagName, actor: &str) -> Result<bool, StoreError> {
        self.set_paused(dag, false, actor).await
    }

    async fn set_paused(
        &self,
        dag: &DagName,
        is_paused: bool,
        actor: &str,
    ) -> Result<bool, StoreError> {
        let failed = writing("a DAG");
        let mut transaction = self.begin().await.map_err(&failed)?;
        let found = sqlx::query!(
            r#"SELECT is_paused, COALESCE($2, clock_timestamp()) AS "now!"
               FROM dags WHERE name = $1 FOR NO KEY UPDATE"#,
            dag.as_str(),
            self.clock.instead(),
        )
        .fetch_optional(&mut *transaction)
        .await
        .map_err(&failed)?
        .ok_or_else(|| StoreError::UnknownDag { dag: dag.clone() })?;
        if found.is_paused == is_paused {
            return Ok(false);
        }
        sqlx::query!("UPDATE dags SET is_paused = $2 WHERE name = $1", dag.as_str(), is_paused)
            .execute(&mut *transaction)
            .await
            .map_err(&failed)?;
        let note = AuditNote {
            actor: actor.to_owned(),
            action: if is_paused { "pause_dag" } else { "unpause_dag" },
            subject_kind: "dag",
            subject_id: dag.to_string(),
            detail: json!({}),
        };
        note.write(&mut transaction, found.now).await.map_err(&failed)?;
        tell_schedulers(&mut transaction).await.map_err(&failed)?;
        transaction.commit().await.map_err(&failed)?;
        Ok(true)
    }

    /// Opens a run that something else asks for: another run, the API, a new snapshot. The same key is the same run.
    ///
    /// Parameters that are not given have their defaults. It opens at once, whatever else of the DAG is open: who asks
    /// for it counts on it.
    pub async fn trigger(
        &self,
        dag: &DagName,
        key: &str,
        interval: DataInterval,
        params: BTreeMap<ParamName, Value>,
    ) -> Result<Opened, StoreError> {
        let version = self.dag_version(self.dag(dag).await?.version).await?;
        let params = with_defaults(&version.spec, params);
        let new = NewRun::triggered(dag.clone(), key, interval);
        self.open_run(&NewRun { params, version: Some(version.id), ..new }).await
    }
}
