//! Whose clock counts: the database's, so that machines need not agree; a frozen one in tests.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use chrono::{DateTime, Utc};
use tidemill_dag::time::{Lapse, Timestamp};

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
}
