//! A worker: claims what it has slots for, runs it, tells what came of it, and goes on until it is told to stop.

mod backend;
pub(crate) mod claimer;
mod ears;
pub(crate) mod holdings;
mod keeper;
pub(crate) mod limits;
mod log;
mod memory;
pub(crate) mod options;
pub(crate) mod process;
pub(crate) mod process_end;
pub(crate) mod report;
mod run;
mod spool;
mod until_closed;
mod wake;
pub(crate) mod weather;

use std::sync::Arc;

use tidemill_dag::ids::WorkerId;
use tidemill_store::{NewWorker, Store, StoreOptions};
use tidemill_task::{Registry, Services};
use tokio::sync::watch;

use crate::attempt::Bench;
use ears::Ears;
use holdings::Holdings;
use keeper::{Keeper, Kept};
pub use options::{Program, Shutdown, Timing, WorkerError, WorkerOptions};
use report::Reporter;
use spool::Spool;
pub use wake::Wake;

/// Claims ready tasks and runs them, each here or in a process of its own.
///
/// A worker that dies loses its leases, which others take back when they run out, and nothing else: what it had done and
/// not yet told lies in its spool, for the next worker on this machine.
#[derive(Debug)]
pub struct Worker {
    id: WorkerId,
    store: Store,
    options: WorkerOptions,
    bench: Arc<Bench>,
    spool: Arc<Spool>,
    wake: Wake,
    keeper: Keeper,
}

impl Worker {
    /// Registers a worker with the store. Its leases are renewed over connections of their own, made from `renewals`.
    pub async fn start(
        store: Store,
        renewals: StoreOptions,
        registry: Registry,
        services: Services,
        options: WorkerOptions,
    ) -> Result<Self, WorkerError> {
        let id = WorkerId::generate();
        let spool = Spool::open(&options.spool, id)
            .map_err(|source| WorkerError::Spool { folder: options.spool.clone(), source })?;
        let spool = Arc::new(spool);
        store.put_worker(&introduce(id, &services, &options)).await?;
        let holdings = Arc::new(Holdings::default());
        let timing = options.timing;
        let wake = Wake::default();
        let ears = Ears {
            worker: id,
            pools: options.pools.clone(),
            wake: wake.clone(),
            stop: watch::Sender::new(0),
        };
        let kept = Kept { ears, holdings: Arc::clone(&holdings), timing };
        let keeper = Keeper::start(renewals, kept).await?;
        let reporter = Reporter { store: store.clone(), worker: id, spool: Arc::clone(&spool) };
        let services = Services {
            runs: Arc::new(store.clone()),
            datasets: Arc::new(store.clone()),
            ..services
        };
        let bench = Arc::new(Bench {
            registry,
            services,
            template_environment: options.template_environment.clone(),
            program: options.program.clone(),
            timing,
            holdings,
            reporter,
        });
        Ok(Self { id, store, options, bench, spool, wake, keeper })
    }

    /// Its id, which is new each time that a worker starts.
    pub const fn id(&self) -> WorkerId {
        self.id
    }

    /// What wakes it, for who hears that tasks are ready.
    pub fn wake(&self) -> Wake {
        self.wake.clone()
    }
}

fn introduce(id: WorkerId, services: &Services, options: &WorkerOptions) -> NewWorker {
    let host = services.environment.get("HOSTNAME").cloned();
    NewWorker {
        id,
        name: options.name.clone(),
        host: host.unwrap_or_else(|| "localhost".to_owned()),
        pid: std::process::id(),
        pools: options.pools.clone(),
        slots: options.slots,
    }
}
