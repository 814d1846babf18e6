//! Machines that carry a few numbers from row to row.

use crate::operator::Machine;
use crate::state::{BadState, StateReader, StateWriter};

/// How some numbers follow from those before and from what happened.
pub(crate) trait Step: Send + Sync {
    /// The features at a time.
    fn emit(&self, carried: &[f64], at: i64, out: &mut [f64]);
    /// Takes what happened into account.
    fn absorb(&self, carried: &mut [f64], at: i64, value: f64);
}

/// A machine whose state is a few numbers, all missing at first, and the time of the last value.
pub(crate) struct Carry<S> {
    step: S,
    carried: Vec<f64>,
}

impl<S: Step> Carry<S> {
    pub(crate) fn new(step: S, size: usize) -> Self {
        Self { step, carried: vec![f64::NAN; size] }
    }
}

impl<S: Step> Machine for Carry<S> {
    #[inline]
    fn emit(&self, at: i64, out: &mut [f64]) {
        self.step.emit(&self.carried, at, out);
    }

    #[inline]
    fn absorb(&mut self, at: i64, value: f64) {
        self.step.absorb(&mut self.carried, at, value);
    }

    fn reset(&mut self) {
        self.carried.fill(f64::NAN);
    }

    fn save(&self, state: &mut StateWriter) {
        state.numbers(&self.carried);
    }

    fn restore(&mut self, state: &mut StateReader<'_>) -> Result<(), BadState> {
        for place in &mut self.carried {
            *place = state.number()?;
        }
        Ok(())
    }
}

/// A time among carried numbers, if it is there. A panel's times are exact as numbers.
pub(crate) fn time(carried: f64) -> Option<i64> {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the times of a panel are whole and in range"
    )]
    (!carried.is_nan()).then_some(carried as i64)
}

/// The counterpart of [`time`].
pub(crate) fn carried_time(at: i64) -> f64 {
    at as f64
}
