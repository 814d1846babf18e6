//! What can go wrong between the program and its database.

use std::fmt;

use tidemill_dag::ids::{BackfillId, DagVersionId, RunId, TaskId, WorkerId};
use tidemill_dag::names::{DagName, DatasetName, PoolName};
use tidemill_dag::plan::Cycle;
use tidemill_dag::rerun::BadSelection;
use tidemill_dag::state::Attempt;

use crate::labels::BackfillState;
use crate::lead::Lead;
use crate::trigger::Refusal;

/// What the store could not do; each fits after "failed to".
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The server did not answer, or did not let us in.
    #[error("reach the database at {server}")]
    Unreachable {
        /// The server, without credentials.
        server: String,
        /// Why.
        #[source]
        source: sqlx::Error,
    },

    /// The server did not answer in time.
    #[error("reach the database at {server}: no answer within {seconds} s")]
    NoAnswer {
        /// The server, without credentials.
        server: String,
        /// How long it was given.
        seconds: u64,
    },

    /// What was given as the database's URL is none.
    #[error("read the URL of the database")]
    BadUrl {
        /// Why.
        #[source]
        source: sqlx::Error,
    },

    /// The schema's name cannot be used.
    #[error("use `{schema}` as a schema: expected lower-case letters, digits and `_`")]
    BadSchema {
        /// What was given.
        schema: String,
    },

    /// The database is older than this program.
    #[error("use the database: {pending} migrations are not applied")]
    NeedsMigration {
        /// How many.
        pending: usize,
    },

    /// The database is newer than this program.
    #[error("use the database: its migration {version} is unknown to this program")]
    TooNew {
        /// The newest migration of the database.
        version: i64,
    },

    /// A migration failed; nothing of it is left.
    #[error("migrate the database")]
    Migrate {
        /// Why.
        #[source]
        source: sqlx::migrate::MigrateError,
    },

    /// Something could not be read.
    #[error("read {what}")]
    Read {
        /// What.
        what: &'static str,
        /// Why.
        #[source]
        source: sqlx::Error,
    },

    /// Something could not be written.
    #[error("write {what}")]
    Write {
        /// What.
        what: &'static str,
        /// Why.
        #[source]
        source: sqlx::Error,
    },

    /// A run could not be opened.
    #[error("open a run of `{dag}`")]
    Open {
        /// The DAG.
        dag: DagName,
        /// Why.
        #[source]
        source: sqlx::Error,
    },

    /// A change of a run could not be written; nothing of it is left.
    #[error("change {run}")]
    Apply {
        /// The run.
        run: RunId,
        /// Why.
        #[source]
        source: sqlx::Error,
    },

    /// Others changed the run's tasks each time that it was tried.
    #[error("change {run}: its tasks changed meanwhile, {tries} times")]
    Contended {
        /// The run.
        run: RunId,
        /// How often it was tried.
        tries: u32,
    },

    /// What was asked for cannot be run again.
    #[error("rerun {run}")]
    Rerun {
        /// The earlier run.
        run: RunId,
        /// Why.
        #[source]
        source: BadSelection,
    },

    /// The tasks of the run were dropped by retention; its head is still there.
    #[error("read the tasks of {run}: retention dropped them")]
    TasksDropped {
        /// The run.
        run: RunId,
    },

    /// No artefact lies where something is to be pinned.
    #[error("pin `{location}`: no artefact and no other pin names it")]
    NothingToPin {
        /// Where.
        location: String,
    },

    /// Tasks could not be claimed.
    #[error("claim a task for pool `{pool}`")]
    Claim {
        /// The pool.
        pool: PoolName,
        /// Why.
        #[source]
        source: sqlx::Error,
    },

    /// Leases could not be renewed.
    #[error("renew the leases of {worker}")]
    Renew {
        /// The worker.
        worker: WorkerId,
        /// Why.
        #[source]
        source: sqlx::Error,
    },

    /// Somebody speaks for an attempt that is over.
    #[error("finish {task}: attempt {attempt} no longer holds the lease")]
    LostLease {
        /// The task.
        task: TaskId,
        /// The attempt that spoke.
        attempt: Attempt,
    },

    /// A DAG cannot be triggered.
    #[error("trigger it")]
    Trigger {
        /// Why.
        #[source]
        source: Refusal,
    },

    /// There is no such DAG.
    #[error("find the DAG `{dag}`")]
    UnknownDag {
        /// What was asked for.
        dag: DagName,
    },

    /// No task has published the data set.
    #[error("find the data set `{dataset}`")]
    UnknownDataset {
        /// The data set.
        dataset: DatasetName,
    },

    /// There is no such version of a DAG.
    #[error("find {version}")]
    UnknownVersion {
        /// What was asked for.
        version: DagVersionId,
    },

    /// There is no such run.
    #[error("find the run `{text}`")]
    UnknownRun {
        /// What was asked for.
        text: String,
    },

    /// Several runs begin like this.
    #[error("find the run `{text}`: several begin like this")]
    AmbiguousRun {
        /// What was asked for.
        text: String,
    },

    /// The run has no such task.
    #[error("find {task} in {run}")]
    UnknownTask {
        /// The run.
        run: RunId,
        /// What was asked for.
        task: TaskId,
    },

    /// Somebody acts as the leader of the schedulers, and is not any more.
    #[error("lead the schedulers: the lead of epoch {} is over", lead.epoch())]
    NotLeader {
        /// The lead that is over.
        lead: Lead,
    },

    /// There is no such backfill.
    #[error("find the backfill `{text}`")]
    UnknownBackfill {
        /// What was asked for.
        text: String,
    },

    /// Several backfills begin like this.
    #[error("find the backfill `{text}`: several begin like this")]
    AmbiguousBackfill {
        /// What was asked for.
        text: String,
    },

    /// A backfill does not stand where what was asked for makes sense.
    #[error("{verb} {backfill}: it is {}", state.label())]
    BackfillStands {
        /// What was asked for, such as `pause`.
        verb: &'static str,
        /// The backfill.
        backfill: BackfillId,
        /// Where it stands.
        state: BackfillState,
    },

    /// The tasks of a DAG wait for each other.
    #[error("plan {version}")]
    Unplannable {
        /// The version.
        version: DagVersionId,
        /// The ring.
        #[source]
        source: Cycle,
    },

    /// A stored value is not what this program writes.
    #[error("read back what is stored")]
    Corrupt(#[source] CorruptRow),
}

