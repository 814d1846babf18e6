//! Claims: one statement takes ready tasks out of the queue and gives the worker all that it needs.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value};
use sqlx::PgConnection;
use tidemill_dag::ids::{DagVersionId, RunId, TaskId, WorkerId};
use tidemill_dag::names::{KindName, PoolName, PortName, TaskName};
use tidemill_dag::plan::Node;
use tidemill_dag::size::ByteSize;
use tidemill_dag::spec::Limits;
use tidemill_dag::state::{Attempt, Lease, TaskIndex, TaskPath};
use tidemill_dag::template::Facts;
use tidemill_dag::time::{DataInterval, Lapse, Timestamp};
use tidemill_task::{ArtifactRef, ChildResult, Unasked};
use uuid::Uuid;

use crate::columns::narrow;
use crate::connect::Store;
use crate::error::{CorruptRow, StoreError, reading};
use crate::leases::{Held, milliseconds};
use crate::rows::task_path;
use crate::versions::DagVersion;
use crate::view::FactsRow;

/// What a worker asks for.
#[derive(Clone, Debug)]
pub struct ClaimRequest {
    /// The worker.
    pub worker: WorkerId,
    /// The pool.
    pub pool: PoolName,
    /// The most tasks.
    pub limit: u32,
    /// How many of its slots are free.
    pub free_slots: u32,
    /// How many slots it has: a task that needs more is not for it.
    pub total_slots: u32,
    /// How long the claim holds without a renewal.
    pub lease: Lapse,
}

/// A task that a worker holds, with all that it needs to run it.
#[derive(Clone, Debug)]
pub struct Claim {
    /// The task.
    pub task: TaskId,
    /// Its run.
    pub run: RunId,
    /// Its name in the run.
    pub path: TaskPath,
    /// Its kind.
    pub kind: KindName,
    /// The attempt: everything that the worker says about the task carries it.
    pub attempt: Attempt,
    /// How often it was resumed after children.
    pub phase: u32,
    /// How long the worker holds it.
    pub lease: Lease,
    /// How many slots it takes.
    pub slots: u32,
    /// The memory that these stand for, where its pool says so.
    pub memory: Option<ByteSize>,
    /// What bounds it.
    pub limits: Limits,
    /// The version of the DAG that the run pins.
    pub version: Arc<DagVersion>,
    /// Why an earlier result must not stand in, whatever the task and its kind say.
    pub unasked: Option<Unasked>,
    /// What is fixed for the run.
    pub facts: Arc<Facts>,
    /// Its parameters.
    pub with: With,
    /// The member of a list that it stands for.
    pub item: Option<Value>,
    /// What it wanted to know again when it asked for children.
    pub resume: Option<Value>,
    /// The outputs of the tasks that it waited for, and of those that its templates name.
    pub outputs: BTreeMap<TaskName, Arc<Value>>,
    /// The artefacts that are wired to its ports.
    pub inputs: BTreeMap<PortName, Vec<ArtifactRef>>,
    /// How the children that it asked for last ended, by label; empty before it is resumed.
    pub children: BTreeMap<Box<str>, ChildResult>,
}

impl Claim {
    /// What a worker holds with it.
    pub const fn held(&self) -> Held {
        Held { run: self.run, task: self.task, attempt: self.attempt }
    }
}

/// Parameters of a task.
#[derive(Clone, Debug, PartialEq)]
pub enum With {
    /// As the DAG file has them: to be rendered.
    Templates(Map<String, Value>),
    /// As its parent gave them: to be taken as they are.
    Rendered(Value),
}

pub(crate) struct ClaimRow {
    id: Uuid,
    run_id: Uuid,
    position: i32,
    path: String,
    kind: String,
    with: Option<Value>,
    item: Option<Value>,
    slots: i32,
    attempt: i32,
    phase: i32,
    resume: Option<Value>,
    lease_until: Timestamp,
    dag: String,
    version_id: Uuid,
    run_kind: String,
    interval_start: Timestamp,
    interval_end: Timestamp,
    params: Value,
    use_cache: bool,
    is_fresh: bool,
}

impl Claim {
    /// The node of the DAG that the task is, or descends from.
    ///
    /// # Panics
    ///
    /// Never: a claim is of a task of its version's plan.
    pub fn node(&self) -> &Node {
        let plan = &self.version.plan;
        plan.node(plan.index_of(&self.path.node).expect("a claim is of a task of the plan"))
    }
}

/// A claim and where its inputs come from.
pub(crate) struct Claimed {
    pub(crate) claim: Claim,
    pub(crate) version: Arc<DagVersion>,
    pub(crate) node: TaskIndex,
    pub(crate) position: i32,
}

impl Store {
    /// Claims ready tasks of a pool for a worker, those that waited longest first; a point of priority counts as a minute.
    ///
    /// The slots of all running tasks of the pool never exceed the pool's, whoever claims at the same time.
    pub async fn claim(&self, request: &ClaimRequest) -> Result<Vec<Claim>, StoreError> {
        let failed = |source| StoreError::Claim { pool: request.pool.clone(), source };
        if request.limit == 0 || request.free_slots == 0 {
            return Ok(Vec::new());
        }
        let mut transaction = self.begin().await.map_err(failed)?;
        let Some(pool) = lock_pool(&mut transaction, &request.pool).await.map_err(failed)? else {
            return Ok(Vec::new());
        };
        let rows = self.claim_rows(&mut transaction, request, pool.slots).await.map_err(failed)?;
        let mut claimed = Vec::with_capacity(rows.len());
        for row in rows {
            let version =
                self.version_by(&mut transaction, DagVersionId::from_uuid(row.version_id)).await?;
            claimed.push(row.into_claimed(request.worker, version, &pool)?);
        }
        self.read_inputs(&mut transaction, &mut claimed).await?;
        transaction.commit().await.map_err(failed)?;
        if !claimed.is_empty() {
            self.await_disk().await.map_err(failed)?;
        }
        Ok(claimed.into_iter().map(|claimed| claimed.claim).collect())
    }

