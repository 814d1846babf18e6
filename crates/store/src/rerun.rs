//! Reruns: a new run that keeps what an earlier one made, and carries out the rest again.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::Value;
use sqlx::PgConnection;
use tidemill_dag::ids::{DagVersionId, RunId, TaskId};
use tidemill_dag::names::TaskName;
use tidemill_dag::rerun::{BadSelection, Rerun, Selection, Turn};
use tidemill_dag::state::{TaskPath, View};
use tidemill_dag::template::Facts;
use tidemill_task::ArtifactRef;
use uuid::Uuid;

use crate::connect::Store;
use crate::error::{CorruptRow, StoreError, reading};
use crate::open::{NewRun, write_tasks};
use crate::rows::task_path;
use crate::versions::DagVersion;
use crate::view::RunView;

/// What to run again.
#[derive(Clone, Debug)]
pub struct NewRerun {
    /// The earlier run, which must be over.
    pub run: RunId,
    /// The DAG's version to run by; `None` is the one that the earlier run pinned.
    pub version: Option<DagVersionId>,
    /// Which tasks.
    pub selection: Selection,
    /// Whether earlier results may stand in for tasks that nobody named.
    pub use_cache: bool,
}

/// What a task gave.
#[derive(Clone, Debug, PartialEq)]
pub struct TaskResult {
    /// The output.
    pub output: Arc<Value>,
    /// The artefacts, by port and place.
    pub artifacts: Vec<ArtifactRef>,
}

/// What a rerun would do.
#[derive(Clone, Debug)]
pub struct RerunPlan {
    /// The hash of the version that the earlier run pinned.
    pub earlier_hash: String,
    /// The hash of the version that the rerun would pin.
    pub hash: String,
    /// What happens to each task of the DAG, in the order in which they can run.
    pub turns: Vec<(TaskName, Turn)>,
    /// The version that the rerun would pin.
    pub version: Arc<DagVersion>,
    /// The rerun before it opens.
    pub view: View,
    /// What the earlier run's tasks gave that succeeded.
    pub results: BTreeMap<TaskPath, TaskResult>,
    /// What members of mapped tasks stand for.
    pub items: BTreeMap<TaskPath, Value>,
    /// The tasks that run whatever the cache has, because they are named.
    pub named: BTreeSet<TaskName>,
}

type Results = BTreeMap<TaskPath, TaskResult>;

type Items = BTreeMap<TaskPath, Value>;

/// An earlier run, the version to repeat it by, and what comes of that.
struct Prepared {
    run: RunId,
    earlier: RunView,
    version: Arc<DagVersion>,
    rerun: Rerun,
}

impl Store {
    /// Says what a rerun would do; nothing is written.
    pub async fn plan_rerun(&self, new: &NewRerun) -> Result<RerunPlan, StoreError> {
        let Prepared { earlier, version, rerun, .. } = self.prepare_rerun(new).await?;
        let (results, items) = self.results(earlier.run).await?;
        let names = version.plan.nodes().iter().map(|node| node.name.clone());
        Ok(RerunPlan {
            earlier_hash: earlier.version.hash.clone(),
            hash: version.hash.clone(),
            turns: names.zip(rerun.turns).collect(),
            view: rerun.view,
            results,
            items,
            named: named(&new.selection),
            version,
        })
    }

    /// Opens a rerun: its tasks, what they keep of the earlier run, and what may start at once.
    ///
    /// # Panics
    ///
    /// If the id that was just made is another run's already.
    pub async fn rerun(&self, new: &NewRerun) -> Result<RunId, StoreError> {
        let Prepared { run, earlier, version, rerun } = self.prepare_rerun(new).await?;
        let facts = Arc::clone(&earlier.view.facts);
        let failed = |source| StoreError::Open { dag: facts.dag.clone(), source };
        let like = NewRun {
            params: facts.params.clone(),
            priority: earlier.priority,
            use_cache: new.use_cache,
            ..NewRun::manual(facts.dag.clone(), facts.interval)
        };
        let mut transaction = self.begin().await.map_err(failed)?;
        let now =
            self.insert_run(&mut transaction, run, version.id, &like).await.map_err(failed)?;
        let now = now.expect("a run whose key is its own new id is always new");
        let Rerun { view, kept, repeated, .. } = rerun;
        let ids = write_tasks(&mut transaction, view, &version, like.priority, now).await;
        let ids = ids.map_err(failed)?;
        let pairs = kept.iter().map(|pair| (pair, true));
        let pairs = pairs.chain(repeated.iter().map(|pair| (pair, false)));
        let pairs: Vec<Pair> = pairs
            .map(|((new, old), is_kept)| Pair { new: ids[new.0], old: earlier.ids[old.0], is_kept })
            .collect();
        mark(&mut transaction, run, earlier.run, &named(&new.selection)).await.map_err(failed)?;
        let taken = take_over(&mut transaction, run, earlier.run, &pairs).await.map_err(failed)?;
        if taken != pairs.len() as u64 {
            // Retention came since they were read.
            return Err(StoreError::TasksDropped { run: earlier.run });
        }
        transaction.commit().await.map_err(failed)?;
        Ok(run)
    }

