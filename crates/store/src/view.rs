//! A run as transitions see it, read from its rows.

use std::sync::Arc;

use serde_json::Value;
use sqlx::PgConnection;
use tidemill_dag::ids::{DagVersionId, RunId, TaskId};
use tidemill_dag::names::{DagName, ParamName};
use tidemill_dag::state::{RunState, TaskIndex, TaskView, View};
use tidemill_dag::template::Facts;
use tidemill_dag::time::{DataInterval, Timestamp};
use uuid::Uuid;

use crate::connect::Store;
use crate::error::{CorruptRow, StoreError, reading};
use crate::labels::{self, RunLabel, TaskLabel};
use crate::rows::{RunStateRow, TaskRow};
use crate::versions::DagVersion;

/// A run, its plan, and the ids of its tasks.
#[derive(Clone, Debug)]
pub struct RunView {
    /// The run.
    pub run: RunId,
    /// The version that it pins, with the plan.
    pub version: Arc<DagVersion>,
    /// Where everything stands.
    pub view: View,
    /// The ids of the view's tasks, in its order.
    pub ids: Vec<TaskId>,
    /// What the run adds to the priority of its tasks.
    pub(crate) priority: i32,
    /// The run and the task that asked for it, where a task did.
    pub(crate) trigger: Option<(RunId, TaskId)>,
    /// The instant at which it was read.
    pub now: Timestamp,
}

impl RunView {
    /// The place of a task.
    pub fn index_of(&self, task: TaskId) -> Option<TaskIndex> {
        self.ids.iter().position(|id| *id == task).map(TaskIndex)
    }
}

/// The head of a run: all but its tasks.
pub(crate) struct RunRow {
    pub(crate) id: Uuid,
    pub(crate) dag: String,
    pub(crate) version_id: Uuid,
    pub(crate) kind: String,
    pub(crate) interval_start: Timestamp,
    pub(crate) interval_end: Timestamp,
    pub(crate) params: Value,
    pub(crate) priority: i32,
    pub(crate) state: RunLabel,
    pub(crate) outcome: Option<String>,
    pub(crate) finished_at: Option<Timestamp>,
    pub(crate) trigger_run: Option<Uuid>,
    pub(crate) trigger_task: Option<Uuid>,
    pub(crate) now: Timestamp,
}

impl Store {
    /// Reads a run, without a lock.
    pub async fn view(&self, run: RunId) -> Result<RunView, StoreError> {
        let mut transaction = self.begin().await.map_err(reading("a run"))?;
        // One snapshot for the run and its tasks.
        sqlx::query!("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            .execute(&mut *transaction)
            .await
            .map_err(reading("a run"))?;
        let head = sqlx::query_file_as!(
            RunRow,
            "queries/dag_runs/head.sql",
            run.as_uuid(),
            self.clock.instead()
        )
        .fetch_optional(&mut *transaction)
        .await
        .map_err(reading("a run"))?;
        self.view_below(&mut transaction, run, head).await
    }

    /// Reads a run and locks it: until the transaction ends, nobody else changes it.
    pub(crate) async fn lock(
        &self,
        connection: &mut PgConnection,
        run: RunId,
    ) -> Result<RunView, StoreError> {
        let head = sqlx::query_file_as!(
            RunRow,
            "queries/dag_runs/lock.sql",
            run.as_uuid(),
            self.clock.instead()
        )
        .fetch_optional(&mut *connection)
        .await
        .map_err(reading("a run"))?;
        self.view_below(connection, run, head).await
    }

    async fn view_below(
        &self,
        connection: &mut PgConnection,
        run: RunId,
        head: Option<RunRow>,
    ) -> Result<RunView, StoreError> {
        let head = head.ok_or_else(|| StoreError::UnknownRun { text: run.to_string() })?;
        let (priority, now) = (head.priority, head.now);
        let trigger = head.trigger_run.map(RunId::from_uuid);
        let trigger = trigger.zip(head.trigger_task.map(TaskId::from_uuid));
        let version = self.version_by(connection, DagVersionId::from_uuid(head.version_id)).await?;
        let rows = sqlx::query_file_as!(
            TaskRow,
            "queries/task_runs/view.sql",
            run.as_uuid(),
            version.outputs_in_view(),
        )
        .fetch_all(connection)
        .await
        .map_err(reading("the tasks of a run"))?;
        let ids: Vec<TaskId> = rows.iter().map(|row| TaskId::from_uuid(row.id)).collect();
        let tasks = rows.into_iter().map(TaskView::try_from).collect::<Result<Vec<_>, _>>()?;
        check_order(&version, &tasks, &ids)?;
        let (state, facts) = (head.state()?, head.facts(&version)?);
        Ok(RunView {
            run,
            version,
            view: View::new(Arc::new(facts), state, tasks),
            ids,
            priority,
            trigger,
            now,
        })
    }
}

/// Transitions trust the order: first the nodes as the plan has them, then children, each after its parent.
fn check_order(version: &DagVersion, tasks: &[TaskView], ids: &[TaskId]) -> Result<(), CorruptRow> {
    let nodes = version.plan.nodes();
    for (place, (task, id)) in tasks.iter().zip(ids).enumerate() {
        let is_in_place = match nodes.get(place) {
            Some(node) => task.path.labels.is_empty() && task.path.node == node.name,
            None => version.plan.index_of(&task.path.node).is_some(),
        };
        if !is_in_place {
            return Err(CorruptRow::new(
                "task_runs",
                &id,
                "task_runs_position_is_that_of_the_plan",
            ));
        }
    }
    Ok(())
}

impl RunRow {
    fn state(&self) -> Result<RunState, CorruptRow> {
        let (id, state) = (self.id, self.state);
        RunStateRow { id, state, outcome: self.outcome.clone(), finished_at: self.finished_at }
            .try_into()
    }

    fn facts(self, version: &DagVersion) -> Result<Facts, CorruptRow> {
        FactsRow {
            id: self.id,
            dag: self.dag,
            kind: self.kind,
            interval: DataInterval { start: self.interval_start, end: self.interval_end },
            params: self.params,
        }
        .facts(version)
    }
}

/// The columns of a run that its templates read.
pub(crate) struct FactsRow {
    pub(crate) id: Uuid,
    pub(crate) dag: String,
    pub(crate) kind: String,
    pub(crate) interval: DataInterval,
    pub(crate) params: Value,
}

impl FactsRow {
    pub(crate) fn facts(self, version: &DagVersion) -> Result<Facts, CorruptRow> {
        let corrupt = |constraint| CorruptRow::new("dag_runs", &self.id, constraint);
        let Value::Object(params) = self.params else {
            return Err(corrupt("dag_runs_params_are_an_object"));
        };
        let params = params
            .into_iter()
            .map(|(name, value)| Ok((ParamName::new(&name)?, value)))
            .collect::<Result<_, tidemill_dag::names::BadName>>()
            .map_err(|_| corrupt("dag_runs_params_are_named"))?;
        Ok(Facts {
            dag: DagName::new(&self.dag).map_err(|_| corrupt("dag_runs_dag_is_a_name"))?,
            hash: version.hash.clone(),
            run: RunId::from_uuid(self.id),
            kind: labels::run_kind(&self.kind).ok_or_else(|| corrupt("run_kind"))?,
            interval: self.interval,
            zone: version.zone(),
            params,
        })
    }
}
