//! Opening runs: the run, its tasks, and what may start, in one transaction.

use std::collections::BTreeMap;

use serde_json::Value;
use sqlx::PgConnection;
use sqlx::types::Json;
use tidemill_dag::advance::{Event, advance};
use tidemill_dag::ids::{BackfillId, DagVersionId, RunId, TaskId};
use tidemill_dag::names::{DagName, ParamName};
use tidemill_dag::spec::DagSpec;
use tidemill_dag::state::{RunKind, RunState, View};
use tidemill_dag::template::Facts;
use tidemill_dag::time::{DataInterval, Timestamp};

use crate::changes::Changes;
use crate::connect::Store;
use crate::error::StoreError;
use crate::new_ids;
use crate::slots;
use crate::trigger::Trigger;
use crate::versions::DagVersion;
use crate::write;

/// A run to be opened.
#[derive(Clone, Debug)]
pub struct NewRun {
    /// The DAG.
    pub dag: DagName,
    /// The version that it pins; `None` is the DAG's current one.
    pub version: Option<DagVersionId>,
    /// Why it exists.
    pub kind: RunKind,
    /// What makes it the same run when it is asked for twice; `None` makes a run of its own each time.
    pub key: Option<String>,
    /// The tick that asked for it.
    pub tick: Option<Timestamp>,
    /// What it is about.
    pub interval: DataInterval,
    /// Its parameters, complete and checked.
    pub params: BTreeMap<ParamName, Value>,
    /// What it adds to the priority of its tasks.
    pub priority: i32,
    /// The backfill that asked for it.
    pub backfill: Option<BackfillId>,
    /// Whether earlier results may stand in for its tasks.
    pub use_cache: bool,
    /// The task that asked for it.
    pub trigger: Option<Trigger>,
}

impl NewRun {
    /// A run that somebody starts by hand.
    pub const fn manual(dag: DagName, interval: DataInterval) -> Self {
        Self {
            dag,
            version: None,
            kind: RunKind::Manual,
            key: None,
            tick: None,
            interval,
            params: BTreeMap::new(),
            priority: 0,
            backfill: None,
            use_cache: true,
            trigger: None,
        }
    }

    /// The run of a tick: asked for twice, it is one run.
    pub fn scheduled(dag: DagName, tick: Timestamp, interval: DataInterval) -> Self {
        Self {
            kind: RunKind::Scheduled,
            key: Some(format!("tick {}", tick.format("%Y-%m-%dT%H:%M:%S%.6fZ"))),
            tick: Some(tick),
            ..Self::manual(dag, interval)
        }
    }

    /// A run that something else asks for: another run, the API, a new snapshot. Asked for twice by one key, it is one run.
    pub fn triggered(dag: DagName, key: &str, interval: DataInterval) -> Self {
        Self {
            kind: RunKind::Triggered,
            key: Some(format!("trigger {key}")),
            ..Self::manual(dag, interval)
        }
    }

    /// The run of an interval of a backfill: asked for twice, it is one run.
    pub(crate) fn of_backfill(
        dag: DagName,
        backfill: BackfillId,
        version: DagVersionId,
        interval: DataInterval,
    ) -> Self {
        Self {
            kind: RunKind::Backfill,
            key: Some(format!("{backfill} {interval}")),
            backfill: Some(backfill),
            version: Some(version),
            ..Self::manual(dag, interval)
        }
    }
}

/// A run that is open now, or was already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opened {
    /// The run.
    pub run: RunId,
    /// Whether this call made it.
    pub is_new: bool,
}

impl Store {
    /// Opens a run: its row, its tasks, and what may start at once. All of it is there, or nothing.
    pub async fn open_run(&self, new: &NewRun) -> Result<Opened, StoreError> {
        let failed = |source| StoreError::Open { dag: new.dag.clone(), source };
        let mut transaction = self.begin().await.map_err(failed)?;
        let opened = self.open_in(&mut transaction, new).await?;
        if opened.is_new {
            transaction.commit().await.map_err(failed)?;
        }
        Ok(opened)
    }

    /// [`Self::open_run`] inside of somebody's transaction.
    pub(crate) async fn open_in(
        &self,
        connection: &mut PgConnection,
        new: &NewRun,
    ) -> Result<Opened, StoreError> {
        let failed = |source| StoreError::Open { dag: new.dag.clone(), source };
        let id = match new.version {
            Some(version) => version,
            None => current_version(connection, &new.dag).await?,
        };
        let version = self.version_by(connection, id).await?;
        let run = self.clock.run_id();
        let Some(now) = self.insert_run(connection, run, id, new).await.map_err(failed)? else {
            let run = run_of_key(connection, new).await.map_err(failed)?;
            return Ok(Opened { run, is_new: false });
        };
        let facts = Facts {
            dag: new.dag.clone(),
            hash: version.hash.clone(),
            run,
            kind: new.kind,
            interval: new.interval,
            zone: version.zone(),
            params: new.params.clone(),
        };
        let view = View::open(&version.plan, facts.into());
        write_tasks(connection, view, &version, new.priority, now).await.map_err(failed)?;
        Ok(Opened { run, is_new: true })
    }

