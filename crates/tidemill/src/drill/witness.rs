//! The witness of a drill: each task says when it works, in one pipe, so that the order of what was said is the order in
//! which it happened, whatever any clock says and whatever becomes of the disk.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::Context;
use rustix::fs::{CWD, Mode, mkfifoat};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::unix::pipe;
use tokio::task::JoinHandle;

/// One task of one run.
pub(super) type Who = (String, String);

/// What was said so far.
#[derive(Debug, Default)]
pub(super) struct Record {
    /// By task: the attempts that said that they start, in the order in which they did.
    started: BTreeMap<Who, Vec<i32>>,
    /// Attempts that came to the end of their work.
    ended: BTreeSet<(Who, i32)>,
    /// Attempts that said something after a later one had started.
    overlapping: BTreeSet<(Who, i32)>,
}

impl Record {
    /// Takes one line: the run, the task, the attempt, and a word.
    fn take(&mut self, line: &str) {
        let words: Vec<&str> = line.split(' ').collect();
        let [run, task, attempt, word] = words[..] else { return };
        let Ok(attempt) = attempt.parse::<i32>() else { return };
        let who = (run.to_owned(), task.to_owned());
        let started = self.started.entry(who.clone()).or_default();
        if started.last().is_some_and(|last| *last > attempt) {
            self.overlapping.insert((who.clone(), attempt));
        }
        match word {
            "start" => started.push(attempt),
            "end" => drop(self.ended.insert((who, attempt))),
            _ => {}
        }
    }

    /// The attempts that said that they start.
    pub(super) fn started(&self) -> impl Iterator<Item = (&Who, i32)> {
        self.started.iter().flat_map(|(who, all)| all.iter().map(move |attempt| (who, *attempt)))
    }

    /// How many did.
    pub(super) fn starts(&self) -> usize {
        self.started.values().map(Vec::len).sum()
    }

    /// Whether an attempt came to the end of its work.
    pub(super) fn has_ended(&self, who: &Who, attempt: i32) -> bool {
        self.ended.contains(&(who.clone(), attempt))
    }

    /// Whether an attempt has begun to work, and not come to the end.
    pub(super) fn is_at_work(&self, who: &Who, attempt: i32) -> bool {
        let has_begun = self.started.get(who).is_some_and(|all| all.contains(&attempt));
        has_begun && !self.has_ended(who, attempt)
    }

    /// The attempts that worked on beside a later one of the same task.
    pub(super) const fn overlapping(&self) -> &BTreeSet<(Who, i32)> {
        &self.overlapping
    }
}

/// Hears all tasks of a scene.
#[derive(Debug)]
pub(super) struct Witness {
    record: Arc<Mutex<Record>>,
    hears: JoinHandle<()>,
    path: PathBuf,
}

impl Witness {
    /// Makes the pipe, and begins to listen.
    pub(super) fn at(path: &Path) -> anyhow::Result<Self> {
        mkfifoat(CWD, path, Mode::RUSR | Mode::WUSR)
            .with_context(|| format!("make the pipe `{}`", path.display()))?;
        // It is open for writing, too: there is no end while no task has it open.
        let pipe = pipe::OpenOptions::new().read_write(true).open_receiver(path);
        let mut lines = BufReader::new(pipe.context("open the pipe of the drill")?).lines();
        let record = Arc::new(Mutex::new(Record::default()));
        let kept = Arc::clone(&record);
        let hears = tokio::spawn(async move {
            while let Ok(Some(line)) = lines.next_line().await {
                kept.lock().unwrap_or_else(PoisonError::into_inner).take(&line);
            }
        });
        Ok(Self { record, hears, path: path.to_owned() })
    }

    /// The pipe that tasks write to.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// What was said so far.
    pub(super) fn record(&self) -> MutexGuard<'_, Record> {
        self.record.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Witness {
    fn drop(&mut self) {
        self.hears.abort();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(lines: &[&str]) -> Record {
        let mut record = Record::default();
        for line in lines {
            record.take(line);
        }
        record
    }

    #[test]
    fn an_attempt_that_speaks_after_a_later_one_started_is_told() {
        let record = record(&["r t 1 start", "r t 2 start", "r t 1 alive", "r t 2 end"]);

        let who = ("r".to_owned(), "t".to_owned());
        assert_eq!(record.overlapping(), &BTreeSet::from([(who.clone(), 1)]));
        assert!(record.has_ended(&who, 2) && !record.has_ended(&who, 1));
    }

    #[test]
    fn attempts_one_after_the_other_and_tasks_beside_each_other_are_fine() {
        let record = record(&[
            "r t 1 start",
            "r u 1 start",
            "r t 1 alive",
            "r t 2 start",
            "q t 1 start",
            "x",
        ]);

        assert!(record.overlapping().is_empty());
        assert_eq!(record.starts(), 4);
    }
}
