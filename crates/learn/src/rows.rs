//! Sets of rows as ranges.

use std::ops::Range;

use serde::{Deserialize, Serialize};

/// Rows of a data set: ranges that are sorted, apart and not empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowSet(Vec<Range<usize>>);

impl RowSet {
    /// The rows from 0 up to and without `count`.
    pub fn all(count: usize) -> Self {
        Self::of_range(0..count)
    }

    /// The rows of one range.
    pub fn of_range(range: Range<usize>) -> Self {
        Self::default().with(range)
    }

    /// The rows for which something holds.
    pub fn of(count: usize, holds: impl Fn(usize) -> bool) -> Self {
        let mut rows = Self::default();
        (0..count).filter(|row| holds(*row)).for_each(|row| rows.push(row));
        rows
    }

    fn with(mut self, range: Range<usize>) -> Self {
        if !range.is_empty() {
            self.0.push(range);
        }
        self
    }

    /// Adds a row behind all others.
    ///
    /// # Panics
    /// Where it is not behind the last one.
    pub fn push(&mut self, row: usize) {
        match self.0.last_mut() {
            Some(last) if last.end == row => last.end += 1,
            last => {
                assert!(last.is_none_or(|last| last.end < row), "rows are added in their order");
                self.0.push(row..row + 1);
            }
        }
    }

    /// The ranges.
    pub fn ranges(&self) -> &[Range<usize>] {
        &self.0
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.0.iter().map(Range::len).sum()
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The rows in their order.
    pub fn iter(&self) -> impl Iterator<Item = usize> + '_ {
        self.0.iter().cloned().flatten()
    }

    /// Whether a row is in it.
    pub fn contains(&self, row: usize) -> bool {
        let next = self.0.partition_point(|range| range.end <= row);
        self.0.get(next).is_some_and(|range| range.contains(&row))
    }

    /// The rows that are in both.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        let (mut left, mut right) = (self.0.iter().peekable(), other.0.iter().peekable());
        let mut both = Self::default();
        while let (Some(a), Some(b)) = (left.peek(), right.peek()) {
            both = both.with(a.start.max(b.start)..a.end.min(b.end));
            if a.end < b.end {
                left.next()
            } else {
                right.next()
            };
        }
        both
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn sets_of_ranges_are_sets_of_rows(a in prop::collection::vec(any::<bool>(), 0..60), b in prop::collection::vec(any::<bool>(), 60)) {
            let count = a.len();
            let (left, right) = (RowSet::of(count, |row| a[row]), RowSet::of(count, |row| b[row]));
            let both: Vec<usize> = (0..count).filter(|row| a[*row] && b[*row]).collect();

            prop_assert_eq!(left.intersection(&right).iter().collect::<Vec<_>>(), both);
            prop_assert_eq!(left.len(), a.iter().filter(|is_in| **is_in).count());
            prop_assert!((0..count).all(|row| left.contains(row) == a[row]));
            prop_assert!(left.ranges().windows(2).all(|pair| pair[0].end < pair[1].start));
        }
    }
}
