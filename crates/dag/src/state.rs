//! Where a run and its tasks stand: the states, and the view of a run that transitions are computed from.

mod child;
mod path;
mod view;

use std::fmt;

use serde::{Deserialize, Serialize};

pub use child::{Child, OnChildFailure};
pub use path::{BadTaskPath, TaskPath};
pub use view::{TaskIndex, TaskView, View};

use crate::ids::WorkerId;
use crate::time::Timestamp;

/// How often a task was claimed; every write about a claim is fenced by it.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Attempt(pub i32);

impl Attempt {
    /// The number that the next claim gets.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl fmt::Display for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The right of a worker to run an attempt, until an instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lease {
    /// Who holds it.
    pub worker: WorkerId,
    /// When it ends unless it is renewed.
    pub until: Timestamp,
}

/// How a task ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It did its work.
    Succeeded,
    /// It gave up, after its retries.
    Failed,
    /// Its rule or condition said no.
    Skipped,
    /// Somebody stopped it, or its run.
    Cancelled,
}

impl Outcome {
    /// All outcomes, for tests that compare them with the database's.
    pub const ALL: [Self; 4] = [Self::Succeeded, Self::Failed, Self::Skipped, Self::Cancelled];

    /// The name in rows, JSON and text.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
            Self::Cancelled => "cancelled",
        }
    }
}

/// Where one task of a run stands.
#[derive(Clone, Debug, PartialEq)]
pub enum TaskState {
    /// It waits for others.
    Blocked,
    /// A worker may claim it.
    Ready {
        /// Since when.
        since: Timestamp,
    },
    /// A worker runs it.
    Running {
        /// Which try this is.
        attempt: Attempt,
        /// Who runs it, until when.
        lease: Lease,
    },
    /// It failed or was lost, and a worker may claim it again later.
    Backoff {
        /// The try that ended.
        attempt: Attempt,
        /// When it may be claimed.
        until: Timestamp,
    },
    /// It waits for the children that it asked for.
    Expanded {
        /// The try that asked.
        attempt: Attempt,
        /// Since when.
        since: Timestamp,
    },
    /// It is over.
    Done {
        /// The last try.
        attempt: Attempt,
        /// When it ended.
        at: Timestamp,
        /// How it ended.
        outcome: Outcome,
    },
}

impl TaskState {
    /// The names of the states in rows, in declaration order.
    pub const LABELS: [&str; 6] = ["blocked", "ready", "running", "backoff", "expanded", "done"];

    /// The name in rows, JSON and text.
    pub const fn label(&self) -> &'static str {
        match self {
            Self::Blocked => "blocked",
            Self::Ready { .. } => "ready",
            Self::Running { .. } => "running",
            Self::Backoff { .. } => "backoff",
            Self::Expanded { .. } => "expanded",
            Self::Done { .. } => "done",
        }
    }

    /// How the task ended, if it did.
    pub const fn outcome(&self) -> Option<Outcome> {
        match self {
            Self::Done { outcome, .. } => Some(*outcome),
            Self::Blocked
            | Self::Ready { .. }
            | Self::Running { .. }
            | Self::Backoff { .. }
            | Self::Expanded { .. } => None,
        }
    }
}

/// Why a run exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunKind {
    /// Its schedule ticked.
    Scheduled,
    /// Somebody started it.
    Manual,
    /// A backfill asked for its interval.
    Backfill,
    /// Another run, the API or a new snapshot asked for it.
    Triggered,
}

impl RunKind {
    /// All kinds of run, for tests that compare them with the database's.
    pub const ALL: [Self; 4] = [Self::Scheduled, Self::Manual, Self::Backfill, Self::Triggered];

    /// The name in rows, JSON and text.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Scheduled => "scheduled",
            Self::Manual => "manual",
            Self::Backfill => "backfill",
            Self::Triggered => "triggered",
        }
    }
}

/// Where a run stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunState {
    /// Some task is not over.
    Open {
        /// Whether somebody asked to stop the run: then only finalisers start.
        cancelling: bool,
    },
    /// All tasks are over.
    Closed {
        /// How it ended: failed if a task failed, else cancelled if it was cancelled, else succeeded.
        outcome: Outcome,
        /// When it ended.
        at: Timestamp,
    },
}
