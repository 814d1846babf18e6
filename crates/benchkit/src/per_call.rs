//! Timing what is too short to be timed once.

use std::hint::black_box;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

/// How many samples are taken.
const SAMPLES: usize = 25;
/// How long one sample takes at least, so that the clock's own cost is nothing of it.
const SAMPLE: Duration = Duration::from_millis(5);

/// How many microseconds a call takes, measured many times; `is_right` judges what the first call and the last one gave.
pub fn per_call<T>(mut work: impl FnMut() -> T, is_right: impl Fn(&T) -> bool) -> Result<Vec<f64>> {
    ensure!(is_right(&work()), "the first result is wrong");
    let calls = calls_that_fill_a_sample(&mut work);
    let mut samples = Vec::with_capacity(SAMPLES);
    for _ in 0..SAMPLES {
        samples.push(time(&mut work, calls).as_secs_f64() * 1e6 / f64::from(calls));
    }
    ensure!(is_right(&work()), "the last result is wrong");
    Ok(samples)
}

fn calls_that_fill_a_sample<T>(work: &mut impl FnMut() -> T) -> u32 {
    let mut calls = 1;
    while time(work, calls) < SAMPLE {
        calls *= 2;
    }
    calls
}

/// What calls give is dropped after the clock stopped.
fn time<T>(work: &mut impl FnMut() -> T, calls: u32) -> Duration {
    let mut kept = Vec::with_capacity(calls as usize);
    let started = Instant::now();
    for _ in 0..calls {
        kept.push(black_box(work()));
    }
    started.elapsed()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_result_is_no_figure() {
        let refused = per_call(|| 1, |result| *result == 2).unwrap_err();

        assert_eq!(refused.to_string(), "the first result is wrong");
    }

    #[test]
    fn a_right_one_has_as_many_samples_as_were_taken() {
        let samples =
            per_call(|| std::iter::repeat_n(7_u64, 1000).sum::<u64>(), |sum| *sum == 7000);

        assert_eq!(samples.unwrap().len(), SAMPLES);
    }
}
