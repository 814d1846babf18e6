//! Rows sorted by key and time: repeats, and the steps of time.

use std::sync::Arc;

use datafusion::arrow::array::Array;

use super::keys::keys;
use crate::quality::column::{Column, ColumnInfo};
use crate::quality::error::AuditError;
use crate::quality::examples::Examples;
use crate::quality::measure::{Measure, Rows};
use crate::quality::sorter::{Record, Room, Sorted, Sorter};

/// Sorts rows by the key of some columns, and within it by an integer or a time. Rows that lack one of them are left out.
pub(crate) struct Sorting {
    pub(crate) by: Vec<ColumnInfo>,
    pub(crate) then: Option<ColumnInfo>,
    pub(crate) room: Arc<Room>,
}

impl Sorting {
    /// For rows that must differ in some columns together: an integer or a time among them needs no hash.
    pub(crate) fn over(mut columns: Vec<ColumnInfo>, room: &Arc<Room>) -> Self {
        use crate::quality::column::Class;
        let whole = |info: &ColumnInfo| matches!(info.class, Class::Integer | Class::Time { .. });
        let then = columns.iter().rposition(whole).map(|index| columns.remove(index));
        Self { by: columns, then, room: Arc::clone(room) }
    }
}

impl Measure for Sorting {
    type State = Sorter;
    type Answer = Sorted;

    fn key(&self) -> Option<String> {
        let by: Vec<usize> = self.by.iter().map(|info| info.index).collect();
        Some(format!("sorted {by:?} {:?}", self.then.as_ref().map(|info| info.index)))
    }

    fn columns(&self) -> Vec<usize> {
        self.by.iter().chain(&self.then).map(|info| info.index).collect()
    }

    fn start(&self) -> Sorter {
        Sorter::new(&self.room)
    }

    fn absorb(&self, state: &mut Sorter, rows: &Rows) -> Result<(), AuditError> {
        let keys = keys(rows, &self.by)?;
        let orders = self.then.as_ref().map(|info| whole_numbers(rows, info));
        let orders_present = orders.as_ref().and_then(|orders| orders.nulls());
        for (row, key) in keys.keys.iter().enumerate() {
            let there = keys.present.as_ref().is_none_or(|nulls| nulls.is_valid(row))
                && orders_present.is_none_or(|nulls| nulls.is_valid(row));
            if there {
                let order = orders.as_ref().map_or(0, |orders| orders.value(row));
                state.push(Record { key: *key, order, row: rows.number(row) })?;
            }
        }
        Ok(())
    }

    fn seal(&self, state: &mut Sorter) -> Result<(), AuditError> {
        state.seal()
    }

    fn merge(&self, state: &mut Sorter, later: Sorter) {
        state.merge(later);
    }

    fn answer(&self, state: Sorter) -> Result<Sorted, AuditError> {
        Ok(state.finish())
    }
}

pub(super) fn whole_numbers<'a>(
    rows: &'a Rows,
    info: &ColumnInfo,
) -> &'a datafusion::arrow::array::Int64Array {
    match rows.column(info) {
        Column::Integers(array) => array,
        Column::Floats(_) | Column::Texts(_) | Column::Booleans(_) | Column::Other(_) => {
            unreachable!("rows are only ordered by integers and times")
        }
    }
}

/// How often rows repeat an earlier one.
#[derive(Debug)]
pub(crate) struct Repeats {
    pub(crate) rows: u64,
    pub(crate) distinct: u64,
    pub(crate) examples: Examples,
}

impl Repeats {
    /// The rows that are not the first with their key and number.
    pub(crate) fn of(sorted: &Sorted, examples: usize) -> Result<Self, AuditError> {
        let mut found = Self { rows: 0, distinct: 0, examples: Examples::new(examples) };
        let mut previous: Option<Record> = None;
        sorted.each(|record| {
            found.rows += 1;
            let repeats =
                previous.is_some_and(|last| (last.key, last.order) == (record.key, record.order));
            if !repeats {
                found.distinct += 1;
            } else if found.examples.wants(record.row) {
                found.examples.add(record.row, None);
            }
            previous = Some(record);
        })?;
        Ok(found)
    }

    pub(crate) fn repeated(&self) -> u64 {
        self.rows - self.distinct
    }
}

/// A step from one time of a key to its next different one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Step {
    pub(crate) from: i64,
    pub(crate) to: i64,
    /// The row at its end.
    pub(crate) row: u64,
}

impl Step {
    pub(crate) fn ticks(self) -> u64 {
        self.to.abs_diff(self.from)
    }
}

/// Walks through the steps of time of each key. A time that repeats is no step.
pub(crate) fn steps(sorted: &Sorted, mut see: impl FnMut(Step)) -> Result<(), AuditError> {
    let mut previous: Option<Record> = None;
    sorted.each(|record| {
        match previous {
            Some(last) if last.key == record.key && last.order == record.order => return,
            Some(last) if last.key == record.key => {
                see(Step { from: last.order, to: record.order, row: record.row });
            }
            _ => {}
        }
        previous = Some(record);
    })
}
