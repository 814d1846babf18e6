//! A small world: a store, a clock that stands still, a worker, and the DAGs of one test.

use std::sync::Arc;

use anyhow::{Context, anyhow, bail};
use chrono::DateTime;
use serde_json::{Value, json};
use tidemill_dag::advance::{Retry, Verdict};
use tidemill_dag::hash::content_hash;
use tidemill_dag::ids::{RunId, WorkerId};
use tidemill_dag::names::{DagName, PoolName};
use tidemill_dag::problem::SourceText;
use tidemill_dag::spec::{DagSpec, Limits};
use tidemill_dag::state::{Child, OnChildFailure};
use tidemill_dag::time::{DataInterval, Lapse, Timestamp};
use tidemill_dag::yaml;
use tidemill_store::{
    Claim, ClaimRequest, Clock, Finish, FrozenClock, NewDagVersion, NewRun, Store, StoreError,
};

use crate::database::TestDatabase;

/// Where the clock of a world stands at first: 2026-01-01T00:00:00Z.
const SINCE_1970: Lapse = Lapse::seconds(1_767_225_600);

/// A store with all that a test needs around it.
#[derive(Debug)]
pub struct World {
    /// The store.
    pub store: Store,
    /// The clock that counts for the store.
    pub clock: FrozenClock,
    /// The worker that claims.
    pub worker: WorkerId,
    /// The database below.
    pub database: TestDatabase,
    dag: Option<DagName>,
}

impl World {
    /// How long claims hold.
    pub const LEASE: Lapse = Lapse::seconds(60);

    /// The slots of the pool `default`.
    pub const SLOTS: u32 = 8;

    /// An empty world: one pool, no DAG.
    pub async fn new() -> anyhow::Result<Self> {
        let database = TestDatabase::create().await?;
        let clock = FrozenClock::at(Self::start());
        let store = database.store(Clock::Frozen(clock.clone())).await?;
        store.put_pool(&Self::pool(), Self::SLOTS, "").await?;
        Ok(Self { store, clock, worker: WorkerId::generate(), database, dag: None })
    }

    /// The same world with a DAG, given as the text of its file without any check beyond its shape.
    pub async fn with_dag(mut self, yaml: &str) -> anyhow::Result<Self> {
        self.put_dag(yaml).await?;
        Ok(self)
    }

    /// Adds a DAG, or another version of it; runs are of the last one.
    pub async fn put_dag(&mut self, yaml: &str) -> anyhow::Result<()> {
        let source = Arc::new(SourceText::new("the DAG of the test".to_owned(), yaml.to_owned()));
        let tree = yaml::parse(&source).map_err(|problem| anyhow!("{problem}"))?;
        let spec: DagSpec =
            serde_json::from_value(tree.to_json()).context("read the DAG of the test")?;
        let new =
            NewDagVersion { spec: &spec, hash: &content_hash(&spec), source: "dags/test.yaml" };
        self.store.put_dag_version(&new).await?;
        self.dag = Some(spec.dag);
        Ok(())
    }

    /// Where the clock stands at first.
    pub fn start() -> Timestamp {
        DateTime::UNIX_EPOCH + SINCE_1970.delta()
    }

    /// The day before the start.
    pub fn interval() -> DataInterval {
        DataInterval { start: Self::start() - Lapse::seconds(86_400).delta(), end: Self::start() }
    }

    /// The pool that every world has.
    pub fn pool() -> PoolName {
        Limits::default().pool
    }

    /// A run by hand of the last DAG, to be opened or changed first.
    ///
    /// # Panics
    ///
    /// When the world has no DAG.
    pub fn new_run(&self) -> NewRun {
        let dag = self.dag.clone().expect("a world with a DAG");
        NewRun::manual(dag, Self::interval())
    }

    /// Opens a run of the last DAG.
    ///
    /// # Panics
    ///
    /// When the world has no DAG.
    pub async fn open(&self) -> Result<RunId, StoreError> {
        Ok(self.store.open_run(&self.new_run()).await?.run)
    }

    /// What this world's worker asks for.
    pub fn request(&self, limit: u32) -> ClaimRequest {
        ClaimRequest {
            worker: self.worker,
            pool: Self::pool(),
            limit,
            free_slots: u32::MAX,
            total_slots: u32::MAX,
            lease: Self::LEASE,
        }
    }

    /// Claims as many tasks as there are.
    pub async fn claim_all(&self) -> Result<Vec<Claim>, StoreError> {
        self.store.claim(&self.request(10_000)).await
    }

    /// Claims the next task, which must be this one.
    pub async fn claim(&self, path: &str) -> anyhow::Result<Claim> {
        match self.store.claim(&self.request(1)).await?.pop() {
            Some(claim) if claim.path.to_string() == path => Ok(claim),
            Some(other) => bail!("the queue gave `{}` before `{path}`", other.path),
            None => bail!("the queue is empty, and did not give `{path}`"),
        }
    }

    /// Ends an attempt.
    pub async fn finish(&self, claim: &Claim, verdict: Verdict) -> Result<(), StoreError> {
        self.store.finish(end_of(claim, verdict)).await
    }

    /// Ends an attempt well, with an output.
    pub async fn succeed(&self, claim: &Claim, output: Value) -> Result<(), StoreError> {
        self.finish(claim, Verdict::Succeeded { output: Arc::new(output) }).await
    }

    /// Ends an attempt badly; another one may help.
    pub async fn fail(&self, claim: &Claim) -> Result<(), StoreError> {
        self.finish(claim, Verdict::Failed { error: "it broke".into(), retry: Retry::MayHelp })
            .await
    }

    /// Ends an attempt by asking for children of the same kind, labelled `0`, `1` and so on.
    pub async fn expand(&self, claim: &Claim, children: usize) -> Result<(), StoreError> {
        let child = |number: usize| Child {
            label: number.to_string().into(),
            kind: claim.kind.clone(),
            with: Some(json!({ "number": number })),
            item: None,
            slots: None,
        };
        let verdict = Verdict::Expanded {
            children: (0..children).map(child).collect(),
            state: json!({ "asked": children }),
            on_child_failure: OnChildFailure::Fail,
        };
        self.finish(claim, verdict).await
    }

    /// Takes expired leases back.
    pub async fn sweep(&self) -> Result<(), StoreError> {
        self.store.sweep().await.map(drop)
    }
}

/// The end of a claimed attempt, without artefacts and costs.
fn end_of(claim: &Claim, verdict: Verdict) -> Finish {
    Finish::new(claim.held(), verdict)
}
