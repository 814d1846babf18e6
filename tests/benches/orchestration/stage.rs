//! What the benchmarks stand on: a database, a store, a worker, and figures.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow, ensure};
use tidemill_benchkit::release_binary;
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
use tidemill_store::{NewDagVersion, NewRun, RunDetail, Store, StoreOptions};
use tidemill_task::{ArtifactStore, Services};
use tokio::time::{Interval, MissedTickBehavior, interval};

/// A durable database with pools.
pub(crate) struct Stage {
    pub(crate) store: Store,
    pub(crate) options: StoreOptions,
    pub(crate) cluster: Cluster,
    program: Program,
    databases: AtomicUsize,
    // Goes when the server is gone, which is dropped before.
    folder: tempfile::TempDir,
}

/// How long anything here may take, where nothing is wrong.
const DEADLINE: Duration = Duration::from_mins(15);

impl Stage {
    pub(crate) async fn set() -> anyhow::Result<Self> {
        let program =
            Program { file: release_binary("tidemill")?, arguments: vec!["attempt".into()] };
        let folder = tempfile::Builder::new().prefix("tidemill-bench").tempdir()?;
        make_passable(&folder)?;
        let cluster = Cluster::start(&Options::new(folder.path().join("pg")))?;
        let options = StoreOptions::new(cluster.url());
        let store = Store::connect(options.clone()).await?;
        store.migrate().await?;
        store.put_pool(&"default".parse()?, 10_000, "").await?;
        let databases = AtomicUsize::new(0);
        Ok(Self { store, options, cluster, program, databases, folder })
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

    /// Starts a worker that runs until the shutdown is asked for.
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
            program: Some(self.program.clone()),
            timing: Timing::default(),
        };
        let registry = tidemill_kinds::registry();
        let worker =
            Worker::start(self.store.clone(), self.options.clone(), registry, services, options)
                .await?;
        let shutdown = Shutdown::default();
        let handle = tokio::spawn(worker.run(shutdown.clone()));
        Ok(Working { shutdown, handle })
    }

    /// Waits until a run is over.
    pub(crate) async fn closed(&self, run: RunId) -> anyhow::Result<RunDetail> {
        closed(&self.store, run).await
    }

    /// One run on a worker that has run nothing before.
    pub(crate) async fn cold(&self, dag: &DagName) -> anyhow::Result<RunDetail> {
        let worker = self.worker(4).await?;
        let run = self.run(dag).await?;
        worker.stop().await?;
        Ok(run)
    }

    /// Runs in turn on one worker, after one that warms it.
    pub(crate) async fn rounds(
        &self,
        dag: &DagName,
        count: usize,
    ) -> anyhow::Result<Vec<RunDetail>> {
        let worker = self.worker(4).await?;
        self.run(dag).await?;
        let mut runs = Vec::with_capacity(count);
        for _ in 0..count {
            runs.push(self.run(dag).await?);
        }
        worker.stop().await?;
        Ok(runs)
    }

    async fn run(&self, dag: &DagName) -> anyhow::Result<RunDetail> {
        let run = self.open(dag).await?;
        self.closed(run).await
    }

    /// A name that no database of the server has yet.
    pub(crate) fn name_a_database(&self) -> String {
        format!("site_{}", self.databases.fetch_add(1, Ordering::Relaxed))
    }

    /// The program that is measured.
    pub(crate) fn binary(&self) -> &Path {
        &self.program.file
    }

    /// The versions of the program and of the server.
    pub(crate) fn versions(&self) -> anyhow::Result<(String, String)> {
        let output = std::process::Command::new(self.binary()).arg("--version").output()?;
        let ours = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        let rows = self.cluster.query("postgres", "SHOW server_version")?;
        let server = rows.first().and_then(|row| row.first().cloned().flatten());
        Ok((ours, format!("Postgres {}", server.context("ask the server for its version")?)))
    }
}

/// Waits until a run is over. Its end is read from the database's clock, so that looking rarely costs nothing of the figure.
pub(crate) async fn closed(store: &Store, run: RunId) -> anyhow::Result<RunDetail> {
    until_closed(store, run).await?;
    Ok(store.run(run).await?)
}

/// Waits until a run is over, and reads nothing else of it.
pub(crate) async fn until_closed(store: &Store, run: RunId) -> anyhow::Result<()> {
    let (started, mut looks) = (Instant::now(), looks(Duration::from_millis(20)));
    while !matches!(store.run_state(run).await?, RunState::Closed { .. }) {
        ensure!(started.elapsed() < DEADLINE, "run {run} did not end within {DEADLINE:?}");
        looks.tick().await;
    }
    Ok(())
}

/// The instants at which to look whether something is over.
pub(crate) fn looks(every: Duration) -> Interval {
    let mut looks = interval(every);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    looks
}

/// A DAG of tasks of which each needs the one before it.
pub(crate) fn chain(name: &str, tasks: usize, uses: &str) -> String {
    let one = |task: usize| {
        let needs = if task == 0 { String::new() } else { format!(", needs: [t{}]", task - 1) };
        format!("  t{task}: {{ uses: {uses}{needs} }}")
    };
    let lines: Vec<String> = (0..tasks).map(one).collect();
    format!("dag: {name}\ntasks:\n{}\n", lines.join("\n"))
}

/// A worker at work.
pub(crate) struct Working {
    shutdown: Shutdown,
    handle: tokio::task::JoinHandle<Result<(), tidemill_scheduler::WorkerError>>,
}

impl Working {
    pub(crate) async fn stop(self) -> anyhow::Result<()> {
        self.shutdown.drain.cancel();
        Ok(self.handle.await??)
    }
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
pub(crate) fn make_passable(folder: &tempfile::TempDir) -> anyhow::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    Ok(std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755))?)
}
