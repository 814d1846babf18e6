//! Ends of attempts on disk, until the store has them: a worker that dies between the work and the report repeats the
//! report and not the work.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};
use tidemill_dag::ids::WorkerId;
use tidemill_store::Held;
use tracing::warn;

use super::report::Report;

/// The folder of one worker, which its lock keeps from others while it lives.
#[derive(Debug)]
pub(super) struct Spool {
    folder: PathBuf,
    _lock: File,
}

impl Spool {
    /// Makes the folder of a worker, and moves what dead workers left into it.
    pub(super) fn open(root: &Path, worker: WorkerId) -> io::Result<Self> {
        let folder = root.join(worker.to_string());
        let lock = take(&folder)?;
        let spool = Self { folder, _lock: lock };
        for entry in fs::read_dir(root)? {
            let other = entry?.path();
            if other != spool.folder && other.is_dir() {
                spool.adopt(&other)?;
            }
        }
        Ok(spool)
    }

    /// All that is kept, in the order of its names.
    pub(super) fn reports(&self) -> io::Result<Vec<Report>> {
        let mut reports = Vec::new();
        for file in files(&self.folder)? {
            match serde_json::from_slice(&fs::read(&file)?) {
                Ok(report) => reports.push(report),
                Err(error) => warn!(%error, "left `{}`, which is no report", file.display()),
            }
        }
        Ok(reports)
    }

    /// Keeps a report. It is there as a whole or not at all.
    pub(super) async fn put(&self, report: &Report) -> io::Result<()> {
        let text = serde_json::to_vec(report)?;
        let file = self.file(report.held);
        let draft = file.with_extension("draft");
        // No sync to the disk: after a power cut the lease runs out, and the work is done once more.
        tokio::fs::write(&draft, text).await?;
        tokio::fs::rename(&draft, &file).await
    }

    /// Forgets a report that the store has, or refused.
    pub(super) async fn remove(&self, held: Held) -> io::Result<()> {
        match tokio::fs::remove_file(self.file(held)).await {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            removed => removed,
        }
    }

    /// Removes the folder if nothing is left in it.
    pub(super) fn close(self) {
        if files(&self.folder).is_ok_and(|files| files.is_empty()) {
            fs::remove_dir_all(&self.folder).ok();
        }
    }

    fn file(&self, held: Held) -> PathBuf {
        self.folder.join(format!("{}-{}.json", held.task, held.attempt))
    }

    fn adopt(&self, other: &Path) -> io::Result<()> {
        let Ok(lock) = File::open(other.join("lock")) else {
            // It is being made, or removed.
            return Ok(());
        };
        if flock(&lock, FlockOperation::NonBlockingLockExclusive).is_err() {
            return Ok(());
        }
        for file in files(other)? {
            if let Some(name) = file.file_name() {
                fs::rename(&file, self.folder.join(name))?;
            }
        }
        fs::remove_dir_all(other)
    }
}

/// Makes a folder and locks it. Another worker that starts now may take it for a dead one's before it is locked.
fn take(folder: &Path) -> io::Result<File> {
    loop {
        fs::create_dir_all(folder)?;
        let lock = File::create(folder.join("lock"))?;
        flock(&lock, FlockOperation::LockExclusive)?;
        if folder.join("lock").exists() {
            return Ok(lock);
        }
    }
}

/// The reports in a folder, in the order of their names.
fn files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "json") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

#[cfg(test)]
mod tests {
    use tidemill_dag::ids::{RunId, TaskId};
    use tidemill_dag::state::Attempt;

    use super::super::report::Ending;
    use super::*;

    fn report() -> Report {
        Report {
            held: Held { run: RunId::generate(), task: TaskId::generate(), attempt: Attempt(1) },
            ending: Ending::HandedBack,
            cache: None,
        }
    }

    #[tokio::test]
    async fn a_report_stays_until_it_is_removed() {
        let root = tempfile::tempdir().unwrap();
        let spool = Spool::open(root.path(), WorkerId::generate()).unwrap();
        let report = report();

        spool.put(&report).await.unwrap();
        assert_eq!(spool.reports().unwrap(), std::slice::from_ref(&report));
        spool.remove(report.held).await.unwrap();

        assert_eq!(spool.reports().unwrap(), []);
    }

    #[tokio::test]
    async fn what_a_dead_worker_left_goes_to_the_next_and_what_a_live_one_has_does_not() {
        let root = tempfile::tempdir().unwrap();
        let first = Spool::open(root.path(), WorkerId::generate()).unwrap();
        let report = report();
        first.put(&report).await.unwrap();

        let second = Spool::open(root.path(), WorkerId::generate()).unwrap();
        assert_eq!(second.reports().unwrap(), []);
        drop(first);
        let third = Spool::open(root.path(), WorkerId::generate()).unwrap();

        assert_eq!(third.reports().unwrap(), [report]);
    }
}
