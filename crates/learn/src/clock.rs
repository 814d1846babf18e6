//! When rows happened and when their labels were known. Splitters see this and no value.

use crate::dataset::Groups;
use crate::rows::RowSet;
use crate::time::{Span, Stretch, Timestamp};

/// The label clock of a data set.
#[derive(Clone, Debug)]
pub struct Clock<'a> {
    /// When each row happened.
    pub event: &'a [Timestamp],
    /// When each row and all of its labels were known; [`Timestamp::NEVER`] where a label is missing.
    pub known: Vec<Timestamp>,
    /// What must not be split, where a splitter goes by groups.
    pub groups: &'a Groups,
    /// How far ahead the farthest target lies.
    pub horizon: Span,
    /// How far back the longest feature looks.
    pub window: Span,
}

impl Clock<'_> {
    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.event.len()
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.event.is_empty()
    }

    /// Whether a row has all its labels.
    pub fn is_labelled(&self, row: usize) -> bool {
        self.known[row] < Timestamp::NEVER
    }

    /// The time that a label tells something about: after the row's event, up to and with the moment when the label was known.
    pub fn label_interval(&self, row: usize) -> Stretch {
        Stretch::new(self.event[row] + Span(1), self.known[row] + Span(1))
    }

    /// The rows that a model fitted at a time may learn from.
    pub fn known_by(&self, rows: &RowSet, at: Timestamp) -> RowSet {
        let mut known = RowSet::default();
        rows.iter().filter(|row| self.known[*row] <= at).for_each(|row| known.push(row));
        known
    }

    /// What an embargo must be at least: the farther of the horizon and the longest window.
    pub fn least_embargo(&self) -> Span {
        self.horizon.max(self.window)
    }
}