    /// Inserts the run and gives the instant of it; `None` when a run of this key is there already.
    pub(crate) async fn insert_run(
        &self,
        connection: &mut PgConnection,
        run: RunId,
        version: DagVersionId,
        new: &NewRun,
    ) -> Result<Option<Timestamp>, sqlx::Error> {
        let key = new.key.clone().unwrap_or_else(|| run.to_string());
        sqlx::query_scalar!(
            "INSERT INTO dag_runs (
                 id, dag, version_id, kind, key, tick, interval_start, interval_end, params, priority, backfill_id,
                 use_cache, created_at, trigger_run, trigger_task, trigger_depth, ends_with_trigger
             )
             VALUES ($1, $2, $3, ($4::text)::run_kind, $5, $6, $7, $8, $9, $10, $11, $12,
                 COALESCE($13, clock_timestamp()), $14, $15, $16, $17)
             ON CONFLICT (dag, key) DO NOTHING
             RETURNING created_at",
            run.as_uuid(),
            new.dag.as_str(),
            version.as_uuid(),
            new.kind.label(),
            key,
            new.tick,
            new.interval.start,
            new.interval.end,
            Json(&new.params) as _,
            new.priority,
            new.backfill.map(BackfillId::as_uuid),
            new.use_cache,
            self.clock.instead(),
            new.trigger.map(|trigger| trigger.run.as_uuid()),
            new.trigger.map(|trigger| trigger.task.as_uuid()),
            new.trigger.map_or(0, |trigger| trigger.depth),
            new.trigger.is_some_and(|trigger| trigger.ends_with_asker),
        )
        .fetch_optional(connection)
        .await
    }
}

/// Parameters with the defaults of those that are not given.
pub(crate) fn with_defaults(
    dag: &DagSpec,
    mut given: BTreeMap<ParamName, Value>,
) -> BTreeMap<ParamName, Value> {
    for (name, param) in &dag.params {
        if let Some(default) = &param.default {
            given.entry(name.clone()).or_insert_with(|| default.clone());
        }
    }
    given
}

async fn current_version(
    connection: &mut PgConnection,
    dag: &DagName,
) -> Result<DagVersionId, StoreError> {
    sqlx::query_scalar!("SELECT version_id FROM dags WHERE name = $1", dag.as_str())
        .fetch_optional(connection)
        .await
        .map_err(|source| StoreError::Open { dag: dag.clone(), source })?
        .map(DagVersionId::from_uuid)
        .ok_or_else(|| StoreError::UnknownDag { dag: dag.clone() })
}

async fn run_of_key(connection: &mut PgConnection, new: &NewRun) -> Result<RunId, sqlx::Error> {
    let (dag, key) = (new.dag.as_str(), new.key.as_deref());
    let id = sqlx::query_scalar!("SELECT id FROM dag_runs WHERE dag = $1 AND key = $2", dag, key)
        .fetch_one(connection)
        .await?;
    Ok(RunId::from_uuid(id))
}

/// Writes the tasks of a new run and what may start at once; gives their ids, in the order of the view.
pub(crate) async fn write_tasks(
    connection: &mut PgConnection,
    mut view: View,
    version: &DagVersion,
    priority: i32,
    now: Timestamp,
) -> Result<Vec<TaskId>, sqlx::Error> {
    let plan = &version.plan;
    slots::learn(connection, plan, &mut view).await?;
    let mut changes = Changes::of(&view, 0);
    let effects =
        advance(plan, &view, &Event::Opened, now).expect("an opening speaks for no attempt");
    changes.record(&view, &effects);
    view.apply(&effects, now);

    let run = view.facts.run;
    let mut ids = Vec::new();
    new_ids::hand_out(connection, &view, &mut ids).await?;
    let inserts = changes.inserts(plan, &view, &ids, priority);
    write::insert_tasks(connection, run, &inserts).await?;
    if matches!(view.run, RunState::Closed { .. }) {
        write::update_run(connection, run, &view.run).await?;
        write::tell_end(connection, version, &view, now).await?;
    }
    write::wake(connection, changes.pools_with_ready_tasks(plan, &view)).await?;
    Ok(ids)
}
