//! Predicates in SQL over rows.

use std::sync::Arc;

use datafusion::arrow::array::Array;

use super::test::Tested;
use crate::quality::error::AuditError;
use crate::quality::measure::{Measure, Rows};
use crate::quality::predicate::Predicate;

/// Rows for which a predicate is false. Where it is null the row is not judged, as in a SQL `CHECK`.
pub(crate) struct Holds {
    pub(crate) predicate: Arc<Predicate>,
    pub(crate) examples: usize,
}

impl Measure for Holds {
    type State = Tested;
    type Answer = Tested;

    fn key(&self) -> Option<String> {
        None
    }

    fn columns(&self) -> Vec<usize> {
        self.predicate.columns.clone()
    }

    fn start(&self) -> Tested {
        Tested::new(self.examples)
    }

    fn absorb(&self, state: &mut Tested, rows: &Rows) -> Result<(), AuditError> {
        let verdicts = self.predicate.evaluate(&rows.batch)?;
        state.absorb(rows, verdicts.values(), verdicts.nulls());
        Ok(())
    }

    fn merge(&self, state: &mut Tested, later: Tested) {
        state.merge(later);
    }

    fn answer(&self, state: Tested) -> Result<Tested, AuditError> {
        Ok(state)
    }
}
