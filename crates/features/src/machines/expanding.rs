//! Statistics of all that happened so far.

use super::Stat;
use crate::kernel::{Aggregate, Line, Shape, Spread};
use crate::operator::Machine;
use crate::state::{BadState, StateReader, StateWriter};

/// Statistics of all that happened before a time.
#[derive(Clone, Debug)]
pub(crate) struct Expanding {
    least: u32,
    step: Option<i64>,
    stats: Vec<Stat>,
    first: Option<i64>,
    spread: Spread,
    shape: Shape,
    line: Line,
}

impl Expanding {
    /// `stats` without the median: that would need all values.
    pub(crate) fn new(least: u32, step: Option<i64>, stats: Vec<Stat>) -> Self {
        let (spread, shape, line) = (Spread::empty(), Shape::empty(), Line::empty());
        Self { least: least.max(1), step, stats, first: None, spread, shape, line }
    }

    fn share_missing(&self, at: i64) -> f64 {
        let (Some(first), Some(step)) = (self.first, self.step) else { return f64::NAN };
        let due = (at - first) / step;
        if due <= 0 {
            f64::NAN
        } else {
            (1.0 - f64::from(self.spread.count()) / due as f64).max(0.0)
        }
    }
}

impl Machine for Expanding {
    fn emit(&self, at: i64, out: &mut [f64]) {
        for (stat, place) in self.stats.iter().zip(out) {
            let value = match stat {
                Stat::Count => {
                    *place = f64::from(self.spread.count());
                    continue;
                }
                Stat::ShareMissing => {
                    *place = self.share_missing(at);
                    continue;
                }
                Stat::Mean => self.spread.mean(),
                Stat::Std => self.spread.std(),
                Stat::Min => self.spread.min(),
                Stat::Max => self.spread.max(),
                Stat::Sum => self.spread.sum(),
                Stat::Skew => self.shape.skew(),
                Stat::Slope => self.line.slope() * 3600.0,
                Stat::Median => f64::NAN,
            };
            *place = if self.spread.count() < self.least { f64::NAN } else { value };
        }
    }

    fn absorb(&mut self, at: i64, value: f64) {
        self.first.get_or_insert(at);
        if value.is_nan() {
            return;
        }
        self.spread.push(at, value);
        if self.stats.contains(&Stat::Skew) {
            self.shape.push(at, value);
        }
        if self.stats.contains(&Stat::Slope) {
            self.line.push(at, value);
        }
    }

    fn reset(&mut self) {
        *self = Self::new(self.least, self.step, std::mem::take(&mut self.stats));
    }

    fn save(&self, state: &mut StateWriter) {
        state.whole(self.first.unwrap_or(i64::MIN));
        let (count, parts) = self.spread.parts();
        state.count(count);
        state.numbers(&parts);
        let (count, parts) = self.shape.parts();
        state.count(count);
        state.numbers(&parts);
        let (count, origin, parts) = self.line.parts();
        state.count(count);
        state.whole(origin);
        state.numbers(&parts);
    }

    fn restore(&mut self, state: &mut StateReader<'_>) -> Result<(), BadState> {
        self.first = Some(state.whole()?).filter(|first| *first != i64::MIN);
        self.spread = Spread::from_parts(state.count()?, state.numbers()?);
        self.shape = Shape::from_parts(state.count()?, state.numbers()?);
        self.line = Line::from_parts(state.count()?, state.whole()?, state.numbers()?);
        Ok(())
    }
}