    async fn prepare_rerun(&self, new: &NewRerun) -> Result<Prepared, StoreError> {
        let mut earlier = self.view(new.run).await?;
        if earlier.ids.is_empty() {
            return Err(StoreError::TasksDropped { run: new.run });
        }
        self.read_all_outputs(&mut earlier).await?;
        let version = match new.version {
            Some(version) => self.dag_version(version).await?,
            None => Arc::clone(&earlier.version),
        };
        let run = self.clock.run_id();
        let facts = Facts {
            run,
            hash: version.hash.clone(),
            zone: version.zone(),
            ..(*earlier.view.facts).clone()
        };
        let rerun = Rerun::of(&version.plan, facts.into(), &earlier.view, &new.selection)
            .map_err(|source: BadSelection| StoreError::Rerun { run: new.run, source })?;
        Ok(Prepared { run, earlier, version, rerun })
    }

    /// What the tasks of a run gave, and what the members of its lists stand for.
    async fn results(&self, run: RunId) -> Result<(Results, Items), StoreError> {
        let rows = sqlx::query_file!("queries/rerun/results.sql", run.as_uuid())
            .fetch_all(&self.pool)
            .await
            .map_err(reading("the results of a run"))?;
        let (mut results, mut items) = (Results::new(), Items::new());
        for row in rows {
            let corrupt = |_| CorruptRow::new("artifacts", &row.id, "artifacts_are_artifacts");
            let artifacts = serde_json::from_value(row.artifacts).map_err(corrupt)?;
            let path = task_path(row.id, &row.path)?;
            items.extend(row.item.map(|item| (path.clone(), item)));
            if row.has_succeeded {
                let output = Arc::new(row.output.unwrap_or_default());
                results.insert(path, TaskResult { output, artifacts });
            }
        }
        Ok((results, items))
    }

    /// A later version may read other outputs than the one that the run pinned.
    async fn read_all_outputs(&self, earlier: &mut RunView) -> Result<(), StoreError> {
        let rows = sqlx::query!(
            r#"SELECT position, output AS "output!: Value"
               FROM task_runs
               WHERE run_id = $1 AND output IS NOT NULL"#,
            earlier.run.as_uuid(),
        )
        .fetch_all(&self.pool)
        .await
        .map_err(reading("the outputs of a run"))?;
        for row in rows {
            let place = usize::try_from(row.position).unwrap_or(usize::MAX);
            if let Some(task) = earlier.view.tasks.get_mut(place) {
                task.output = Some(Arc::new(row.output));
            }
        }
        Ok(())
    }
}

/// A task of a rerun and the task that it repeats.
struct Pair {
    new: TaskId,
    old: TaskId,
    /// Whether it keeps the end, too.
    is_kept: bool,
}

/// The tasks that somebody named, or whose members somebody did.
fn named(selection: &Selection) -> BTreeSet<TaskName> {
    match selection {
        Selection::Failed => BTreeSet::new(),
        Selection::From(names) => names.iter().cloned().collect(),
        Selection::Only(paths) => paths.iter().map(|path| path.node.clone()).collect(),
    }
}

/// Writes which run a rerun repeats, and which tasks run whatever the cache has.
async fn mark(
    connection: &mut PgConnection,
    run: RunId,
    earlier: RunId,
    named: &BTreeSet<TaskName>,
) -> Result<(), sqlx::Error> {
    let named: Vec<&str> = named.iter().map(TaskName::as_str).collect();
    sqlx::query!(
        "UPDATE dag_runs SET rerun_of = $2, fresh_nodes = $3 WHERE id = $1",
        run.as_uuid(),
        earlier.as_uuid(),
        &named as _,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Copies what the tasks of a rerun keep: outputs, the attempt that made them, and its artefacts. Gives how many of the
/// earlier tasks were there.
async fn take_over(
    connection: &mut PgConnection,
    run: RunId,
    earlier: RunId,
    pairs: &[Pair],
) -> Result<u64, sqlx::Error> {
    let new: Vec<Uuid> = pairs.iter().map(|pair| pair.new.as_uuid()).collect();
    let old: Vec<Uuid> = pairs.iter().map(|pair| pair.old.as_uuid()).collect();
    let is_kept: Vec<bool> = pairs.iter().map(|pair| pair.is_kept).collect();
    let (run, earlier) = (run.as_uuid(), earlier.as_uuid());
    let taken = sqlx::query_file!("queries/rerun/tasks.sql", &new, &old, &is_kept, run, earlier)
        .execute(&mut *connection)
        .await?;
    sqlx::query_file!("queries/rerun/attempts.sql", &new, &old, &is_kept, run, earlier)
        .execute(&mut *connection)
        .await?;
    sqlx::query_file!("queries/rerun/artifacts.sql", &new, &old, &is_kept, run, earlier)
        .execute(&mut *connection)
        .await?;
    Ok(taken.rows_affected())
}
