//! Ids of rows: one type each, so that a run cannot be taken for a task.

use std::fmt;
use std::str::FromStr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// How far the clock of this process is ahead of the machine's, in milliseconds.
static CLOCK_AHEAD_MS: AtomicU64 = AtomicU64::new(0);

/// Sets the clock of this process ahead of the machine's, for drills: ids are made by it, and whoever reads the machine's
/// clock adds [`clock_ahead`].
pub fn set_clock_ahead(by: Duration) {
    let milliseconds = u64::try_from(by.as_millis()).unwrap_or(u64::MAX);
    CLOCK_AHEAD_MS.store(milliseconds, Ordering::Relaxed);
}

/// How far the clock of this process is ahead of the machine's: nothing, except in drills.
pub fn clock_ahead() -> Duration {
    Duration::from_millis(CLOCK_AHEAD_MS.load(Ordering::Relaxed))
}

/// The first 48 bits of a version 7 UUID are its milliseconds (RFC 9562, section 5.7).
fn moved(uuid: Uuid, by: Duration) -> Uuid {
    let milliseconds = by.as_millis().min(u128::from(u32::MAX)) << 80;
    Uuid::from_u128(uuid.as_u128().wrapping_add(milliseconds))
}

/// A text that is not an id of the kind that was asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("read `{text}` as an id: expected `{prefix}_` and 32 hexadecimal digits")]
pub struct BadId {
    /// What was given.
    pub text: String,
    /// The prefix of the kind that was asked for.
    pub prefix: &'static str,
}

/// Declares the id types; a name and its prefix are stored and printed, and never change.
macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident = $prefix:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        #[serde(try_from = "String", into = "String")]
        #[schemars(with = "String")]
        pub struct $name(Uuid);

        impl $name {
            /// Wraps a UUID that came from a row.
            pub const fn from_uuid(uuid: Uuid) -> Self {
                Self(uuid)
            }

            /// Makes a new id, ordered by the time of its making (a version 7 UUID).
            pub fn generate() -> Self {
                Self(moved(Uuid::now_v7(), clock_ahead()))
            }

            /// The UUID inside, for a row.
            pub const fn as_uuid(self) -> Uuid {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($prefix, "_{}"), self.0.as_simple())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = BadId;

            fn from_str(text: &str) -> Result<Self, BadId> {
                let bad = || BadId { text: text.to_owned(), prefix: $prefix };
                let digits = text.strip_prefix(concat!($prefix, "_")).ok_or_else(bad)?;
                Uuid::try_parse(digits).map(Self).map_err(|_| bad())
            }
        }

        impl TryFrom<String> for $name {
            type Error = BadId;

            fn try_from(text: String) -> Result<Self, BadId> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.to_string()
            }
        }
    )*};
}

ids! {
    /// One version of a DAG: its content, pinned by runs.
    DagVersionId = "dagv";
    /// One run of a DAG over one interval.
    RunId = "run";
    /// One task of a run, static, mapped or expanded.
    TaskId = "task";
    /// One backfill: a range of intervals with an order and a limit.
    BackfillId = "backfill";
    /// One process that executes tasks.
    WorkerId = "worker";
    /// One artefact in the object store.
    ArtifactId = "artifact";
    /// One message that waits in the outbox.
    NoticeId = "notice";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_reads_back_what_it_prints() {
        let id = RunId::generate();

        assert_eq!(id.to_string().parse(), Ok(id));
    }

    #[test]
    fn a_clock_that_is_ahead_makes_later_ids() {
        let uuid = Uuid::now_v7();

        let later = moved(uuid, Duration::from_hours(1));

        let seconds = |uuid: Uuid| uuid.get_timestamp().unwrap().to_unix().0;
        assert_eq!(seconds(later), seconds(uuid) + 3600);
        assert_eq!(later.get_version_num(), 7);
    }

    #[test]
    fn an_id_of_another_kind_is_refused() {
        let text = TaskId::generate().to_string();

        assert_eq!(text.parse::<RunId>(), Err(BadId { text, prefix: "run" }));
    }
}
