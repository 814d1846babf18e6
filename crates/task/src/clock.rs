//! The present, handed in, so that tests can freeze it.

use tidemill_dag::time::{Lapse, Timestamp};

/// Tells the time. A closure is a clock, so that a test freezes it with `move || instant`.
pub trait Clock: Send + Sync {
    /// The present.
    fn now(&self) -> Timestamp;
}

/// The clock of the machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the one clock that all others stand for"
    )]
    fn now(&self) -> Timestamp {
        chrono::Utc::now() + Lapse(tidemill_dag::ids::clock_ahead()).delta()
    }
}

impl<F: Fn() -> Timestamp + Send + Sync> Clock for F {
    fn now(&self) -> Timestamp {
        self()
    }
}
