//! Whether times keep their direction in the order of the table, for each entity.

use std::collections::HashMap;

use datafusion::arrow::array::Array;

use super::keys::keys;
use super::sorted::whole_numbers;
use super::test::Tested;
use crate::quality::column::ColumnInfo;
use crate::quality::error::AuditError;
use crate::quality::measure::{Measure, Rows};

/// Compares each row's time with that of the row before it of the same entity.
pub(crate) struct Order {
    pub(crate) entity: Vec<ColumnInfo>,
    pub(crate) time: ColumnInfo,
    pub(crate) falling: bool,
    pub(crate) strict: bool,
    pub(crate) examples: usize,
}

/// The first and the last time of an entity within a stretch.
#[derive(Clone, Copy)]
struct Ends {
    first: i64,
    first_row: u64,
    last: i64,
}

pub(crate) struct State {
    tested: Tested,
    entities: HashMap<u128, Ends>,
}

impl Order {
    fn holds(&self, before: i64, after: i64) -> bool {
        let (low, high) = if self.falling { (after, before) } else { (before, after) };
        if self.strict { low < high } else { low <= high }
    }

    fn judge(&self, tested: &mut Tested, before: i64, after: i64, row: u64) {
        tested.rows += 1;
        if self.holds(before, after) {
            return;
        }
        tested.failed += 1;
        if tested.examples.wants(row) {
            let shown =
                [after, before].map(|time| self.time.show_integer(time)).join(" comes after ");
            tested.examples.add(row, Some(shown));
        }
    }
}

impl Measure for Order {
    type State = State;
    type Answer = Tested;

    fn key(&self) -> Option<String> {
        None
    }

    fn columns(&self) -> Vec<usize> {
        self.entity.iter().chain([&self.time]).map(|info| info.index).collect()
    }

    fn start(&self) -> State {
        State { tested: Tested::new(self.examples), entities: HashMap::new() }
    }

    fn absorb(&self, state: &mut State, rows: &Rows) -> Result<(), AuditError> {
        let keys = keys(rows, &self.entity)?;
        let times = whole_numbers(rows, &self.time);
        for (row, key) in keys.keys.iter().enumerate() {
            if times.is_null(row) || keys.present.as_ref().is_some_and(|nulls| nulls.is_null(row)) {
                continue;
            }
            let (time, number) = (times.value(row), rows.number(row));
            if let Some(ends) = state.entities.get_mut(key) {
                self.judge(&mut state.tested, ends.last, time, number);
                ends.last = time;
            } else {
                let ends = Ends { first: time, first_row: number, last: time };
                state.entities.insert(*key, ends);
            }
        }
        Ok(())
    }

    fn merge(&self, state: &mut State, later: State) {
        state.tested.merge(later.tested);
        for (key, next) in later.entities {
            match state.entities.get_mut(&key) {
                Some(ends) => {
                    self.judge(&mut state.tested, ends.last, next.first, next.first_row);
                    ends.last = next.last;
                }
                None => {
                    state.entities.insert(key, next);
                }
            }
        }
    }

    fn answer(&self, state: State) -> Result<Tested, AuditError> {
        Ok(state.tested)
    }
}
