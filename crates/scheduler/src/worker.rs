//! A worker: claims what it has slots for, keeps its leases, and goes on until it is told to stop.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tidemill_dag::ids::{RunId, WorkerId};
use tidemill_dag::names::PoolName;
use tidemill_dag::state::{Outcome, RunState};
use tidemill_dag::time::Lapse;
use tidemill_store::{Claim, ClaimRequest, Held, NewWorker, Store, StoreError, WorkerState};
use tidemill_task::{Registry, Services};
use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::attempt::Bench;

/// How long a claim holds without a renewal.
const LEASE: Lapse = Lapse::seconds(60);
/// How often leases are renewed: often, because a worker hears of cancels by its renewals.
const HEARTBEAT: Duration = Duration::from_secs(1);
/// How long a worker waits before it looks again, when nothing wakes it.
const IDLE: Duration = Duration::from_millis(200);

/// What a worker is for.
#[derive(Clone, Debug)]
pub struct WorkerOptions {
    /// The name that people know it by.
    pub name: String,
    /// The pools that it takes from.
    pub pools: Vec<PoolName>,
    /// How many slots it has.
    pub slots: u32,
    /// The environment variables that templates may read.
    pub template_environment: BTreeMap<String, String>,
}

/// A worker that cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum WorkerError {
    /// The store could not be read or written.
    #[error("work on runs")]
    Store {
        /// Why.
        #[source]
        source: StoreError,
    },
    /// An attempt ended in a way that no attempt should.
    #[error("carry out a task")]
    Attempt {
        /// Why.
        #[source]
        source: JoinError,
    },
}

impl From<StoreError> for WorkerError {
    fn from(source: StoreError) -> Self {
        Self::Store { source }
    }
}

/// Claims ready tasks and runs them in this process.
#[derive(Debug)]
pub struct Worker {
    id: WorkerId,
    options: WorkerOptions,
    bench: Bench,
    running: JoinSet<(Held, Result<(), StoreError>)>,
    held: BTreeMap<Held, (u32, CancellationToken)>,
    renewed_at: Instant,
}

impl Worker {
    /// Registers a worker with the store.
    pub async fn start(
        store: Store,
        registry: Registry,
        services: Services,
        options: WorkerOptions,
    ) -> Result<Self, WorkerError> {
        let id = WorkerId::generate();
        let new = NewWorker {
            id,
            name: options.name.clone(),
            host: services
                .environment
                .get("HOSTNAME")
                .cloned()
                .unwrap_or_else(|| "localhost".to_owned()),
            pid: std::process::id(),
            pools: options.pools.clone(),
            slots: options.slots,
        };
        store.put_worker(&new).await?;
        store.set_worker_state(id, WorkerState::Running).await?;
        let template_environment = Arc::new(options.template_environment.clone());
        let bench = Bench { store, registry, services, template_environment };
        let (running, held) = (JoinSet::new(), BTreeMap::new());
        Ok(Self { id, options, bench, running, held, renewed_at: Instant::now() })
    }

    /// Works until the run is over, and says how it ended. `watch` hears of every round.
    pub async fn work_until_closed(
        &mut self,
        run: RunId,
        mut watch: impl FnMut(),
    ) -> Result<Outcome, WorkerError> {
        loop {
            self.bench.store.sweep().await?;
            self.claim().await?;
            watch();
            if self.running.is_empty()
                && let RunState::Closed { outcome, .. } = self.bench.store.run(run).await?.run.state
            {
                return Ok(outcome);
            }
            self.wait().await?;
            self.renew_when_due().await?;
        }
    }

    /// Stops what still runs, and says goodbye to the store.
    pub async fn stop(mut self) -> Result<(), WorkerError> {
        self.held.values().for_each(|(_, cancel)| cancel.cancel());
        while let Some(ended) = self.running.join_next().await {
            self.note(ended)?;
        }
        Ok(self.bench.store.set_worker_state(self.id, WorkerState::Stopped).await?)
    }

    async fn claim(&mut self) -> Result<(), WorkerError> {
        for pool in self.options.pools.clone() {
            let in_use: u32 = self.held.values().map(|(slots, _)| slots).sum();
            let free_slots = self.options.slots.saturating_sub(in_use);
            let request = ClaimRequest {
                worker: self.id,
                pool,
                limit: free_slots,
                free_slots,
                total_slots: self.options.slots,
                lease: LEASE,
            };
            for claim in self.bench.store.claim(&request).await? {
                self.begin(claim);
            }
        }
        Ok(())
    }

    fn begin(&mut self, claim: Claim) {
        let held = Held { task: claim.task, attempt: claim.attempt };
        let cancel = CancellationToken::new();
        self.held.insert(held, (claim.slots, cancel.clone()));
        let bench = self.bench.clone();
        self.running.spawn(async move { (held, bench.carry_out(claim, cancel).await) });
    }

    /// Waits until an attempt ends, or until it is time to look again.
    async fn wait(&mut self) -> Result<(), WorkerError> {
        if self.running.is_empty() {
            // Nothing of ours can end: only time passes.
            tokio::time::sleep_until(Instant::now() + IDLE).await;
            return Ok(());
        }
        if let Ok(Some(ended)) = timeout(IDLE, self.running.join_next()).await {
            self.note(ended)?;
        }
        while let Some(ended) = self.running.try_join_next() {
            self.note(ended)?;
        }
        Ok(())
    }

    fn note(
        &mut self,
        ended: Result<(Held, Result<(), StoreError>), JoinError>,
    ) -> Result<(), WorkerError> {
        let (held, result) = ended.map_err(|source| WorkerError::Attempt { source })?;
        self.held.remove(&held);
        Ok(result?)
    }

    /// Keeps the leases; stops what somebody cancelled, and what is ours no more.
    async fn renew_when_due(&mut self) -> Result<(), WorkerError> {
        if self.held.is_empty() || self.renewed_at.elapsed() < HEARTBEAT {
            return Ok(());
        }
        self.renewed_at = Instant::now();
        let held: Vec<Held> = self.held.keys().copied().collect();
        let renewed = self.bench.store.renew(self.id, &held, LEASE).await?;
        for lost in &renewed.lost {
            warn!(task.attempt = lost.attempt.0, "lost the lease of {}", lost.task);
        }
        for ended in renewed.cancel_requested.iter().chain(&renewed.lost) {
            if let Some((_, cancel)) = self.held.get(ended) {
                cancel.cancel();
            }
        }
        Ok(())
    }
}
