//! How many rows there are.

use crate::quality::error::AuditError;
use crate::quality::measure::{Measure, Rows};

/// Counts rows; only needed with a filter, since all rows are counted anyway.
pub(crate) struct Count;

impl Measure for Count {
    type State = u64;
    type Answer = u64;

    fn key(&self) -> Option<String> {
        Some("count".to_owned())
    }

    fn columns(&self) -> Vec<usize> {
        Vec::new()
    }

    fn start(&self) -> u64 {
        0
    }

    fn absorb(&self, state: &mut u64, rows: &Rows) -> Result<(), AuditError> {
        *state += rows.len() as u64;
        Ok(())
    }

    fn merge(&self, state: &mut u64, later: u64) {
        *state += later;
    }

    fn answer(&self, state: u64) -> Result<u64, AuditError> {
        Ok(state)
    }
}