impl StoreError {
    /// Tells whether the database was away or busy, so that the same may work in a moment.
    ///
    /// Everything else fails again, or says that the caller's part is over.
    pub fn may_pass(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::NoAnswer { .. } | Self::Contended { .. } => true,
            Self::Read { source, .. }
            | Self::Write { source, .. }
            | Self::Open { source, .. }
            | Self::Apply { source, .. }
            | Self::Claim { source, .. }
            | Self::Renew { source, .. } => is_weather(source),
            Self::BadUrl { .. }
            | Self::BadSchema { .. }
            | Self::NeedsMigration { .. }
            | Self::TooNew { .. }
            | Self::Migrate { .. }
            | Self::LostLease { .. }
            | Self::UnknownDag { .. }
            | Self::UnknownDataset { .. }
            | Self::UnknownVersion { .. }
            | Self::UnknownRun { .. }
            | Self::AmbiguousRun { .. }
            | Self::UnknownTask { .. }
            | Self::NotLeader { .. }
            | Self::UnknownBackfill { .. }
            | Self::AmbiguousBackfill { .. }
            | Self::BackfillStands { .. }
            | Self::Unplannable { .. }
            | Self::Rerun { .. }
            | Self::TasksDropped { .. }
            | Self::NothingToPin { .. }
            | Self::Trigger { .. }
            | Self::Corrupt(_) => false,
        }
    }
}

/// Connection failures, and the error classes of a server that stops, starts or is short of something:
/// 08 connection, 40 rollback, 53 resources, 55 lock, 57 operator (PostgreSQL manual, appendix A).
fn is_weather(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut | sqlx::Error::WorkerCrashed => true,
        sqlx::Error::Database(error) => error.code().is_some_and(|code| {
            ["08", "40", "53", "55", "57"].contains(&code.get(..2).unwrap_or(""))
        }),
        _ => false,
    }
}

/// A row that no version of this program writes: it breaks the named constraint, in meaning if not in SQL.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("row {id} of `{table}` breaks `{constraint}`")]
pub struct CorruptRow {
    /// The table.
    pub table: &'static str,
    /// The row's key.
    pub id: String,
    /// What it breaks.
    pub constraint: &'static str,
}

impl CorruptRow {
    pub(crate) fn new(
        table: &'static str,
        id: &dyn fmt::Display,
        constraint: &'static str,
    ) -> Self {
        Self { table, id: id.to_string(), constraint }
    }
}

impl From<CorruptRow> for StoreError {
    fn from(row: CorruptRow) -> Self {
        Self::Corrupt(row)
    }
}

/// For `map_err`: what was read when it failed.
pub(crate) fn reading(what: &'static str) -> impl Fn(sqlx::Error) -> StoreError {
    move |source| StoreError::Read { what, source }
}

/// For `map_err`: what was written when it failed.
pub(crate) fn writing(what: &'static str) -> impl Fn(sqlx::Error) -> StoreError {
    move |source| StoreError::Write { what, source }
}

impl From<Refusal> for StoreError {
    fn from(source: Refusal) -> Self {
        Self::Trigger { source }
    }
}
