//! All that a unit of work may touch.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use tidemill_dag::catalog::Ports;
use tidemill_dag::size::ByteSize;
use tidemill_dag::state::{Attempt, TaskPath};
use tidemill_dag::time::{DataInterval, Timestamp};
use tokio_util::sync::{CancellationToken, WaitForCancellationFuture};

use crate::artifact::ArtifactRef;
use crate::artifact_store::ArtifactStore;
use crate::artifacts::{Artifacts, prefix_of};
use crate::assignment::{Assignment, ChildResult, RunFacts};
use crate::error::{Explain, TaskError};
use crate::kind::Isolation;
use crate::port::Asker;
use crate::progress::Progress;
use crate::seed::Seed;
use crate::services::Services;

/// All that a unit of work may touch: what it is, what it reads, where it writes, and whether it should stop.
#[derive(Debug)]
pub struct TaskContext {
    assignment: Assignment,
    artifacts: Artifacts,
    services: Services,
}

impl TaskContext {
    /// The context of one attempt of a kind with these ports.
    pub fn new(assignment: Assignment, ports: Ports, services: Services) -> Self {
        let prefix =
            prefix_of("attempts", assignment.run.run, &assignment.path, assignment.attempt);
        let artifacts = Artifacts::new(services.artifacts.clone(), prefix, ports);
        Self { assignment, artifacts, services }
    }

    /// The run that this is part of.
    pub const fn run(&self) -> &RunFacts {
        &self.assignment.run
    }

    /// The stretch of time that the run is about.
    pub const fn interval(&self) -> DataInterval {
        self.assignment.run.interval
    }

    /// The task's name in its run.
    pub const fn path(&self) -> &TaskPath {
        &self.assignment.path
    }

    /// Which try this is.
    pub const fn attempt(&self) -> Attempt {
        self.assignment.attempt
    }

    /// How often the task was resumed after its children.
    pub const fn phase(&self) -> u32 {
        self.assignment.phase
    }

    /// Where chance starts: the same for every attempt of this task over this interval.
    pub fn seed(&self) -> Seed {
        Seed::of_task(&self.run().dag, self.path(), self.interval())
    }

    /// The artefacts wired to an input port; none if nothing is.
    pub fn inputs(&self, port: &str) -> &[ArtifactRef] {
        self.assignment.inputs.get(port).map_or(&[], Vec::as_slice)
    }

    /// The one artefact wired to an input port.
    pub fn input(&self, port: &str) -> Result<&ArtifactRef, TaskError> {
        match self.inputs(port) {
            [artifact] => Ok(artifact),
            other => {
                let found = other.len();
                Err(TaskError::fatal(format!(
                    "read the input `{port}`: it has {found} artefacts, not one"
                )))
            }
        }
    }

    /// What the task left for itself when it asked for children; `None` in its first phase.
    pub fn resume_state<T: DeserializeOwned>(&self) -> Result<Option<T>, TaskError> {
        let Some(state) = &self.assignment.state else {
            return Ok(None);
        };
        let phase = self.phase();
        T::deserialize(state).map(Some).or_fatal(format!("read its own state in phase {phase}"))
    }

    /// How the children of the phase before ended, by label.
    pub const fn children(&self) -> &BTreeMap<Box<str>, ChildResult> {
        &self.assignment.children
    }

    /// Reads artefacts and writes this attempt's own.
    pub const fn artifacts(&self) -> &Artifacts {
        &self.artifacts
    }

    /// The present, for reports about the work; results must not depend on it.
    pub fn now(&self) -> Timestamp {
        self.services.clock.now()
    }

    /// The root of the repository, which folders in parameters are relative to.
    pub fn repository(&self) -> &Path {
        &self.services.repository
    }

    /// The environment of the worker. It may hold secrets: a kind passes on only what it allows by name.
    pub const fn environment(&self) -> &BTreeMap<String, String> {
        &self.services.environment
    }

    /// An environment variable of the worker that a DAG names. The worker's configuration must allow it.
    pub fn variable(&self, name: &str) -> Result<&str, TaskError> {
        let value = self.services.variables.get(name).map(String::as_str);
        value.ok_or_else(|| {
            TaskError::fatal(format!(
                "read the environment variable `{name}`: it is not set, or `dags.env` of the worker's configuration does not name it"
            ))
        })
    }

    /// Where this attempt runs: in a process group of its own, all of it ends with the attempt.
    pub const fn isolation(&self) -> Isolation {
        self.services.isolation
    }

