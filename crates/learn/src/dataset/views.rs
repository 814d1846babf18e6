//! What models see of a data set: training rows with their labels, and test rows without.

use std::borrow::Cow;

use super::{Dataset, Values};
use crate::folds::{Fold, Folds};
use crate::mistake::Mistakes;
use crate::rows::RowSet;
use crate::splits::Splitting;
use crate::time::Timestamp;

/// A fold of another data set.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "take the rows of fold `{fold}`: it was made for {made_for} rows, but the data set has {rows}"
)]
pub struct OtherDataset {
    /// The fold.
    pub fold: String,
    /// The rows of the data set that it was made for.
    pub made_for: usize,
    /// The rows of this data set.
    pub rows: usize,
}

/// The training rows of a fold. What chooses, fits or scales takes this type; only a [`Fold`] makes one, so rows of the test cannot
/// come into it.
#[derive(Clone, Debug)]
pub struct TrainingRows<'a> {
    pub(super) dataset: &'a Dataset,
    pub(super) fold: &'a Fold,
    pub(super) rows: Cow<'a, RowSet>,
}

/// The test rows of a fold: features for predicting, and the answers to judge by.
#[derive(Clone, Copy, Debug)]
pub struct TestRows<'a> {
    pub(super) dataset: &'a Dataset,
    pub(super) fold: &'a Fold,
}

impl Fold {
    /// Its training rows.
    ///
    /// # Errors
    /// Where it was made for another data set.
    pub fn training<'a>(&'a self, dataset: &'a Dataset) -> Result<TrainingRows<'a>, OtherDataset> {
        self.of(dataset)?;
        Ok(TrainingRows { dataset, fold: self, rows: Cow::Borrowed(&self.train) })
    }

    /// Its test rows.
    ///
    /// # Errors
    /// Where it was made for another data set.
    pub fn testing<'a>(&'a self, dataset: &'a Dataset) -> Result<TestRows<'a>, OtherDataset> {
        self.of(dataset)?;
        Ok(TestRows { dataset, fold: self })
    }

    fn of(&self, dataset: &Dataset) -> Result<(), OtherDataset> {
        let (made_for, rows) = (self.rows_in_all, dataset.len());
        if made_for == rows {
            return Ok(());
        }
        Err(OtherDataset { fold: self.name.clone(), made_for, rows })
    }
}

impl<'a> TrainingRows<'a> {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The rows.
    pub fn rows(&self) -> &RowSet {
        &self.rows
    }

    /// The fold.
    pub fn fold(&self) -> &'a Fold {
        self.fold
    }

    /// The names of the features.
    pub fn feature_names(&self) -> impl ExactSizeIterator<Item = &'a str> + use<'a> {
        self.dataset.features.iter().map(|feature| feature.name.as_str())
    }

    /// How many targets there are.
    pub fn targets(&self) -> usize {
        self.dataset.targets.len()
    }

    /// Whether a feature is a category.
    pub fn is_category(&self, column: usize) -> bool {
        matches!(self.dataset.features[column].values, Values::Codes { .. })
    }

    /// Folds of these rows alone, for choosing among models without the test.
    ///
    /// # Errors
    /// Where they cannot be split so.
    pub fn split(&self, splitting: &Splitting) -> Result<Folds, Mistakes> {
        splitting.split_rows(&self.dataset.clock(), &self.rows)
    }

    /// The values of a feature as numbers, row by row.
    pub fn feature(&self, column: usize) -> Vec<f64> {
        gather(&self.dataset.features[column].values, &self.rows)
    }

    /// The labels of a target, row by row.
    pub fn target(&self, target: usize) -> Vec<f64> {
        self.rows.iter().map(|row| self.dataset.targets[target].values[row]).collect()
    }

    /// The weights, row by row: 1 where the data set has none.
    pub fn weights(&self) -> Vec<f64> {
        let weights = self.dataset.weights.as_ref();
        self.rows.iter().map(|row| weights.map_or(1.0, |weights| weights[row])).collect()
    }

    /// The event times, row by row.
    pub fn event(&self) -> Vec<Timestamp> {
        self.rows.iter().map(|row| self.dataset.event[row]).collect()
    }

    /// How many of the rows each entity has, in the order of the rows.
    pub fn entity_lengths(&self) -> Vec<usize> {
        let own = |rows| RowSet::of_range(rows).intersection(&self.rows).len();
        let lengths = self.dataset.entities.iter().map(|entity| own(entity.rows.clone()));
        lengths.filter(|length| *length > 0).collect()
    }

    /// Only those of them that an inner fold trains with: a fold that was made of these rows.
    #[must_use]
    pub fn within(&self, inner: &'a Fold) -> Self {
        let rows = Cow::Owned(self.rows.intersection(&inner.train));
        Self { dataset: self.dataset, fold: inner, rows }
    }

    /// Those of them that an inner fold tests with, as if they were training rows: their labels are free to see here.
    #[must_use]
    pub fn held_out(&self, inner: &'a Fold) -> Self {
        let rows = Cow::Owned(self.rows.intersection(&inner.test));
        Self { dataset: self.dataset, fold: inner, rows }
    }
}

impl<'a> TestRows<'a> {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.fold.test.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.fold.test.is_empty()
    }

    /// The rows.
    pub fn rows(&self) -> &'a RowSet {
        &self.fold.test
    }

    /// The values of a feature as numbers, row by row.
    pub fn feature(&self, column: usize) -> Vec<f64> {
        gather(&self.dataset.features[column].values, &self.fold.test)
    }

    /// How many features there are.
    pub fn features(&self) -> usize {
        self.dataset.features.len()
    }

    /// What came true, row by row: only to judge predictions by.
    pub fn answers(&self, target: usize) -> Vec<f64> {
        self.fold.test.iter().map(|row| self.dataset.targets[target].values[row]).collect()
    }
}

fn gather(values: &Values, rows: &RowSet) -> Vec<f64> {
    match values {
        Values::Numbers(values) => {
            rows.ranges().iter().flat_map(|range| &values[range.clone()]).copied().collect()
        }
        Values::Codes { .. } => rows.iter().map(|row| values.number(row)).collect(),
    }
}
