//! Whose clock counts: the database's, so that machines need not agree; a frozen one in tests.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};

use chrono::{DateTime, Utc};
use tidemill_dag::ids::RunId;
use tidemill_dag::time::{Lapse, Timestamp};
use uuid::{Builder, Uuid};

/// The clock that decides what is due, expired and old.
#[derive(Clone, Debug, Default)]
pub enum Clock {
    /// The database's own.
    #[default]
    Database,
    /// One that only moves when it is told to.
    Frozen(FrozenClock),
}

impl Clock {
    /// The instant to use instead of the database's.
    pub(crate) fn instead(&self) -> Option<Timestamp> {
        match self {
            Self::Database => None,
            Self::Frozen(clock) => Some(clock.now()),
        }
    }

    /// An id for a run that is opened now. Ids of runs say when that was: history lies in months by them.
    pub(crate) fn run_id(&self) -> RunId {
        match self {
            Self::Database => RunId::generate(),
            Self::Frozen(clock) => clock.run_id(),
        }
    }
}

/// A clock that only moves when it is told to; clones are the same clock.
#[derive(Clone, Debug)]
pub struct FrozenClock(Arc<AtomicI64>);

impl FrozenClock {
    /// A clock that stands at an instant, cut to the microseconds that the database keeps.
    pub fn at(instant: Timestamp) -> Self {
        Self(Arc::new(AtomicI64::new(instant.timestamp_micros())))
    }

    /// Where it stands.
    pub fn now(&self) -> Timestamp {
        let microseconds = self.0.load(Ordering::SeqCst);
        DateTime::from_timestamp_micros(microseconds).unwrap_or(DateTime::<Utc>::MAX_UTC)
    }

    /// Moves it on.
    pub fn advance(&self, by: Lapse) {
        let microseconds = i64::try_from(by.0.as_micros()).unwrap_or(i64::MAX);
        self.0.fetch_add(microseconds, Ordering::SeqCst);
    }

    /// As if made at this instant, and after all others of it.
    fn run_id(&self) -> RunId {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let milliseconds = u64::try_from(self.now().timestamp_millis()).unwrap_or(0);
        // A count, and what tells programs apart that stand at the same instant.
        let mut rest = [0; 10];
        rest[2..6].copy_from_slice(&MADE.fetch_add(1, Ordering::SeqCst).to_be_bytes());
        rest[6..].copy_from_slice(&Uuid::now_v7().as_bytes()[12..]);
        RunId::from_uuid(Builder::from_unix_timestamp_millis(milliseconds, &rest).into_uuid())
    }
}
