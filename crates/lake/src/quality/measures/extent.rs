//! The smallest and the largest value of a column.

use datafusion::arrow::array::Array;

use crate::quality::column::{Column, ColumnInfo};
use crate::quality::error::AuditError;
use crate::quality::measure::{Measure, Rows};

/// Smallest and largest, in the form of the column.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Extent {
    Integers(i64, i64),
    Floats(f64, f64),
}

impl Extent {
    fn with(self, other: Self) -> Self {
        match (self, other) {
            (Self::Integers(low, high), Self::Integers(other_low, other_high)) => {
                Self::Integers(low.min(other_low), high.max(other_high))
            }
            (Self::Floats(low, high), Self::Floats(other_low, other_high)) => {
                Self::Floats(low.min(other_low), high.max(other_high))
            }
            (Self::Integers(..), Self::Floats(..)) | (Self::Floats(..), Self::Integers(..)) => {
                unreachable!("a column keeps its form")
            }
        }
    }

    /// Both ends as floats, for comparing numbers.
    pub(crate) fn floats(self) -> (f64, f64) {
        match self {
            Self::Integers(low, high) => (low as f64, high as f64),
            Self::Floats(low, high) => (low, high),
        }
    }

    /// Both ends for people.
    pub(crate) fn show(self, info: &ColumnInfo) -> (String, String) {
        match self {
            Self::Integers(low, high) => (info.show_integer(low), info.show_integer(high)),
            Self::Floats(low, high) => {
                (crate::quality::words::number(low), crate::quality::words::number(high))
            }
        }
    }
}

/// Measures the extent of a column of numbers or times.
pub(crate) struct Ends {
    pub(crate) column: ColumnInfo,
}

impl Measure for Ends {
    type State = Option<Extent>;
    type Answer = Option<Extent>;

    fn key(&self) -> Option<String> {
        Some(format!("extent {}", self.column.index))
    }

    fn columns(&self) -> Vec<usize> {
        vec![self.column.index]
    }

    fn start(&self) -> Option<Extent> {
        None
    }

    fn absorb(&self, state: &mut Option<Extent>, rows: &Rows) -> Result<(), AuditError> {
        use datafusion::arrow::compute::{max, min};
        let found = match rows.column(&self.column) {
            Column::Integers(array) => {
                min(array).zip(max(array)).map(|(low, high)| Extent::Integers(low, high))
            }
            Column::Floats(array) if array.null_count() == array.len() => None,
            Column::Floats(array) => {
                min(array).zip(max(array)).map(|(low, high)| Extent::Floats(low + 0.0, high + 0.0))
            }
            Column::Texts(_) | Column::Booleans(_) | Column::Other(_) => {
                unreachable!("the extent is only asked of numbers and times")
            }
        };
        if let Some(found) = found {
            self.merge(state, Some(found));
        }
        Ok(())
    }

    fn merge(&self, state: &mut Option<Extent>, later: Option<Extent>) {
        *state = match (*state, later) {
            (Some(one), Some(other)) => Some(one.with(other)),
            (one, other) => one.or(other),
        };
    }

    fn answer(&self, state: Option<Extent>) -> Result<Option<Extent>, AuditError> {
        Ok(state)
    }
}
