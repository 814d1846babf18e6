//! What would become of a task, in words.

use serde::Serialize;
use tidemill_dag::advance::Reason;
use tidemill_dag::names::TaskName;
use tidemill_dag::time::Timestamp;
use tidemill_task::{CacheNote, Miss, Uncached};

/// What would become of one task.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "prediction", rename_all = "snake_case")]
pub enum Prediction {
    /// An earlier result stands in.
    Cached {
        /// Which.
        note: CacheNote,
    },
    /// It runs: no earlier result stands in.
    Runs {
        /// Why not.
        why: Miss,
    },
    /// It runs: its result never comes from the cache.
    Uncached {
        /// Why not.
        why: Uncached,
    },
    /// It cannot start: its kind or its parameters are wrong.
    Broken {
        /// What goes wrong.
        error: String,
    },
    /// It depends on something that runs.
    Unknown {
        /// What.
        until: TaskName,
    },
    /// It does not run, or fails at its expression.
    Skipped {
        /// Why.
        reason: Option<Reason>,
    },
    /// It is mapped over a list.
    Members {
        /// How many members there are.
        members: usize,
        /// How many of them have an earlier result, or keep theirs.
        cached: usize,
        /// What would become of the first other one.
        first: Option<Box<Prediction>>,
    },
    /// It keeps what it made.
    Kept,
}

impl Prediction {
    /// Tells whether nothing is done again.
    pub(super) const fn is_known(&self) -> bool {
        matches!(self, Self::Cached { .. } | Self::Kept)
    }

    /// What happens, in a word.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Cached { .. } => "cached",
            Self::Runs { .. } | Self::Uncached { .. } => "runs",
            Self::Broken { .. } => "fails",
            Self::Unknown { .. } => "unknown",
            Self::Skipped { .. } => "skipped",
            Self::Members { members, cached, first } => match first {
                _ if members == cached => "cached",
                Some(first) if *cached == 0 => first.word(),
                Some(_) | None => "in part",
            },
            Self::Kept => "kept",
        }
    }

    /// Why, as seen at an instant.
    pub fn words(&self, at: Timestamp) -> String {
        match self {
            Self::Cached { note } => note.words(at),
            Self::Runs { why } => why.words(at),
            Self::Uncached { why } => why.to_string(),
            Self::Broken { error } => error.clone(),
            Self::Unknown { until } => format!("unknown until `{until}` ran"),
            Self::Skipped { reason } => match reason {
                Some(Reason::ConditionFalse) => "its condition is false".to_owned(),
                Some(Reason::RuleUnmet { upstream: Some(upstream) }) => {
                    format!("its rule cannot hold after {upstream}")
                }
                Some(Reason::Error { error } | Reason::BadExpression { error }) => error.clone(),
                Some(
                    Reason::RuleUnmet { upstream: None }
                    | Reason::QueuedTooLong
                    | Reason::Poison { .. }
                    | Reason::ChildFailed { .. }
                    | Reason::Cancelled,
                )
                | None => "its rule cannot hold".to_owned(),
            },
            Self::Members { members, cached, first } => {
                let first = first.as_ref().map(|first| format!("; {}", first.words(at)));
                format!("{cached} of {members} members cached{}", first.unwrap_or_default())
            }
            Self::Kept => "keeps what it made".to_owned(),
        }
    }
}