    /// Those of the pools in which something waits to be claimed. It takes no lock, and whether it fits is not looked at.
    pub async fn pools_that_wait(&self, pools: &[PoolName]) -> Result<Vec<PoolName>, StoreError> {
        let names: Vec<String> = pools.iter().map(|pool| pool.as_str().to_owned()).collect();
        let waiting = sqlx::query_file_scalar!(
            "queries/task_runs/pools_that_wait.sql",
            &names,
            self.clock.instead(),
        )
        .fetch_all(&self.pool)
        .await
        .map_err(reading("what waits"))?;
        Ok(pools
            .iter()
            .filter(|pool| waiting.iter().any(|name| name == pool.as_str()))
            .cloned()
            .collect())
    }

    /// Waits until all that was committed so far survives a crash of the server, as far as the server is set up to promise
    /// that: a commit of its own is on disk after all earlier ones.
    async fn await_disk(&self) -> Result<(), sqlx::Error> {
        sqlx::query!("SELECT pg_logical_emit_message(true, 'tidemill', '')::text AS place")
            .fetch_one(&self.pool)
            .await
            .map(drop)
    }

    async fn claim_rows(
        &self,
        connection: &mut PgConnection,
        request: &ClaimRequest,
        pool_slots: i32,
    ) -> Result<Vec<ClaimRow>, sqlx::Error> {
        sqlx::query_file_as!(
            ClaimRow,
            "queries/task_runs/claim.sql",
            request.pool.as_str(),
            pool_slots,
            narrow(request.free_slots),
            narrow(request.total_slots),
            i64::from(request.limit),
            request.worker.as_uuid(),
            self.clock.instead(),
            milliseconds(request.lease),
        )
        .fetch_all(connection)
        .await
    }
}

/// What a claim needs to know of its pool.
struct PoolRow {
    slots: i32,
    memory_per_slot: Option<i64>,
    /// Set by the statement that reads it.
    #[expect(dead_code, reason = "the statement is for its effect")]
    until_commit: Option<String>,
}

/// Locks a pool and gives its slots. One claim of a pool comes after the other: each counts what the ones before took.
///
/// The lock ends when the claim is committed, and not only when the disk has it: others need to see it, and the worker alone
/// needs it to survive, which it awaits afterwards. A crash between the two takes the claim back before any work began.
async fn lock_pool(
    connection: &mut PgConnection,
    pool: &PoolName,
) -> Result<Option<PoolRow>, sqlx::Error> {
    sqlx::query_as!(
        PoolRow,
        "SELECT slots, memory_per_slot, set_config('synchronous_commit', 'off', true) AS until_commit
         FROM pools
         WHERE name = $1
         FOR NO KEY UPDATE",
        pool.as_str()
    )
    .fetch_optional(connection)
    .await
}

impl PoolRow {
    /// The memory that so many slots stand for.
    fn memory_of(&self, slots: i32) -> Option<ByteSize> {
        let of_one = self.memory_per_slot?.unsigned_abs();
        Some(ByteSize(of_one.saturating_mul(u64::from(slots.unsigned_abs()))))
    }
}

impl ClaimRow {
    fn into_claimed(
        self,
        worker: WorkerId,
        version: Arc<DagVersion>,
        pool: &PoolRow,
    ) -> Result<Claimed, CorruptRow> {
        let corrupt = |constraint| CorruptRow::new("task_runs", &self.id, constraint);
        let path = task_path(self.id, &self.path)?;
        let node = version
            .plan
            .index_of(&path.node)
            .ok_or_else(|| corrupt("task_runs_node_is_in_the_plan"))?;
        let spec = &version.plan.node(node).spec;
        let facts = FactsRow {
            id: self.run_id,
            dag: self.dag,
            kind: self.run_kind,
            interval: DataInterval { start: self.interval_start, end: self.interval_end },
            params: self.params,
        };
        let claim = Claim {
            task: TaskId::from_uuid(self.id),
            run: RunId::from_uuid(self.run_id),
            kind: KindName::new(&self.kind).map_err(|_| corrupt("task_runs_kind_is_a_name"))?,
            attempt: Attempt(self.attempt),
            phase: u32::try_from(self.phase)
                .map_err(|_| corrupt("task_runs_counts_not_negative"))?,
            lease: Lease { worker, until: self.lease_until },
            slots: u32::try_from(self.slots).map_err(|_| corrupt("task_runs_slots_positive"))?,
            memory: pool.memory_of(self.slots),
            limits: version.plan.node(node).limits.clone(),
            unasked: unasked(self.use_cache, self.is_fresh, self.phase),
            facts: Arc::new(facts.facts(&version)?),
            version: Arc::clone(&version),
            with: match self.with {
                Some(with) => With::Rendered(with),
                None => With::Templates(spec.with.clone()),
            },
            item: self.item,
            resume: self.resume,
            outputs: BTreeMap::new(),
            inputs: BTreeMap::new(),
            children: BTreeMap::new(),
            path,
        };
        Ok(Claimed { claim, node, position: self.position, version })
    }
}

/// Why the cache is not asked for a task.
const fn unasked(use_cache: bool, is_fresh: bool, phase: i32) -> Option<Unasked> {
    if !use_cache {
        Some(Unasked::RunIsFresh)
    } else if is_fresh {
        Some(Unasked::TaskIsNamed)
    } else if phase > 0 {
        Some(Unasked::Resumed)
    } else {
        None
    }
}
