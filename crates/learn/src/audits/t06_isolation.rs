//! Entities do not read each other.

use super::{Audit, AuditError, Bench, Tried};
use crate::certificate::once_each;

pub(crate) struct Isolation;

impl Audit for Isolation {
    const ID: &'static str = "T6";
    const ABOUT: &'static str = "another entity leaves an entity's features as they are, unless they are declared pooled; then its past alone counts";

    fn run(bench: &Bench<'_>) -> Result<Tried, AuditError> {
        if bench.panel.series.len() < 2 {
            return Ok(Tried::nothing("there is only one entity"));
        }
        let found = &bench.future.isolation;
        let findings =
            once_each(found.findings(&bench.base.columns, "changed with another entity"));
        Ok(Tried { compared: found.compared, findings, notes: Vec::new() })
    }
}
