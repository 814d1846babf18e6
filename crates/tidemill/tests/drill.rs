//! The drill, which is the chaos test: real processes, a real server, real faults.
#![expect(clippy::unwrap_used, reason = "what tests share fails as they do")]

mod support;

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use support::{Folder, shown, text};
use tidemill_postgres::{Cluster, Options};
use tidemill_store::{Store, StoreOptions};

/// What happens to processes.
const PROCESSES: &str = "worker_frozen,worker_killed,scheduler_killed,tree_killed";

/// What happens around them.
const SURROUNDINGS: &str =
    "connections_ended,pool_exhausted,clock_ahead,disk_full,server_restarted";

/// Rehearses faults on a private server.
fn rehearse(faults: &str) {
    let folder = Folder::with(&[]);

    let output = folder.run(&["drill", "--only", faults, "--seed", "1", "--format", "json"]);

    let told: Value =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", shown(&output)));
    let findings = told["findings"].as_array().expect("a list");
    assert_eq!(findings.len(), faults.split(',').count());
    let mut all_held = true;
    for finding in findings {
        assert_eq!((&finding["lost"], &finding["doubled"]), (&0.into(), &0.into()), "{finding:#}");
        assert!(finding["tasks"].as_u64() > Some(10), "{finding:#}");
        let verdict = finding["verdict"].as_str().unwrap();
        assert!(["held", "violated"].contains(&verdict), "{finding:#}");
        // A machine that does much else may be late, and nothing else.
        let is_in_time =
            finding["recovery_ms"].as_u64() <= finding["bound_ms"].as_u64().map(|ms| ms * 3);
        assert!(is_in_time, "{finding:#}");
        let is_late = finding["recovery_ms"].as_u64() > finding["bound_ms"].as_u64();
        assert_eq!(verdict == "violated", is_late, "{finding:#}");
        all_held &= !is_late;
    }
    assert_eq!(output.status.code(), Some(if all_held { 0 } else { 31 }), "{}", shown(&output));
    let kept = if all_held { Vec::new() } else { left_in(folder.path()) };
    assert_eq!(left_in(folder.path()), kept, "what went well leaves nothing");
}

/// The folders of drills that are there still.
fn left_in(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder.join(".tidemill/drill")).into_iter().flatten();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn faults_of_processes_lose_and_double_nothing() {
    rehearse(PROCESSES);
}

#[test]
fn faults_around_processes_lose_and_double_nothing() {
    rehearse(SURROUNDINGS);
}

#[test]
fn all_faults_are_rehearsed_here() {
    let output = Folder::with(&[]).run(&["drill", "--list", "--format", "json"]);

    let listed: Value = serde_json::from_slice(&output.stdout).unwrap();
    let listed = listed.as_array().unwrap().iter();
    let listed: Vec<_> = listed.map(|fault| fault["fault"].as_str().unwrap().to_owned()).collect();
    assert_eq!(listed.join(","), [PROCESSES, SURROUNDINGS].join(","));
}

/// A folder, and somebody's server.
struct Site {
    /// Before its folder: it finds its files there when it stops.
    cluster: Cluster,
    folder: Folder,
}

impl Site {
    fn new() -> Self {
        let folder = Folder::with(&[]);
        let cluster = Cluster::start(&Options::for_tests(folder.path().join("pg"))).unwrap();
        let site = Self { cluster, folder };
        let output = site.run(&["db", "migrate"]);
        assert!(output.status.success(), "{}", shown(&output));
        site
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.folder.command(arguments);
        command.env("DATABASE_URL", self.cluster.url());
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    async fn store(&self) -> anyhow::Result<Store> {
        Ok(Store::connect(StoreOptions::new(self.cluster.url())).await?)
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }
}

/// Looks until something is so.
async fn soon(what: &str, is: impl Fn() -> bool) {
    let (since, mut looks) = (Instant::now(), tokio::time::interval(Duration::from_millis(20)));
    while !is() {
        assert!(since.elapsed() < Duration::from_mins(1), "waited too long: {what}");
        looks.tick().await;
    }
}

#[tokio::test]
async fn somebody_elses_server_is_left_alone_and_so_is_their_schema() -> anyhow::Result<()> {
    let site = Site::new();

    let output = site.run(&["drill", "--only", "server_restarted,clock_ahead"]);

    assert!(output.status.success(), "{}", shown(&output));
    let table = text(&output.stdout);
    assert!(table.contains("pg_ctl restart -m immediate") && table.contains("skipped"), "{table}");
    assert!(table.contains("held"), "{table}");
    assert!(site.store().await?.dags().await?.is_empty());
    assert!(site.store().await?.drill_schemas().await?.is_empty());
    Ok(())
}

/// A drill that is under way, with what it has started.
struct Drilling {
    child: Child,
    folder: PathBuf,
}

impl Drilling {
    /// Waits until it has started a worker that is ready.
    async fn begin(mut command: Command, folder: &Path) -> Self {
        command.args(["--only", "worker_frozen"]);
        let child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let log = |folder: &Path| {
            let name = left_in(folder).into_iter().next()?;
            let log = folder.join(".tidemill/drill").join(name).join("work-1.log");
            std::fs::read_to_string(log).ok().filter(|log| log.contains("is ready"))
        };
        soon("a worker of the drill is ready", || log(folder).is_some()).await;
        Self { child, folder: folder.to_owned() }
    }

    fn signal(&self, signal: Signal) {
        let id = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw).unwrap();
        kill_process(id, signal).unwrap();
    }

    /// Processes that work in the folders of drills.
    fn processes(&self) -> usize {
        let drills = self.folder.join(".tidemill/drill");
        let processes = std::fs::read_dir("/proc").unwrap().flatten();
        let folders = processes.filter_map(|one| std::fs::read_link(one.path().join("cwd")).ok());
        folders.filter(|folder| folder.starts_with(&drills)).count()
    }
}

#[tokio::test]
async fn a_drill_that_is_killed_leaves_no_process_and_the_rest_can_be_removed() -> anyhow::Result<()>
{
    let site = Site::new();
    let store = site.store().await?;
    let mut drilling = Drilling::begin(site.command(&["drill"]), site.path()).await;
    assert!(drilling.processes() >= 2);

    drilling.signal(Signal::KILL);
    drilling.child.wait()?;
    soon("its processes end", || drilling.processes() == 0).await;

    let left = store.drill_schemas().await?;
    assert_eq!((left.len(), left_in(site.path()).len()), (1, 1));
    let next = site.run(&["drill", "--only", "clock_ahead"]);
    assert!(text(&next.stderr).contains(&left[0].name), "{}", shown(&next));
    let output = site.run(&["drill", "--clean"]);
    assert!(text(&output.stderr).contains("1 leftover of earlier drills removed"));
    assert_eq!((store.drill_schemas().await?.len(), left_in(site.path()).len()), (0, 0));
    Ok(())
}

#[tokio::test]
async fn a_drill_that_is_interrupted_leaves_nothing() -> anyhow::Result<()> {
    let site = Site::new();
    let mut drilling = Drilling::begin(site.command(&["drill"]), site.path()).await;

    drilling.signal(Signal::INT);
    let status = drilling.child.wait()?;

    assert_eq!(status.code(), Some(1));
    assert_eq!(drilling.processes(), 0);
    assert!(site.store().await?.drill_schemas().await?.is_empty());
    assert_eq!(left_in(site.path()), Vec::<String>::new());
    Ok(())
}
