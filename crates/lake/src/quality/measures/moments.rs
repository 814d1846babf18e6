//! Count, mean, spread and sum of a column of numbers.

use datafusion::arrow::array::Array;

use crate::quality::column::{Column, ColumnInfo};
use crate::quality::error::AuditError;
use crate::quality::measure::{Measure, Rows};

/// Values per block. Blocks are cut by the count of values alone, so sums do not depend on batches.
const BLOCK: usize = 1_024;

/// Mean and sum of squared differences from it, merged as in Chan, Golub and `LeVeque`, "Updating Formulae and a Pairwise Algorithm for
/// Computing Sample Variances" (1979), formula 2.1.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Moments {
    pub(crate) count: u64,
    pub(crate) mean: f64,
    squares: f64,
}

impl Moments {
    /// Of a block that fits the cache, in two passes.
    fn of(values: &[f64]) -> Self {
        let count = values.len() as f64;
        if values.is_empty() {
            return Self::default();
        }
        let mean = sum(values, |value| value) / count;
        let squares = sum(values, |value| (value - mean) * (value - mean));
        Self { count: values.len() as u64, mean, squares }
    }

    pub(crate) fn merge(&mut self, later: Self) {
        if later.count == 0 {
            return;
        }
        if self.count == 0 {
            *self = later;
            return;
        }
        let (left, right) = (self.count as f64, later.count as f64);
        let difference = later.mean - self.mean;
        self.mean += difference * (right / (left + right));
        self.squares += later.squares + difference * difference * (left * right / (left + right));
        self.count += later.count;
    }

    /// The sample standard deviation (one less than the count below), of two values or more.
    pub(crate) fn deviation(&self) -> Option<f64> {
        (self.count > 1).then(|| (self.squares / (self.count - 1) as f64).sqrt())
    }

    pub(crate) fn sum(&self) -> f64 {
        self.mean * self.count as f64
    }
}

/// A sum in eight lanes, which the compiler turns into wide additions, always in the same order.
fn sum(values: &[f64], term: impl Fn(f64) -> f64) -> f64 {
    let mut lanes = [0.0; 8];
    let chunks = values.chunks_exact(8);
    let rest: f64 = chunks.remainder().iter().map(|value| term(*value)).sum();
    for chunk in chunks {
        for (lane, value) in lanes.iter_mut().zip(chunk) {
            *lane += term(*value);
        }
    }
    lanes.iter().sum::<f64>() + rest
}

/// Measures the moments of a column of numbers.
pub(crate) struct Spread {
    pub(crate) column: ColumnInfo,
}

#[derive(Default)]
pub(crate) struct State {
    done: Moments,
    block: Vec<f64>,
}

impl State {
    fn push(&mut self, value: f64) {
        self.block.push(value);
        if self.block.len() == BLOCK {
            self.flush();
        }
    }

    fn extend(&mut self, mut values: &[f64]) {
        while !values.is_empty() {
            let (now, later) = values.split_at(values.len().min(BLOCK - self.block.len()));
            self.block.extend_from_slice(now);
            if self.block.len() == BLOCK {
                self.flush();
            }
            values = later;
        }
    }

    fn flush(&mut self) {
        self.done.merge(Moments::of(&self.block));
        self.block.clear();
    }
}

impl Measure for Spread {
    type State = State;
    type Answer = Moments;

    fn key(&self) -> Option<String> {
        Some(format!("moments {}", self.column.index))
    }

    fn columns(&self) -> Vec<usize> {
        vec![self.column.index]
    }

    fn start(&self) -> State {
        State::default()
    }

    fn absorb(&self, state: &mut State, rows: &Rows) -> Result<(), AuditError> {
        match rows.column(&self.column) {
            Column::Floats(array) if array.null_count() == 0 => state.extend(array.values()),
            Column::Floats(array) => array.iter().flatten().for_each(|value| state.push(value)),
            Column::Integers(array) => {
                array.iter().flatten().for_each(|value| state.push(value as f64));
            }
            Column::Texts(_) | Column::Booleans(_) | Column::Other(_) => {
                unreachable!("moments are only asked of numbers")
            }
        }
        Ok(())
    }

    fn seal(&self, state: &mut State) -> Result<(), AuditError> {
        state.flush();
        Ok(())
    }

    fn merge(&self, state: &mut State, later: State) {
        state.done.merge(later.done);
    }

    fn answer(&self, state: State) -> Result<Moments, AuditError> {
        Ok(state.done)
    }
}
