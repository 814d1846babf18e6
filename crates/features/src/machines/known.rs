//! The last value that was published.

use super::{Carry, Step, carried_time, time};

/// The last value, if it is young enough.
pub(crate) struct Known {
    oldest: i64,
}

impl Known {
    /// A machine; with an age of 0, only the value of the very time that is known counts.
    pub(crate) fn new(oldest: i64) -> Carry<Self> {
        Carry::new(Self { oldest }, 2)
    }
}

impl Step for Known {
    fn emit(&self, carried: &[f64], at: i64, out: &mut [f64]) {
        let last = time(carried[0]);
        // The time of the call lies just after the one that is known.
        let is_usable = last.is_some_and(|last| at - 1 - last <= self.oldest);
        out[0] = if is_usable { carried[1] } else { f64::NAN };
    }

    fn absorb(&self, carried: &mut [f64], at: i64, value: f64) {
        if !value.is_nan() {
            carried[0] = carried_time(at);
            carried[1] = value;
        }
    }
}
