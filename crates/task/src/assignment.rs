//! What a worker is told to do, and what it tells back: plain values, so that they cross processes and survive on disk.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tidemill_dag::advance::{Reason, Verdict};
use tidemill_dag::ids::RunId;
use tidemill_dag::names::{DagName, KindName, PortName};
use tidemill_dag::size::ByteSize;
use tidemill_dag::state::{Attempt, Outcome, RunKind, TaskPath};
use tidemill_dag::template::Facts;
use tidemill_dag::time::DataInterval;

use crate::artifact::{ArtifactRef, Manifest};

/// What a task knows about its run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunFacts {
    /// The run.
    pub run: RunId,
    /// The DAG that it runs.
    pub dag: DagName,
    /// Why it exists.
    pub kind: RunKind,
    /// What it is about.
    pub interval: DataInterval,
}

impl From<&Facts> for RunFacts {
    fn from(facts: &Facts) -> Self {
        let Facts { dag, run, kind, interval, hash: _, zone: _, params: _ } = facts;
        Self { run: *run, dag: dag.clone(), kind: *kind, interval: *interval }
    }
}

/// One attempt, as it is handed to a worker.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Assignment {
    /// The run that it is part of.
    pub run: RunFacts,
    /// The task.
    pub path: TaskPath,
    /// Which try this is.
    pub attempt: Attempt,
    /// How often the task was resumed after its children.
    pub phase: u32,
    /// Its kind.
    pub kind: KindName,
    /// Its parameters, rendered.
    pub params: Value,
    /// The artefacts that it reads, by input port.
    pub inputs: BTreeMap<PortName, Vec<ArtifactRef>>,
    /// What it left for itself when it asked for children.
    pub state: Option<Value>,
    /// How its children ended, by label.
    pub children: BTreeMap<Box<str>, ChildResult>,
    /// The memory that its slots stand for, where its pool says so.
    #[serde(default)]
    pub memory: Option<ByteSize>,
}

/// How a child ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ChildResult {
    /// How it ended.
    pub outcome: Outcome,
    /// Its output, if it has one.
    pub output: Option<Value>,
    /// Why it ended so, unless it succeeded.
    pub reason: Option<Reason>,
    /// What it wrote.
    pub manifest: Manifest,
}

/// How an attempt ended: the verdict and what it wrote, to be accepted in one transaction.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Completion {
    /// How it ended.
    pub verdict: Verdict,
    /// What it wrote, also where it failed.
    pub manifest: Manifest,
}

impl Assignment {
    /// The first attempt of a task without parameters and inputs; the fields add to that.
    pub const fn new(run: RunFacts, path: TaskPath, kind: KindName) -> Self {
        Self {
            run,
            path,
            attempt: Attempt(1),
            phase: 0,
            kind,
            params: Value::Null,
            inputs: BTreeMap::new(),
            state: None,
            children: BTreeMap::new(),
            memory: None,
        }
    }

    /// The task `example` of a run of the DAG `example` over a day in 2026, for tests and examples.
    ///
    /// # Panics
    ///
    /// If `kind` is not a name.
    pub fn example(kind: &str, params: Value) -> Self {
        let start = DateTime::from_timestamp(1_795_046_400, 0).expect("2026-11-19 is an instant");
        let run = RunFacts {
            run: "run_00000000000000000000000000000001".parse().expect("this is an id"),
            dag: DagName::new("example").expect("`example` is a name"),
            kind: RunKind::Manual,
            interval: DataInterval { start, end: start + TimeDelta::days(1) },
        };
        let path = "example".parse().expect("`example` is a path");
        let kind = KindName::new(kind).expect("the caller gives a name");
        Self { params, ..Self::new(run, path, kind) }
    }

    /// Takes the parameters out; no parameters are an empty mapping.
    pub(crate) fn take_params(&mut self) -> Value {
        match self.params.take() {
            Value::Null => json!({}),
            params => params,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_assignment_reads_back_what_it_writes() {
        let mut assignment = Assignment::example("noop", json!({ "output": 1 }));
        assignment.inputs.insert("table".parse().unwrap(), Vec::new());
        let child = ChildResult {
            outcome: Outcome::Failed,
            output: None,
            reason: Some(Reason::QueuedTooLong),
            manifest: Manifest::default(),
        };
        assignment.children.insert("fold0".into(), child);

        let text = serde_json::to_string(&assignment).unwrap();

        assert!(text.contains("2026-11-19T00:00:00Z"), "{text}");
        assert_eq!(serde_json::from_str::<Assignment>(&text).unwrap(), assignment);
    }
}
