//! The database's enums, label by label; a test compares them with the ones of the server.

use tidemill_dag::state::{OnChildFailure, Outcome, RunKind};

/// The states of a task, as rows spell them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "task_state", rename_all = "snake_case")]
pub(crate) enum TaskLabel {
    Blocked,
    Ready,
    Running,
    Backoff,
    Expanded,
    Done,
}

/// The states of a run, as rows spell them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "run_state", rename_all = "snake_case")]
pub(crate) enum RunLabel {
    Open,
    Cancelling,
    Closed,
}

pub(crate) fn outcome(label: &str) -> Option<Outcome> {
    Outcome::ALL.into_iter().find(|outcome| outcome.label() == label)
}

pub(crate) fn run_kind(label: &str) -> Option<RunKind> {
    RunKind::ALL.into_iter().find(|kind| kind.label() == label)
}

pub(crate) const fn on_child_failure_label(choice: OnChildFailure) -> &'static str {
    match choice {
        OnChildFailure::Fail => "fail",
        OnChildFailure::Resume => "resume",
    }
}

pub(crate) fn on_child_failure(label: &str) -> Option<OnChildFailure> {
    [OnChildFailure::Fail, OnChildFailure::Resume]
        .into_iter()
        .find(|choice| on_child_failure_label(*choice) == label)
}

/// How an attempt ended, as seen from outside.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize, sqlx::Type,
)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "exit_cause", rename_all = "snake_case")]
pub enum ExitCause {
    /// It did its work.
    Succeeded,
    /// It asked for children.
    Expanded,
    /// It said that it failed.
    Failed,
    /// It stopped because it was asked to.
    Cancelled,
    /// It took longer than it may.
    TimedOut,
    /// The machine had no memory left for it.
    OutOfMemory,
    /// Something outside ended its process.
    Killed,
    /// Its worker was not heard of again.
    Lost,
    /// It ended itself because it could not renew its lease.
    Fenced,
}

impl ExitCause {
    /// All causes.
    pub const ALL: [Self; 9] = [
        Self::Succeeded,
        Self::Expanded,
        Self::Failed,
        Self::Cancelled,
        Self::TimedOut,
        Self::OutOfMemory,
        Self::Killed,
        Self::Lost,
        Self::Fenced,
    ];

    /// The name in rows, JSON and text.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Expanded => "expanded",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::TimedOut => "timed_out",
            Self::OutOfMemory => "out_of_memory",
            Self::Killed => "killed",
            Self::Lost => "lost",
            Self::Fenced => "fenced",
        }
    }
}

/// Where a worker stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize, sqlx::Type)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "worker_state", rename_all = "snake_case")]
pub enum WorkerState {
    /// It is not ready yet.
    Starting,
    /// It takes tasks.
    Running,
    /// It finishes what it has and takes nothing new.
    Draining,
    /// It is gone.
    Stopped,
}

impl WorkerState {
    /// All states.
    pub const ALL: [Self; 4] = [Self::Starting, Self::Running, Self::Draining, Self::Stopped];

    /// The name in rows, JSON and text.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Running => "running",
            Self::Draining => "draining",
            Self::Stopped => "stopped",
        }
    }
}

/// Where a backfill stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize, sqlx::Type)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "backfill_state", rename_all = "snake_case")]
pub enum BackfillState {
    /// It starts runs.
    Open,
    /// It starts nothing for now.
    Paused,
    /// It starts nothing more, and its runs are being stopped.
    Cancelling,
    /// It is over.
    Closed,
}

impl BackfillState {
    /// All states.
    pub const ALL: [Self; 4] = [Self::Open, Self::Paused, Self::Cancelling, Self::Closed];

    /// The name in rows, JSON and text.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Paused => "paused",
            Self::Cancelling => "cancelling",
            Self::Closed => "closed",
        }
    }
}

/// In which order a backfill takes its intervals.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize, sqlx::Type)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "backfill_order", rename_all = "snake_case")]
pub enum BackfillOrder {
    /// The oldest first.
    Asc,
    /// The newest first.
    Desc,
}

impl BackfillOrder {
    /// Both orders.
    pub const ALL: [Self; 2] = [Self::Asc, Self::Desc];

    /// The name in rows, JSON and text.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Asc => "asc",
            Self::Desc => "desc",
        }
    }
}

/// Which intervals a backfill runs again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize, sqlx::Type)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "reprocess", rename_all = "snake_case")]
pub enum Reprocess {
    /// Those that never ran, or whose last run was cancelled.
    Missing,
    /// Those, and those that failed.
    Failed,
    /// All.
    All,
    /// Those that are missing, and those whose last run pinned other content than now.
    Stale,
}

impl Reprocess {
    /// All policies.
    pub const ALL: [Self; 4] = [Self::Missing, Self::Failed, Self::All, Self::Stale];

    /// The name in rows, JSON and text.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Failed => "failed",
            Self::All => "all",
            Self::Stale => "stale",
        }
    }
}
