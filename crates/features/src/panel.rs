//! Series of many entities over time: sorted, without duplicates, in columns.

mod intake;
mod table;

use std::ops::Range;
use std::sync::Arc;

use crate::kernel::Seen;
use crate::time::{Span, Timestamp};

pub use intake::{
    Duplicates, EARLIEST, GridRule, Infinities, Intake, IntakeReport, LATEST, Order, Refused,
};
pub use table::{Column, Table};

/// Rows of entities, in the order of their names and then of time.
///
/// A missing value is NaN. There is no separate mask of what is valid, because no operator tells an absent value from one that is no number.
#[derive(Clone, Debug, PartialEq)]
pub struct Panel {
    pub(crate) entities: Vec<Arc<str>>,
    /// Where the rows of each entity begin; one more at the end.
    pub(crate) starts: Vec<usize>,
    pub(crate) times: Vec<i64>,
    pub(crate) columns: Vec<Column>,
    pub(crate) step: Option<Span>,
}

impl Panel {
    /// The names of the entities.
    pub fn entities(&self) -> &[Arc<str>] {
        &self.entities
    }

    /// How many rows there are.
    pub fn rows(&self) -> usize {
        self.times.len()
    }

    /// The rows of an entity, by its place.
    pub fn rows_of(&self, entity: usize) -> Range<usize> {
        self.starts[entity]..self.starts[entity + 1]
    }

    /// When each row is, in microseconds since 1970.
    pub fn times(&self) -> &[i64] {
        &self.times
    }

    /// The columns.
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// A column by its name.
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// The step of the grid, where there is one.
    pub fn step(&self) -> Option<Span> {
        self.step
    }

    /// An entity's values of a column.
    pub fn seen(&self, entity: usize, column: usize) -> Seen<'_> {
        let rows = self.rows_of(entity);
        Seen { at: &self.times[rows.clone()], values: &self.columns[column].values[rows] }
    }

    /// The time of the first row and of the last one.
    pub fn extent(&self) -> Option<(Timestamp, Timestamp)> {
        let ends = (0..self.entities.len()).filter_map(|entity| {
            let times = &self.times[self.rows_of(entity)];
            Some((*times.first()?, *times.last()?))
        });
        let (first, last) = ends.reduce(|all, one| (all.0.min(one.0), all.1.max(one.1)))?;
        Some((Timestamp(first), Timestamp(last)))
    }

    /// The longest time from the first row of an entity to its last one.
    pub fn history(&self) -> Span {
        let of = |entity: usize| match &self.times[self.rows_of(entity)] {
            [first, .., last] => last - first,
            [_] | [] => 0,
        };
        Span((0..self.entities.len()).map(of).max().unwrap_or(0))
    }

    /// The rows in a range of time: what a prefix, a night or a fold is made of.
    #[must_use]
    pub fn between(&self, range: Range<Timestamp>) -> Self {
        self.keep(|_, row| range.contains(&Timestamp(self.times[row])))
    }

    /// The rows that `holds` wants, of those entities that have some.
    #[must_use]
    pub fn keep(&self, holds: impl Fn(usize, usize) -> bool) -> Self {
        let mut kept = Vec::new();
        let mut panel = Self {
            entities: Vec::new(),
            starts: vec![0],
            times: Vec::new(),
            columns: Vec::new(),
            step: self.step,
        };
        for (entity, name) in self.entities.iter().enumerate() {
            let before = kept.len();
            kept.extend(self.rows_of(entity).filter(|row| holds(entity, *row)));
            if kept.len() > before {
                panel.entities.push(Arc::clone(name));
                panel.starts.push(kept.len());
            }
        }
        panel.times = kept.iter().map(|row| self.times[*row]).collect();
        panel.columns = self.columns.iter().map(|column| column.take(&kept)).collect();
        panel
    }

    /// The same panel with other values of a column: what an audit perturbs.
    ///
    /// The column must be there.
    #[must_use]
    pub fn with_values(&self, column: &str, change: impl Fn(usize, f64) -> f64) -> Self {
        let mut panel = self.clone();
        for changed in panel.columns.iter_mut().filter(|found| found.name == column) {
            for (row, value) in changed.values.iter_mut().enumerate() {
                *value = change(row, *value);
            }
        }
        panel
    }

    /// The same rows as a table that can be changed and taken in again.
    pub fn to_table(&self) -> Table {
        let codes = (0_u32..).zip(self.starts.windows(2));
        Table {
            names: self.entities.clone(),
            entity: codes.flat_map(|(code, ends)| vec![code; ends[1] - ends[0]]).collect(),
            times: self.times.clone(),
            columns: self.columns.clone(),
        }
    }
}
