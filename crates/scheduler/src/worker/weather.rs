//! A database that is away is weather: it is waited for, and nobody dies of it.

use std::collections::hash_map::RandomState;
use std::error::Error;
use std::hash::{BuildHasher, Hasher};
use std::time::Duration;

use tokio::time::Instant;
use tracing::{info, warn};

/// The first pause.
const SHORTEST: Duration = Duration::from_millis(100);
/// The longest pause: how late, at most, the end of bad weather is seen.
const LONGEST: Duration = Duration::from_secs(5);

/// Pauses between tries, each up to twice as long as the one before, each of a random length so that workers do not
/// come back in step.
#[derive(Debug)]
pub(crate) struct Weather {
    what: &'static str,
    failures: u32,
}

impl Weather {
    /// Good weather for doing `what`, which fits after "failed to".
    pub(crate) const fn new(what: &'static str) -> Self {
        Self { what, failures: 0 }
    }

    /// It worked.
    pub(crate) fn cleared(&mut self) {
        if self.failures > 0 {
            info!(failures = self.failures, "the database is back: could {}", self.what);
        }
        self.failures = 0;
    }

    /// It did not work; says how long to wait. The first failure in a row is told, the others are like it.
    pub(crate) fn failed(&mut self, error: &dyn Error) -> Duration {
        if self.failures == 0 {
            warn!("failed to {}, trying again: {}", self.what, chain(error));
        }
        self.failures = self.failures.saturating_add(1);
        pause(self.failures, random())
    }

    /// How often it did not work in a row.
    pub(crate) const fn failures(&self) -> u32 {
        self.failures
    }
}

/// Waits for a while; nothing ends it earlier but whoever drops it.
pub(crate) async fn pass(length: Duration) {
    tokio::time::sleep_until(Instant::now() + length).await;
}

/// A length between half of `around` and one and a half of it.
pub(crate) fn jittered(around: Duration) -> Duration {
    around.mul_f64(0.5 + fraction(random()))
}

/// Half of the pause is certain, half is chance.
fn pause(failures: u32, chance: u64) -> Duration {
    let doublings = failures.saturating_sub(1).min(16);
    let longest = SHORTEST.saturating_mul(1 << doublings).min(LONGEST);
    longest.mul_f64(0.5 + fraction(chance) / 2.0)
}

pub(crate) fn fraction(chance: u64) -> f64 {
    (chance >> 11) as f64 / (1_u64 << 53) as f64
}

/// Chance without a generator: the keys of a hasher are random in each process and differ in each hasher.
pub(crate) fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}

/// An error with all its causes, in one line.
pub(crate) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_a_limit_and_are_never_nothing() {
        for failures in [1, 2, 5, 100, u32::MAX] {
            let (least, most) = (pause(failures, 0), pause(failures, u64::MAX));
            assert!(least >= SHORTEST / 2 && least < most && most <= LONGEST, "{failures}");
        }
        assert!(pause(3, 0) > pause(1, u64::MAX));
    }
}
