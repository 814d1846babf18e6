//! Pauses before another try: exponential, with full jitter that is drawn from names and not from chance.

use std::time::Duration;

use chrono::{DateTime, TimeDelta};
use sha2::{Digest, Sha256};

use crate::ids::RunId;
use crate::spec::BackoffRange;
use crate::state::{Attempt, TaskPath};
use crate::time::{Lapse, Timestamp};

/// The pauses after attempts that were lost with their worker; they are the platform's, not the user's.
pub(super) const AFTER_LOSS: BackoffRange =
    BackoffRange { first: Lapse::seconds(1), longest: Lapse::seconds(300) };

/// The end of the pause after `attempt`, where `earlier` pauses of the same sort went before it.
///
/// The bound starts at the first length and doubles up to the longest; the pause is drawn evenly from above zero to the
/// bound ("full jitter": M. Brooker, Exponential Backoff And Jitter, AWS Architecture Blog, 2015). The same run, task
/// and attempt get the same pause.
pub(super) fn until(
    now: Timestamp,
    range: BackoffRange,
    earlier: u32,
    (run, path, attempt): (RunId, &TaskPath, Attempt),
) -> Timestamp {
    let doubled = 2u32.checked_pow(earlier).and_then(|times| range.first.0.checked_mul(times));
    let bound = doubled.unwrap_or(Duration::MAX).min(range.longest.0);
    let pause = draw(micros(bound), run, path, attempt);
    now.checked_add_signed(TimeDelta::microseconds(pause))
        .unwrap_or(DateTime::<chrono::Utc>::MAX_UTC)
}

/// Microseconds, which is what the database keeps of an instant.
fn micros(length: Duration) -> i64 {
    Lapse(length).delta().num_microseconds().unwrap_or(i64::MAX)
}

/// A number in `1..=bound`, or zero for a bound of zero.
fn draw(bound: i64, run: RunId, path: &TaskPath, attempt: Attempt) -> i64 {
    let mut hash = Sha256::new();
    hash.update(run.as_uuid().as_bytes());
    hash.update(attempt.0.to_be_bytes());
    hash.update(path.to_string());
    let digest = hash.finalize();
    let random = digest.iter().take(8).fold(0u64, |number, byte| (number << 8) | u64::from(*byte));
    // The high half of the product is even over `0..bound` (D. Lemire, Fast Random Integer Generation, 2019).
    let below = (u128::from(random) * u128::from(bound.unsigned_abs())) >> 64;
    i64::try_from(below).unwrap_or(i64::MAX).saturating_add(1).min(bound)
}

#[cfg(test)]
mod tests {
    use super::*;

    const RANGE: BackoffRange =
        BackoffRange { first: Lapse::seconds(30), longest: Lapse::seconds(600) };

    fn pause(earlier: u32, attempt: i32) -> TimeDelta {
        let run = RunId::from_uuid(uuid::Uuid::from_u128(7));
        let path: TaskPath = "tune[3]".parse().unwrap();
        until(Timestamp::UNIX_EPOCH, RANGE, earlier, (run, &path, Attempt(attempt)))
            - Timestamp::UNIX_EPOCH
    }

    #[test]
    fn a_pause_is_above_zero_and_within_a_bound_that_doubles_up_to_the_longest() {
        for (earlier, bound) in
            [(0, 30), (1, 60), (2, 120), (4, 480), (5, 600), (40, 600), (u32::MAX, 600)]
        {
            let pauses: Vec<TimeDelta> = (0..200).map(|attempt| pause(earlier, attempt)).collect();
            let bound = TimeDelta::seconds(bound);
            assert!(
                pauses.iter().all(|pause| *pause > TimeDelta::zero() && *pause <= bound),
                "{earlier}"
            );
            assert!(pauses.iter().any(|pause| *pause > bound * 9 / 10), "{earlier}");
            assert!(pauses.iter().any(|pause| *pause < bound / 10), "{earlier}");
        }
    }

    #[test]
    fn the_same_attempt_draws_the_same_pause_and_another_draws_its_own() {
        assert_eq!(pause(0, 1), pause(0, 1));
        assert_ne!(pause(0, 1), pause(0, 2));
    }

    #[test]
    fn pauses_are_spread_evenly() {
        let total: TimeDelta = (0..2000).map(|attempt| pause(0, attempt)).sum();

        // The mean of 2,000 draws from (0, 30 s] has a standard error of 30 s / sqrt(12 * 2000) = 0.19 s.
        let mean = total / 2000;
        assert!(
            (TimeDelta::milliseconds(14_200)..TimeDelta::milliseconds(15_800)).contains(&mean),
            "{mean}"
        );
    }

    #[test]
    fn no_length_of_pause_overflows() {
        let range = BackoffRange { first: Lapse(Duration::MAX), longest: Lapse(Duration::MAX) };
        let run = RunId::from_uuid(uuid::Uuid::nil());
        let path: TaskPath = "a".parse().unwrap();

        let end = until(Timestamp::MAX_UTC, range, 9, (run, &path, Attempt(1)));

        assert_eq!(end, Timestamp::MAX_UTC);
    }

    #[test]
    fn a_pause_of_zero_is_no_pause() {
        let range = BackoffRange { first: Lapse::seconds(0), longest: Lapse::seconds(0) };
        let run = RunId::from_uuid(uuid::Uuid::nil());
        let path: TaskPath = "a".parse().unwrap();

        assert_eq!(
            until(Timestamp::UNIX_EPOCH, range, 3, (run, &path, Attempt(1))),
            Timestamp::UNIX_EPOCH
        );
    }
}
