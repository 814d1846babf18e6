//! A database, a DAG, a run, and workers on it, each in a runtime of its own that a test can end like a process.

use std::path::Path;
use std::time::Duration;

use tidemill_dag::ids::RunId;
use tidemill_dag::state::{Outcome, RunState, TaskState};
use tidemill_dag::time::Lapse;
use tidemill_scheduler::{Shutdown, Timing, Wake, Worker, WorkerOptions};
use tidemill_store::{Clock, Store, StoreOptions, TaskDetail};
use tidemill_task::{ArtifactStore, Services};
use tidemill_testkit::World;
use tokio::runtime::Runtime;
use tokio::sync::oneshot;

use crate::puppets::registry;

/// Longer than anything here takes, where nothing is wrong.
const DEADLINE: Duration = Duration::from_secs(30);

/// Waits for something that comes soon, and names it if it does not.
pub(crate) async fn soon<T>(what: &str, work: impl Future<Output = T>) -> T {
    let Ok(done) = tokio::time::timeout(DEADLINE, work).await else {
        panic!("waited too long: {what}");
    };
    done
}

/// A run of a DAG on a database of its own.
pub(crate) struct Stage {
    pub(crate) world: World,
    /// On the clock that workers have.
    pub(crate) store: Store,
    pub(crate) run: RunId,
    pub(crate) clock: Clock,
    /// What workers that start from now on write to.
    pub(crate) artifacts: ArtifactStore,
    folder: tempfile::TempDir,
}

impl Stage {
    /// Workers live by the database's clock.
    pub(crate) async fn new(dag: &str) -> anyhow::Result<Self> {
        Self::on(Clock::Database, dag).await
    }

    /// Workers live by the world's clock, which stands still.
    pub(crate) async fn frozen(dag: &str) -> anyhow::Result<Self> {
        let world = World::new().await?;
        let clock = Clock::Frozen(world.clock.clone());
        Self::with(world, clock, dag).await
    }

    async fn on(clock: Clock, dag: &str) -> anyhow::Result<Self> {
        Self::with(World::new().await?, clock, dag).await
    }

    async fn with(world: World, clock: Clock, dag: &str) -> anyhow::Result<Self> {
        let world = world.with_dag(dag).await?;
        let store = world.database.store(clock.clone()).await?;
        let run = world.open().await?;
        let artifacts = ArtifactStore::in_memory();
        Ok(Self { world, store, run, clock, artifacts, folder: tempfile::tempdir()? })
    }

    /// What ends of attempts are kept in.
    pub(crate) fn spool(&self) -> &Path {
        self.folder.path()
    }

    /// A worker with a short lease, all of whose attempts run in it.
    pub(crate) fn options(&self) -> WorkerOptions {
        WorkerOptions {
            name: "test".to_owned(),
            pools: vec![World::pool()],
            slots: 2,
            template_environment: std::collections::BTreeMap::default(),
            spool: self.spool().to_owned(),
            program: None,
            timing: Timing {
                lease: Lapse::milliseconds(1200),
                heartbeat: Duration::from_millis(100),
                margin: Duration::from_millis(200),
                idle_poll: Duration::from_millis(50),
                grace: DEADLINE,
                kill_grace: Duration::from_millis(500),
            },
        }
    }

    /// Starts a worker in a runtime of its own.
    pub(crate) async fn start(&self, options: WorkerOptions) -> anyhow::Result<Running> {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let url = StoreOptions::new(self.world.database.url()).with_clock(self.clock.clone());
        let shutdown = Shutdown::default();
        let (tell_wake, wake) = oneshot::channel();
        let (tell_end, ended) = oneshot::channel();
        let until = shutdown.clone();
        let artifacts = self.artifacts.clone();
        runtime.spawn(async move {
            let services = Services::new(artifacts);
            let store = Store::connect(url.clone().with_connections(4)).await.expect("a store");
            let worker =
                Worker::start(store, url, registry(), services, options).await.expect("a worker");
            tell_wake.send(worker.wake()).expect("the test waits");
            let ended = worker.run(until).await;
            tell_end.send(ended.is_ok()).ok();
        });
        let wake = soon("a worker starts", wake).await?;
        Ok(Running { runtime: Some(runtime), shutdown, wake, ended: Some(ended) })
    }

    /// Opens another run of the last DAG, which the stage is about from then on.
    pub(crate) async fn open_again(&mut self) -> anyhow::Result<()> {
        self.run = self.world.open().await?;
        Ok(())
    }

    /// Where a task stands.
    pub(crate) async fn task(&self, path: &str) -> anyhow::Result<TaskDetail> {
        let tasks = self.store.run(self.run).await?.tasks;
        let task = tasks.into_iter().find(|task| task.path.to_string() == path);
        task.ok_or_else(|| anyhow::anyhow!("there is no task `{path}`"))
    }

    /// Waits until a task stands as it should.
    pub(crate) async fn task_is(
        &self,
        path: &str,
        what: &str,
        is: impl Fn(&TaskDetail) -> bool,
    ) -> anyhow::Result<TaskDetail> {
        let mut looks = tokio::time::interval(Duration::from_millis(10));
        let wait = async {
            loop {
                looks.tick().await;
                let task = self.task(path).await?;
                if is(&task) {
                    return anyhow::Ok(task);
                }
            }
        };
        soon(what, wait).await
    }

    /// Waits until the lease of a running attempt has outlived so many leases without a renewal.
    pub(crate) async fn outlives(&self, path: &str, leases: u32) -> anyhow::Result<()> {
        let TaskState::Running { lease, .. } = self.task(path).await?.state else {
            anyhow::bail!("`{path}` does not run");
        };
        let aim = lease.until + self.options().timing.lease.delta() * i32::try_from(leases)?;
        self.task_is(
            path,
            "the lease is renewed",
            |task| matches!(task.state, TaskState::Running { lease, .. } if lease.until > aim),
        )
        .await?;
        Ok(())
    }

    /// Takes expired leases back until a task is no longer held.
    pub(crate) async fn sweep_until_lost(&self, path: &str) -> anyhow::Result<()> {
        let mut looks = tokio::time::interval(Duration::from_millis(20));
        let wait = async {
            loop {
                looks.tick().await;
                self.store.sweep().await?;
                if !matches!(self.task(path).await?.state, TaskState::Running { .. }) {
                    return anyhow::Ok(());
                }
            }
        };
        soon("the lease runs out", wait).await
    }

    /// Waits for the end of the run.
    pub(crate) async fn closed(&self) -> anyhow::Result<Outcome> {
        let mut looks = tokio::time::interval(Duration::from_millis(10));
        let wait = async {
            loop {
                looks.tick().await;
                if let RunState::Closed { outcome, .. } = self.store.run(self.run).await?.run.state
                {
                    return anyhow::Ok(outcome);
                }
            }
        };
        soon("the run ends", wait).await
    }
}

/// A worker that runs.
pub(crate) struct Running {
    runtime: Option<Runtime>,
    pub(crate) shutdown: Shutdown,
    pub(crate) wake: Wake,
    ended: Option<oneshot::Receiver<bool>>,
}

impl Running {
    /// Ends the worker as kill -9 does: nothing of it is carried on, and nothing is said.
    pub(crate) fn kill(mut self) {
        self.runtime.take().expect("it runs").shutdown_background();
    }

    /// Waits until the worker has stopped by itself.
    pub(crate) async fn ended(&mut self) {
        let ended = self.ended.take().expect("it is waited for once");
        assert!(
            soon("the worker stops", ended).await.expect("it tells its end"),
            "the worker failed"
        );
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
