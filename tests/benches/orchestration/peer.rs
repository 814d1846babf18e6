//! Another program's processes: started, watched and ended by their ids.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, ensure};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

/// How often the memory of a peer's processes is looked at.
const LOOK: Duration = Duration::from_millis(250);
/// How long all cases of one round may take.
const DEADLINE: Duration = Duration::from_mins(20);

/// A peer whose private environment was made.
#[derive(Clone, Debug)]
pub(crate) struct Peer {
    /// Its name and version.
    pub(crate) who: String,
    python: PathBuf,
    program: PathBuf,
}

/// What one case took.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Took {
    pub(crate) wall_s: f64,
    pub(crate) peak_mb: f64,
}

impl Peer {
    /// A peer by its folder beside the benchmarks and the name of its package.
    pub(crate) fn find(environments: &Path, name: &str, package: &str) -> Result<Self> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/peers").join(name);
        let pinned = fs::read_to_string(folder.join("requirements.txt"))?;
        let version =
            pinned.lines().find_map(|line| line.strip_prefix(package)?.strip_prefix("=="));
        let version = version.with_context(|| format!("`{package}` is not pinned"))?;
        let python = environments.join(name).join("bin/python");
        Ok(Self { who: format!("{name} {version}"), python, program: folder.join("bench.py") })
    }

    /// Starts it, warms it up, runs the cases, and ends it with all that it started.
    ///
    /// Each case is `(name, tasks)`; what is not right about one is its error.
    pub(crate) fn round(&self, cases: &[(&str, usize)]) -> Result<Vec<Took>> {
        ensure!(self.python.is_file(), "its private environment could not be made");
        let home = tempfile::Builder::new().prefix("tidemill-bench-peer").tempdir()?;
        let log = home.path().join("bench.log");
        let mut command = Command::new(&self.python);
        command.arg("-B").arg(&self.program).arg(home.path());
        command.args(cases.iter().map(|(name, _)| name));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(File::create(&log)?);
        let mut running = Running::start(command)?;
        let took: Result<Vec<Took>> =
            cases.iter().map(|(name, tasks)| running.case(name, *tasks)).collect();
        let ended = running.end(took.is_ok());
        took.and_then(|took| ended.map(|()| took)).with_context(|| {
            let log = fs::read_to_string(&log).unwrap_or_default();
            log.lines().last().unwrap_or("it said nothing").to_owned()
        })
    }
}

/// A peer at work.
struct Running {
    child: Child,
    tree: Tree,
    lines: Receiver<String>,
    started: Instant,
}

impl Running {
    fn start(mut command: Command) -> Result<Self> {
        // A group of its own, so that a Ctrl-C of ours reaches it through us alone.
        let mut child = command.process_group(0).spawn().context("start its benchmark")?;
        let output = child.stdout.take().context("its output is piped")?;
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        let tree = Tree::of(child.id());
        Ok(Self { child, tree, lines, started: Instant::now() })
    }

    fn case(&mut self, name: &str, tasks: usize) -> Result<Took> {
        let begin = self.line(&mut 0)?;
        ensure!(begin["begin"] == name, "`{name}` did not begin: {begin}");
        let mut peak = 0;
        let end = self.line(&mut peak)?;
        ensure!(end["end"] == name, "`{name}` did not end: {end}");
        in_order(&end["tasks"], tasks)?;
        let wall_s = end["wall_s"].as_f64().context("it says how long it took")?;
        Ok(Took { wall_s, peak_mb: peak as f64 / 1e6 })
    }

    /// The next line; meanwhile the peak of its memory.
    fn line(&mut self, peak: &mut u64) -> Result<Value> {
        loop {
            match self.lines.recv_timeout(LOOK) {
                Ok(line) => return serde_json::from_str(&line).context("read a line of it"),
                Err(RecvTimeoutError::Disconnected) => return Err(anyhow!("it ended too early")),
                Err(RecvTimeoutError::Timeout) => {
                    ensure!(self.started.elapsed() < DEADLINE, "it took more than {DEADLINE:?}");
                    self.tree.look();
                    *peak = self.tree.memory_bytes().max(*peak);
                }
            }
        }
    }