    /// Waits until the attempt must stop.
    pub fn cancelled(&self) -> WaitForCancellationFuture<'_> {
        self.services.cancel.cancelled()
    }

    /// Tells whether the attempt must stop.
    pub fn is_cancelled(&self) -> bool {
        self.services.cancel.is_cancelled()
    }

    /// Stops a function by `?` once the attempt must stop.
    pub fn check_cancelled(&self) -> Result<(), TaskError> {
        if self.is_cancelled() { Err(TaskError::Cancelled) } else { Ok(()) }
    }

    /// Says how far the work is, from 0 to 1, and what it does. It is a sign of life, too.
    pub fn progress(&self, fraction: impl Into<Option<f64>>, message: impl Into<String>) {
        Progress::report(&self.services.progress, fraction.into(), message.into());
    }

    /// Gives a sign of life: a task with a `heartbeat` timeout is stopped without.
    pub fn beat(&self) {
        Progress::beat(&self.services.progress);
    }

    /// The memory that work with tables may take: three quarters of what the task's slots stand for, and no more than is configured.
    pub fn memory(&self) -> ByteSize {
        let of_slots = self.assignment.memory.map_or(u64::MAX, |memory| memory.0 / 4 * 3);
        ByteSize(self.services.memory.0.min(of_slots))
    }

    /// A folder of this attempt for what does not fit into memory. It is the kind's to make, and gone with the attempt.
    pub fn scratch(&self) -> PathBuf {
        self.services.scratch_of(&self.assignment)
    }

    /// Waits until the attempt must stop, for work that outlives a borrow of this.
    pub fn cancellation(&self) -> CancellationToken {
        self.services.cancel.clone()
    }

    /// The object store that artefacts lie in.
    pub const fn artifact_store(&self) -> &ArtifactStore {
        &self.services.artifacts
    }

    pub(crate) fn asker(&self) -> Asker {
        let Assignment { run, path, attempt, .. } = &self.assignment;
        Asker { run: run.run, path: path.clone(), attempt: *attempt }
    }

    pub(crate) const fn services(&self) -> &Services {
        &self.services
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn context(change: impl FnOnce(&mut Assignment)) -> TaskContext {
        let mut assignment = Assignment::example("noop", Value::Null);
        change(&mut assignment);
        TaskContext::new(assignment, Ports::NONE, Services::new(ArtifactStore::in_memory()))
    }

    #[test]
    fn the_seed_is_the_same_in_every_attempt_and_run() {
        let first = context(|_| {});
        let second = context(|assignment| {
            assignment.attempt = assignment.attempt.next();
            assignment.phase = 3;
            assignment.run.run = tidemill_dag::ids::RunId::generate();
        });

        assert_eq!(first.seed(), second.seed());
    }

    #[test]
    fn a_task_reads_its_own_state_after_its_children() {
        let first = context(|_| {});
        let resumed = context(|assignment| assignment.state = Some(json!([1, 2])));

        assert_eq!(first.resume_state::<Vec<u8>>().unwrap(), None);
        assert_eq!(resumed.resume_state().unwrap(), Some(vec![1, 2]));
        assert_eq!(
            resumed.resume_state::<String>().unwrap_err().to_string(),
            "read its own state in phase 0"
        );
    }

    #[test]
    fn the_memory_is_what_the_slots_leave_room_for_and_never_more_than_is_configured() {
        let of_slots = |bytes| context(|assignment| assignment.memory = Some(ByteSize(bytes)));

        assert_eq!(context(|_| {}).memory(), ByteSize(2 << 30));
        assert_eq!(of_slots(1 << 30).memory(), ByteSize(768 << 20));
        assert_eq!(of_slots(8 << 30).memory(), ByteSize(2 << 30));
    }

    #[test]
    fn an_input_that_is_not_wired_is_an_error_that_names_it() {
        let context = context(|_| {});

        let error = context.input("table").unwrap_err();

        assert_eq!(error.to_string(), "read the input `table`: it has 0 artefacts, not one");
        assert!(context.inputs("table").is_empty());
    }

    #[test]
    fn the_present_is_that_of_the_clock_that_was_lent() {
        let noon = context(|_| {}).interval().start + chrono::TimeDelta::hours(12);
        let mut services = Services::new(ArtifactStore::in_memory());
        services.clock = std::sync::Arc::new(move || noon);

        let assignment = Assignment::example("noop", Value::Null);
        let context = TaskContext::new(assignment, Ports::NONE, services);

        assert_eq!(context.now(), noon);
    }

    #[tokio::test]
    async fn a_cancel_is_seen_by_who_asks_and_by_who_waits() {
        let context = context(|_| {});
        assert!(context.check_cancelled().is_ok());

        context.services().cancel.cancel();

        context.cancelled().await;
        assert!(matches!(context.check_cancelled(), Err(TaskError::Cancelled)));
    }
}
