//! The first rows that fail.

use std::collections::BTreeMap;

/// A row that fails, with the value that makes it fail.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Spot {
    pub(crate) row: u64,
    pub(crate) value: Option<String>,
}

/// The first failing rows of a table, at most so many.
#[derive(Clone, Debug)]
pub(crate) struct Examples {
    most: usize,
    spots: BTreeMap<u64, Option<String>>,
}

impl Examples {
    pub(crate) fn new(most: usize) -> Self {
        Self { most, spots: BTreeMap::new() }
    }

    /// Tells whether a row would be kept, so that its value is made only then.
    pub(crate) fn wants(&self, row: u64) -> bool {
        let last = self.spots.last_key_value().map(|(row, _)| *row);
        self.spots.len() < self.most || last.is_some_and(|last| row < last)
    }

    pub(crate) fn add(&mut self, row: u64, value: Option<String>) {
        self.spots.insert(row, value);
        if self.spots.len() > self.most {
            self.spots.pop_last();
        }
    }

    pub(crate) fn merge(&mut self, other: Self) {
        for (row, value) in other.spots {
            self.add(row, value);
        }
    }

    pub(crate) fn list(&self) -> Vec<Spot> {
        self.spots.iter().map(|(row, value)| Spot { row: *row, value: value.clone() }).collect()
    }
}
