//! The smallest contract of something that learns, and a learner of our own: ridge regression.

mod eigen;
mod gram;
mod ridge;

pub use gram::Gram;
pub use ridge::{Path, Ridge};

use crate::dataset::TrainingRows;
use crate::seed::Seed;
use crate::time::Timestamp;

/// What a learner is fitted on, copied out of training rows column by column.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sample {
    /// The inputs, each a column; NaN is missing.
    pub columns: Vec<Vec<f64>>,
    /// The labels.
    pub target: Vec<f64>,
    /// How much each row counts.
    pub weights: Vec<f64>,
    /// When each row happened.
    pub event: Vec<Timestamp>,
}

impl Sample {
    /// Some features and a target of training rows.
    pub fn of(rows: &TrainingRows<'_>, features: &[usize], target: usize) -> Self {
        Self {
            columns: features.iter().map(|feature| rows.feature(*feature)).collect(),
            target: rows.target(target),
            weights: rows.weights(),
            event: rows.event(),
        }
    }
}

/// Something that learns to predict a number.
pub trait Learner: Send + Sync {
    /// Its name in reports.
    fn name(&self) -> &'static str;

    /// Learns. The same sample and seed give the same model, on any number of threads.
    ///
    /// # Errors
    /// Where nothing can be learned.
    fn fit(&self, sample: &Sample, seed: Seed) -> Result<Box<dyn Fitted>, FitError>;
}

/// What was learned.
pub trait Fitted: Send + Sync {
    /// A prediction for each row of the columns, which are those that it was fitted on; `rows` says how many there are.
    fn predict(&self, columns: &[Vec<f64>], rows: usize) -> Vec<f64>;

    /// How much each column matters: 0 or more, comparable with each other.
    fn importance(&self) -> Vec<f64>;

    /// All that it is, as bytes.
    fn bytes(&self) -> Vec<u8>;
}

/// Why nothing was learned.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FitError {
    /// Too few rows.
    #[error("fit `{learner}`: {rows} rows with a weight are too few")]
    TooFewRows {
        /// The learner.
        learner: &'static str,
        /// The rows that count.
        rows: usize,
    },
    /// Columns of different length.
    #[error("fit `{learner}`: a column has {found} values for {rows} rows")]
    Lengths {
        /// The learner.
        learner: &'static str,
        /// The labels.
        rows: usize,
        /// The column.
        found: usize,
    },
    /// A label is missing.
    #[error("fit `{learner}`: row {row} has no finite label")]
    Label {
        /// The learner.
        learner: &'static str,
        /// The first such row.
        row: usize,
    },
}

impl Sample {
    /// Refuses what nobody can learn from.
    ///
    /// # Errors
    /// What is wrong.
    pub fn check(&self, learner: &'static str) -> Result<(), FitError> {
        let rows = self.target.len();
        let lengths = self.columns.iter().map(Vec::len);
        for found in lengths.chain([self.weights.len(), self.event.len()]) {
            if found != rows {
                return Err(FitError::Lengths { learner, rows, found });
            }
        }
        if let Some(row) = self.target.iter().position(|label| !label.is_finite()) {
            return Err(FitError::Label { learner, row });
        }
        let counted = self.weights.iter().filter(|weight| **weight > 0.0).count();
        if counted < 2 {
            return Err(FitError::TooFewRows { learner, rows: counted });
        }
        Ok(())
    }
}
