//! What the benchmarks stand on: a database, a store, a worker, and figures.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow};
use tidemill_dag::hash::content_hash;
use tidemill_dag::ids::RunId;
use tidemill_dag::names::DagName;
use tidemill_dag::problem::SourceText;
use tidemill_dag::spec::DagSpec;
use tidemill_dag::state::RunState;
use tidemill_dag::time::{DataInterval, Timestamp};
use tidemill_dag::yaml;
use tidemill_postgres::{Cluster, Options};
use tidemill_scheduler::{Program, Shutdown, Timing, Worker, WorkerOptions};
use tidemill_store::{NewDagVersion, NewRun, Store, StoreOptions};
use tidemill_task::{ArtifactStore, Services};

/// A durable database with pools.
pub(crate) struct Stage {
    pub(crate) store: Store,
    pub(crate) options: StoreOptions,
    folder: tempfile::TempDir,
    // Stops when all else is gone.
    _cluster: Cluster,
}

impl Stage {
    pub(crate) async fn set() -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new().prefix("tidemill-bench").tempdir()?;
        make_passable(&folder)?;
        let cluster = Cluster::start(&Options::new(folder.path().join("pg")))?;
        let options = StoreOptions::new(cluster.url());
        let store = Store::connect(options.clone()).await?;
        store.migrate().await?;
        store.put_pool(&"default".parse()?, 10_000, "").await?;
        Ok(Self { store, options, folder, _cluster: cluster })
    }

    /// Remembers a DAG.
    pub(crate) async fn put(&self, text: &str) -> anyhow::Result<DagName> {
        let source = Arc::new(SourceText::new("the benchmark's DAG".to_owned(), text.to_owned()));
        let tree = yaml::parse(&source).map_err(|problem| anyhow!("{problem}"))?;
        let spec: DagSpec = serde_json::from_value(tree.to_json()).context("read the DAG")?;
        let new = NewDagVersion { spec: &spec, hash: &content_hash(&spec), source: "benchmark" };
        self.store.put_dag_version(&new).await?;
        Ok(spec.dag)
    }

    /// Opens a run.
    pub(crate) async fn open(&self, dag: &DagName) -> anyhow::Result<RunId> {
        let interval = DataInterval { start: Timestamp::UNIX_EPOCH, end: Timestamp::UNIX_EPOCH };
        Ok(self.store.open_run(&NewRun::manual(dag.clone(), interval)).await?.run)
    }

    /// Starts a worker that runs until the shutdown is asked for, with the binary for tasks in processes of their own.
    pub(crate) async fn worker(&self, slots: u32) -> anyhow::Result<Working> {
        let services = Services::new(ArtifactStore::open(
            &self.folder.path().join("artifacts").display().to_string(),
        )?);
        let options = WorkerOptions {
            name: "benchmark".to_owned(),
            pools: vec!["default".parse()?],
            slots,
            template_environment: [].into(),
            spool: self.folder.path().join("spool"),
            program: Some(Program { file: release_binary()?, arguments: vec!["attempt".into()] }),
            timing: Timing::default(),
        };
        let registry = tidemill_kinds::registry();
        let worker =
            Worker::start(self.store.clone(), self.options.clone(), registry, services, options)
                .await?;
        let (shutdown, wake) = (Shutdown::default(), worker.wake());
        let handle = tokio::spawn(worker.run(shutdown.clone()));
        Ok(Working { shutdown, wake, handle })
    }

    /// Waits until a run is over, and says how long its tasks took from the opening on.
    pub(crate) async fn closed(&self, run: RunId) -> anyhow::Result<Duration> {
        loop {
            let summary = self.store.run(run).await?.run;
            if let RunState::Closed { at, outcome } = summary.state {
                anyhow::ensure!(outcome.label() == "succeeded", "the run {}", outcome.label());
                return Ok((at - summary.created_at).to_std()?);
            }
            // The end is read from the database's clock, so looking rarely costs nothing of the figure.
            let pause =
                tokio::time::timeout(Duration::from_millis(20), std::future::pending::<()>());
            drop(pause.await);
        }
    }
}

/// A worker at work.
pub(crate) struct Working {
    shutdown: Shutdown,
    pub(crate) wake: tidemill_scheduler::Wake,
    handle: tokio::task::JoinHandle<Result<(), tidemill_scheduler::WorkerError>>,
}

impl Working {
    pub(crate) async fn stop(self) -> anyhow::Result<()> {
        self.shutdown.drain.cancel();
        Ok(self.handle.await??)
    }
}

/// Prints one figure with its spread.
pub(crate) fn report(id: &str, case: &str, walls: &mut [Duration], goal: &str) {
    walls.sort();
    let milliseconds = |wall: Duration| wall.as_secs_f64() * 1000.0;
    println!(
        "{id} {case}: median {:.1} ms (min {:.1}, max {:.1}, {} rounds); goal: {goal}",
        milliseconds(walls[walls.len() / 2]),
        milliseconds(walls[0]),
        milliseconds(walls[walls.len() - 1]),
        walls.len(),
    );
}

/// How long an async block takes.
pub(crate) async fn timed<T>(
    work: impl Future<Output = anyhow::Result<T>>,
) -> anyhow::Result<(T, Duration)> {
    let started = Instant::now();
    let value = work.await?;
    Ok((value, started.elapsed()))
}

/// A server that root starts runs as another user, who must get into the folder.
fn make_passable(folder: &tempfile::TempDir) -> anyhow::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    Ok(std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755))?)
}

fn release_binary() -> anyhow::Result<PathBuf> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let build = ["build", "--release", "--package", "tidemill"];
    let status = std::process::Command::new(&cargo).args(build).status()?;
    anyhow::ensure!(status.success(), "the release build failed");
    let metadata = cargo_metadata::MetadataCommand::new().no_deps().exec()?;
    Ok(metadata.target_directory.join("release/tidemill").into())
}
