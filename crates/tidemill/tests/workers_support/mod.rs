//! A folder, a server of its own, and workers as processes.

use std::future::poll_fn;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::task::Poll;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, getpgid, kill_process, kill_process_group};
use tidemill_dag::ids::RunId;
use tidemill_dag::state::{Outcome, RunState};
use tidemill_postgres::{Cluster, Options};
use tidemill_store::{Store, StoreOptions, TaskDetail};
use tokio::time::{Interval, interval};

use crate::support::{Folder, shown};

/// Longer than anything here takes, where nothing is wrong.
const DEADLINE: Duration = Duration::from_mins(1);

fn looks() -> Interval {
    interval(Duration::from_millis(20))
}

/// Looks until something is so, and names it if it never is.
pub(crate) async fn soon(what: &str, is: impl Fn() -> bool) {
    let (started_at, mut looks) = (Instant::now(), looks());
    while !is() {
        assert!(started_at.elapsed() < DEADLINE, "waited too long: {what}");
        looks.tick().await;
    }
}

/// Whether the process of this number is over.
pub(crate) fn is_gone(pid: &str) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"));
    stat.map_or(true, |stat| stat.contains(") Z "))
}

/// Kills all of the process group that a process is in: an attempt with what it started.
pub(crate) fn kill_group_of(pid: &str) {
    let pid = Pid::from_raw(pid.parse().expect("a number")).expect("the number of a process");
    let group = getpgid(Some(pid)).expect("it has a group");
    kill_process_group(group, Signal::KILL).expect("it takes a signal");
}

/// A folder with a server.
pub(crate) struct Site {
    /// Before its folder: it finds its files there when it stops.
    cluster: Cluster,
    folder: Folder,
}

/// A worker's process, which does not outlive the test.
pub(crate) struct WorkerProcess(Child);

impl Site {
    /// A folder with these files, and a database with all migrations.
    pub(crate) fn with(files: &[(&str, &str)]) -> Self {
        let folder = Folder::with(files);
        let options = Options::for_tests(folder.path().join("pg"));
        Self::on(folder, &options)
    }

    /// The same on a server that keeps what it has promised to, as servers for tests do not.
    pub(crate) fn durable(files: &[(&str, &str)]) -> Self {
        let folder = Folder::with(files);
        let options = Options::new(folder.path().join("pg"));
        Self::on(folder, &options)
    }

    fn on(folder: Folder, options: &Options) -> Self {
        let cluster = Cluster::start(options).expect("a server");
        let site = Self { cluster, folder };
        let output = site.run(&["db", "migrate"]);
        assert!(output.status.success(), "{}", shown(&output));
        site
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.folder.command(arguments);
        command.env("DATABASE_URL", self.cluster.url());
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().expect("the binary runs")
    }

    pub(crate) async fn store(&self) -> anyhow::Result<Store> {
        Ok(Store::connect(StoreOptions::new(self.cluster.url())).await?)
    }

    pub(crate) fn start_run(&self, dag: &str) -> RunId {
        let output = self.run(&["run", "start", dag]);
        assert!(output.status.success(), "{}", shown(&output));
        String::from_utf8_lossy(&output.stdout).trim().parse().expect("the id of a run")
    }

    pub(crate) fn worker(&self, arguments: &[&str]) -> WorkerProcess {
        self.role("work", arguments)
    }

    /// A process that goes on until it is told to stop.
    pub(crate) fn role(&self, role: &str, arguments: &[&str]) -> WorkerProcess {
        let mut command = self.command(&[&[role], arguments].concat());
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).spawn();
        WorkerProcess(child.expect("a worker starts"))
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str) {
        std::fs::write(self.file(name), "").expect("a file is written");
    }

    pub(crate) fn lines(&self, name: &str) -> Vec<String> {
        let text = std::fs::read_to_string(self.file(name)).unwrap_or_default();
        text.lines().map(ToOwned::to_owned).collect()
    }

    /// The line of this number, once it is there.
    pub(crate) async fn line_of(&self, name: &str, number: usize) -> String {
        soon(&format!("line {number} of `{name}`"), || self.lines(name).len() >= number).await;
        self.lines(name).swap_remove(number - 1)
    }

    /// What a task printed so far.
    pub(crate) fn log(&self, task: &str) -> String {
        let output = self.run(&["run", "logs", "latest", task]);
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Kills a process of the server: it ends all others, and recovers from its log.
    pub(crate) fn crash_the_server(&self) {
        let children = format!("/proc/{0}/task/{0}/children", self.cluster.pid());
        let children = std::fs::read_to_string(children).expect("the server has processes");
        let victim = children.split_whitespace().next().expect("the server has processes");
        let victim = Pid::from_raw(victim.parse().expect("a number")).expect("a process");
        kill_process(victim, Signal::KILL).expect("it takes a signal");
    }

    /// Takes expired leases back until the first task is as it should be.
    pub(crate) async fn sweep_until(
        &self,
        store: &Store,
        run: RunId,
        is: impl Fn(&TaskDetail) -> bool,
    ) -> anyhow::Result<()> {
        let (started_at, mut looks) = (Instant::now(), looks());
        loop {
            looks.tick().await;
            store.sweep().await?;
            if is(&store.run(run).await?.tasks[0]) {
                return Ok(());
            }
            assert!(started_at.elapsed() < DEADLINE, "waited too long: the lease runs out");
        }
    }

    /// Waits for the end of a run, also across bad weather.
    pub(crate) async fn closed(&self, store: &Store, run: RunId) -> anyhow::Result<Outcome> {
        let (started_at, mut looks) = (Instant::now(), looks());
        loop {
            looks.tick().await;
            match store.run(run).await {
                Ok(detail) => {
                    if let RunState::Closed { outcome, .. } = detail.run.state {
                        return Ok(outcome);
                    }
                }
                Err(error) if error.may_pass() => {}
                Err(error) => return Err(error.into()),
            }
            assert!(started_at.elapsed() < DEADLINE, "waited too long: the run ends");
        }
    }
}

impl WorkerProcess {
    pub(crate) fn signal(&self, signal: Signal) {
        let id = i32::try_from(self.0.id()).ok().and_then(Pid::from_raw).expect("a process");
        kill_process(id, signal).expect("it takes a signal");
    }

    pub(crate) fn kill(&mut self) -> std::io::Result<()> {
        self.0.kill()
    }

    pub(crate) fn wait(&mut self) -> std::io::Result<ExitStatus> {
        self.0.wait()
    }

    /// Waits until it has ended by itself.
    pub(crate) async fn ended(mut self) -> ExitStatus {
        let (started_at, mut looks) = (Instant::now(), looks());
        poll_fn(|cx| {
            loop {
                if let Some(status) = self.0.try_wait().expect("it is our child") {
                    return Poll::Ready(status);
                }
                assert!(started_at.elapsed() < DEADLINE, "waited too long: the worker stops");
                std::task::ready!(looks.poll_tick(cx));
            }
        })
        .await
    }
}

impl Drop for WorkerProcess {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}
