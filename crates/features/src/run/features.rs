//! What a pass computes.

use std::ops::Range;

use crate::panel::Panel;

/// The features of the rows of a panel, in its order.
#[derive(Clone, Debug, Default)]
pub struct Features {
    /// Their names.
    pub names: Vec<String>,
    /// The values of each, NaN where missing.
    pub columns: Vec<Vec<f64>>,
    /// For each entity the rows that have less history than the pipeline wants.
    pub cold: Vec<Range<usize>>,
}

impl Features {
    /// A feature by its name.
    pub fn column(&self, name: &str) -> Option<&[f64]> {
        self.names.iter().position(|known| known == name).map(|place| &self.columns[place][..])
    }

    /// How many rows are cold.
    pub fn cold_rows(&self) -> usize {
        self.cold.iter().map(ExactSizeIterator::len).sum()
    }

    /// How many entities have no row that is warm.
    pub fn cold_entities(&self, panel: &Panel) -> usize {
        let rows = (0..panel.entities().len()).map(|entity| panel.rows_of(entity));
        rows.zip(&self.cold).filter(|(rows, cold)| rows == *cold).count()
    }

    /// The first bit that two passes do not share: feature, row, and both values. What an audit compares with.
    pub fn first_difference(&self, other: &Self) -> Option<(String, usize, f64, f64)> {
        for ((name, left), right) in self.names.iter().zip(&self.columns).zip(&other.columns) {
            let pairs = left.iter().zip(right).enumerate();
            for (row, (left, right)) in pairs {
                if left.to_bits() != right.to_bits() {
                    return Some((name.clone(), row, *left, *right));
                }
            }
            if left.len() != right.len() {
                let row = left.len().min(right.len());
                return Some((name.clone(), row, f64::NAN, f64::NAN));
            }
        }
        (self.names != other.names).then(|| ("names".to_owned(), 0, f64::NAN, f64::NAN))
    }
}
