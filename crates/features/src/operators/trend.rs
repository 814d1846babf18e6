//! The age of a series.

use crate::machines::{Carry, Step, carried_time, time};
use crate::mistake::Mistake;
use crate::operator::{Draft, Grade, NoParams, Operator, Reads, Sight, Site, Work};

pub(crate) struct Trend;

impl Operator for Trend {
    const NAME: &'static str = "trend";
    const ABOUT: &'static str = "the days since the first row of the series";
    const GRADE: Grade = Grade::Causal;
    const SIGHT: Sight = Sight::Before;
    const READS: Reads = Reads::Number;
    const EXAMPLE: &'static str = "{}";
    type Params = NoParams;

    fn draft(_: NoParams, _: &Site<'_>) -> Result<Draft, Mistake> {
        Ok(Draft {
            outputs: vec!["trend".to_owned()],
            window: None,
            work: Work::Series(Box::new(|| Box::new(Carry::new(Age, 1)))),
        })
    }
}

/// Carries the time of the first row.
struct Age;

impl Step for Age {
    fn emit(&self, carried: &[f64], at: i64, out: &mut [f64]) {
        out[0] = time(carried[0]).map_or(0.0, |first| (at - first) as f64 / 86_400e6);
    }

    fn absorb(&self, carried: &mut [f64], at: i64, _: f64) {
        if carried[0].is_nan() {
            carried[0] = carried_time(at);
        }
    }
}
