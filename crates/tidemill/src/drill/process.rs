//! Processes that a drill starts, and what it does to them.

use std::fs;
use std::process::{Child, ExitStatus};
use std::time::Duration;

use anyhow::Context;
use rustix::process::{Pid, Resource, Rlimit, Signal, getrlimit, kill_process, prlimit};
use tokio::time::{Instant, interval};

/// How often the end of a process is looked for.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// A process of the drill; it does not outlive this.
#[derive(Debug)]
pub(super) struct Process {
    /// What it is known by.
    pub(super) name: String,
    child: Child,
}

impl Process {
    pub(super) const fn new(name: String, child: Child) -> Self {
        Self { name, child }
    }

    /// Sends it a signal, unless it has ended.
    pub(super) fn signal(&mut self, signal: Signal) -> anyhow::Result<()> {
        let has_ended = self.child.try_wait().context("look after a process")?.is_some();
        anyhow::ensure!(!has_ended, "`{}` has ended by itself", self.name);
        kill_process(self.pid()?, signal).with_context(|| format!("signal `{}`", self.name))
    }

    /// Kills it, and waits for its end.
    pub(super) fn kill(&mut self) -> anyhow::Result<()> {
        self.signal(Signal::KILL)?;
        self.child.wait().context("wait for the end of a process").map(drop)
    }

    /// Kills it with all that it has started, of whatever process group.
    pub(super) fn kill_tree(&mut self) -> anyhow::Result<usize> {
        let root = self.pid()?;
        // First the root, so that it starts and hears nothing more; its children are still its own then.
        self.signal(Signal::STOP)?;
        let mut tree = Vec::new();
        descendants(root, &mut tree);
        self.kill()?;
        for one in &tree {
            // It may have followed by itself.
            kill_process(*one, Signal::KILL).ok();
        }
        Ok(tree.len() + 1)
    }

    /// Lets it write files no larger than this; `None` for as large as it likes. What it starts inherits that.
    pub(super) fn limit_files(&self, bytes: Option<u64>) -> anyhow::Result<()> {
        let Rlimit { maximum, .. } = getrlimit(Resource::Fsize);
        let limit = Rlimit { current: bytes.or(maximum), maximum };
        prlimit(Some(self.pid()?), Resource::Fsize, limit).context("limit the size of files")?;
        Ok(())
    }

    /// Waits for its end by itself.
    pub(super) async fn ended(&mut self, within: Duration) -> anyhow::Result<ExitStatus> {
        let (since, mut looks) = (Instant::now(), interval(LOOK_EVERY));
        loop {
            looks.tick().await;
            if let Some(status) = self.child.try_wait().context("look after a process")? {
                return Ok(status);
            }
            let name = &self.name;
            anyhow::ensure!(since.elapsed() < within, "`{name}` did not stop within {within:?}");
        }
    }

    fn pid(&self) -> anyhow::Result<Pid> {
        let id = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        id.context("the number of a process")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// All that a process has started, and what those have.
fn descendants(of: Pid, found: &mut Vec<Pid>) {
    let Ok(threads) = fs::read_dir(format!("/proc/{}/task", of.as_raw_nonzero())) else { return };
    for thread in threads.flatten() {
        let children = fs::read_to_string(thread.path().join("children")).unwrap_or_default();
        for child in
            children.split_whitespace().filter_map(|child| Pid::from_raw(child.parse().ok()?))
        {
            found.push(child);
            descendants(child, found);
        }
    }
}