    /// Lets it end by itself when all went well, and ends whatever is left.
    fn end(mut self, may_end: bool) -> Result<()> {
        let asked = Instant::now();
        let status = loop {
            self.tree.look();
            let status = self.child.try_wait()?;
            if status.is_some() || !may_end || asked.elapsed() > Duration::from_mins(1) {
                break status;
            }
            // It says nothing more: the end of its output wakes us.
            drop(self.lines.recv_timeout(LOOK));
        };
        self.tree.kill();
        self.child.wait()?;
        let is_right = !may_end || status.is_some_and(|status| status.success());
        ensure!(is_right, "it did not end well");
        Ok(())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.tree.look();
        self.tree.kill();
        self.child.wait().ok();
    }
}

/// All tasks succeeded, each after the one before it.
fn in_order(tasks: &Value, count: usize) -> Result<()> {
    let tasks: Vec<(String, f64, f64, bool)> =
        serde_json::from_value(tasks.clone()).context("read its tasks")?;
    let mut by_place = BTreeMap::new();
    for (name, start, end, has_succeeded) in tasks {
        ensure!(has_succeeded, "its task `{name}` did not succeed");
        let place = name.strip_prefix('t').and_then(|place| place.parse::<usize>().ok());
        by_place.insert(place.with_context(|| format!("a task `{name}`"))?, (start, end));
    }
    ensure!(by_place.keys().copied().eq(0..count), "{} tasks instead of {count}", by_place.len());
    let mut before = f64::NEG_INFINITY;
    for (place, (start, end)) in by_place {
        ensure!(before <= start && start <= end, "task {place} did not wait for the one before it");
        before = end;
    }
    Ok(())
}

/// A process and all that it started, also those whose parents are gone.
pub(crate) struct Tree {
    /// Each process with when it started, so that a number that is used again is not taken for it.
    known: BTreeMap<u32, u64>,
}

impl Tree {
    pub(crate) fn of(root: u32) -> Self {
        let started = Process::read(root).map(|process| process.started);
        let mut tree = Self { known: started.map(|started| (root, started)).into_iter().collect() };
        tree.look();
        tree
    }

    /// How many of them run a program of this name.
    pub(crate) fn count_of(&self, program: &str) -> usize {
        self.alive().filter(|process| process.name == program).count()
    }

    fn alive(&self) -> impl Iterator<Item = Process> {
        let processes = self.known.iter().filter_map(|(pid, started)| {
            Process::read(*pid).filter(|process| process.started == *started)
        });
        processes.filter(|process| !process.is_zombie)
    }

    /// Takes in what was started since.
    fn look(&mut self) {
        let pids = fs::read_dir("/proc").into_iter().flatten().flatten();
        let pids = pids.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        let all: Vec<Process> = pids.filter_map(Process::read).collect();
        let mut live: BTreeSet<u32> = self.alive().map(|process| process.pid).collect();
        loop {
            let before = live.len();
            for process in &all {
                if live.contains(&process.parent) && live.insert(process.pid) {
                    self.known.insert(process.pid, process.started);
                }
            }
            if live.len() == before {
                return;
            }
        }
    }

    /// The memory of all, each shared page counted once: the sum of what the kernel calls PSS.
    fn memory_bytes(&self) -> u64 {
        let of_one = |process: Process| {
            let text = fs::read_to_string(format!("/proc/{}/smaps_rollup", process.pid)).ok()?;
            let line = text.lines().find_map(|line| line.strip_prefix("Pss:"))?;
            line.split_whitespace().next()?.parse::<u64>().ok()
        };
        self.alive().filter_map(of_one).sum::<u64>() * 1024
    }

    fn kill(&self) {
        for process in self.alive() {
            if let Some(pid) = i32::try_from(process.pid).ok().and_then(Pid::from_raw) {
                // It may have ended in between.
                kill_process(pid, Signal::KILL).ok();
            }
        }
    }
}

/// What the kernel says of one process (`proc_pid_stat(5)`).
struct Process {
    pid: u32,
    name: String,
    parent: u32,
    is_zombie: bool,
    started: u64,
}

impl Process {
    fn read(pid: u32) -> Option<Self> {
        let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        let (name, rest) = text.split_once('(')?.1.rsplit_once(')')?;
        let fields: Vec<&str> = rest.split_whitespace().collect();
        // The third field of the line is the first one after the name.
        let field = |number: usize| fields.get(number - 3);
        Some(Self {
            pid,
            name: name.to_owned(),
            parent: field(4)?.parse().ok()?,
            is_zombie: *field(3)? == "Z",
            started: field(22)?.parse().ok()?,
        })
    }
}
