//! Waiting with an end.

use std::thread;
use std::time::{Duration, Instant};

/// The pause between two looks. A start takes 100 ms or more, so that 5 ms are lost in it.
const PAUSE: Duration = Duration::from_millis(5);

/// The moment at which a wait gives up.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deadline {
    at: Instant,
    pub(crate) timeout: Duration,
}

impl Deadline {
    pub(crate) fn after(timeout: Duration) -> Self {
        Self { at: Instant::now() + timeout, timeout }
    }

    /// Looks again and again until `look` returns something; `None` when the deadline has passed.
    /// It looks once at least.
    pub(crate) fn poll<T>(self, mut look: impl FnMut() -> Option<T>) -> Option<T> {
        loop {
            if let Some(found) = look() {
                return Some(found);
            }
            if Instant::now() >= self.at {
                return None;
            }
            thread::sleep(PAUSE);
        }
    }
}
