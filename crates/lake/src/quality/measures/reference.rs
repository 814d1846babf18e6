//! Values that another table must have.

use std::collections::HashSet;
use std::sync::{Arc, OnceLock};

use datafusion::arrow::buffer::NullBuffer;

use super::keys::keys;
use super::test::Tested;
use crate::quality::column::ColumnInfo;
use crate::quality::error::AuditError;
use crate::quality::measure::{Measure, Rows, holding};

/// The keys of the other table; there before the scan of the first begins.
pub(crate) type KnownKeys = Arc<OnceLock<HashSet<u128>>>;

/// Collects the different keys of some columns.
pub(crate) struct KeySet {
    pub(crate) columns: Vec<ColumnInfo>,
}

impl Measure for KeySet {
    type State = HashSet<u128>;
    type Answer = HashSet<u128>;

    fn key(&self) -> Option<String> {
        None
    }

    fn columns(&self) -> Vec<usize> {
        self.columns.iter().map(|info| info.index).collect()
    }

    fn start(&self) -> HashSet<u128> {
        HashSet::new()
    }

    fn absorb(&self, state: &mut HashSet<u128>, rows: &Rows) -> Result<(), AuditError> {
        let keys = keys(rows, &self.columns)?;
        let present = keys.present.as_ref();
        let there = keys.keys.iter().enumerate();
        state.extend(
            there
                .filter(|(row, _)| present.is_none_or(|present| present.is_valid(*row)))
                .map(|(_, key)| *key),
        );
        Ok(())
    }

    fn merge(&self, state: &mut HashSet<u128>, later: HashSet<u128>) {
        state.extend(later);
    }

    fn answer(&self, state: HashSet<u128>) -> Result<HashSet<u128>, AuditError> {
        Ok(state)
    }
}

/// Tests that the keys of rows are known. Rows that lack a part are not asked.
pub(crate) struct Known {
    pub(crate) columns: Vec<ColumnInfo>,
    pub(crate) keys: KnownKeys,
    pub(crate) examples: usize,
}

impl Measure for Known {
    type State = Tested;
    type Answer = Tested;

    fn key(&self) -> Option<String> {
        None
    }

    fn columns(&self) -> Vec<usize> {
        self.columns.iter().map(|info| info.index).collect()
    }

    fn start(&self) -> Tested {
        Tested::new(self.examples)
    }

    fn absorb(&self, state: &mut Tested, rows: &Rows) -> Result<(), AuditError> {
        let known = self.keys.get().expect("the other table is read before this one");
        let keys = keys(rows, &self.columns)?;
        let holds = holding(rows.len(), |row| known.contains(&keys.keys[row]));
        let asked = keys.present.filter(|present: &NullBuffer| present.null_count() > 0);
        state.absorb(rows, &holds, asked.as_ref());
        Ok(())
    }

    fn merge(&self, state: &mut Tested, later: Tested) {
        state.merge(later);
    }

    fn answer(&self, state: Tested) -> Result<Tested, AuditError> {
        Ok(state)
    }
}
