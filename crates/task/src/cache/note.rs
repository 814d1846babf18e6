//! What the cache said to an attempt, as it is kept with the attempt.

use serde::{Deserialize, Serialize};
use tidemill_dag::ids::RunId;
use tidemill_dag::names::KindName;
use tidemill_dag::state::{Attempt, TaskPath};
use tidemill_dag::time::{Lapse, Timestamp};

use super::difference::Difference;
use super::parts::CacheParts;
use crate::hash::ContentHash;

/// Where a result was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// The run.
    pub run: RunId,
    /// The task.
    pub task: TaskPath,
    /// The attempt.
    pub attempt: Attempt,
    /// When.
    pub made_at: Timestamp,
}

/// What the cache said to an attempt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "cache", rename_all = "snake_case")]
pub enum CacheNote {
    /// An earlier result stands in for the work.
    Hit {
        /// Where it was made.
        origin: Origin,
        /// The kind, which is the same.
        kind: KindName,
        /// Its version.
        version: u32,
        /// How many artefacts it read.
        inputs: usize,
    },
    /// The work was done.
    Miss {
        /// The key that its result is kept by, where it succeeds.
        key: ContentHash,
        /// Why nothing stood in.
        why: Miss,
    },
}

/// Why no earlier result stood in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "because", rename_all = "snake_case")]
pub enum Miss {
    /// The task never succeeded before, over any interval.
    NeverRan,
    /// It did with other parts.
    Differs {
        /// Where the result that is closest was made.
        origin: Origin,
        /// In what it differs.
        differences: Vec<Difference>,
    },
    /// The result is older than the task allows.
    TooOld {
        /// Where it was made.
        origin: Origin,
        /// How old it may be.
        max_age: Lapse,
    },
    /// The result is no longer in the history.
    Forgotten {
        /// Where it was made.
        origin: Origin,
    },
    /// An artefact of the result is no longer in the object store.
    ArtifactGone {
        /// Where it was made.
        origin: Origin,
        /// The artefact.
        location: String,
    },
    /// Nobody asked.
    Unasked {
        /// Why not.
        reason: Unasked,
    },
    /// There was no answer in time.
    NoAnswer {
        /// What went wrong.
        error: String,
    },
}

/// Why nobody asked the cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unasked {
    /// The run was started with `--no-cache`.
    RunIsFresh,
    /// The rerun names the task.
    TaskIsNamed,
    /// It goes on after its children.
    Resumed,
}

/// What is told about the cache with the end of an attempt.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CacheReport {
    /// What it said.
    pub note: CacheNote,
    /// What a success is remembered by; `None` where the result came from the cache itself.
    pub parts: Option<CacheParts>,
}

impl CacheNote {
    /// Tells whether an earlier result stood in.
    pub const fn is_hit(&self) -> bool {
        matches!(self, Self::Hit { .. })
    }
}
