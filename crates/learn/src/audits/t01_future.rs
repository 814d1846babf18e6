//! Nothing that comes later changes a feature.

use super::{Audit, AuditError, Bench, Tried};
use crate::certificate::once_each;

pub(crate) struct Future;

impl Audit for Future {
    const ID: &'static str = "T1";
    const ABOUT: &'static str =
        "another future leaves features, rows and what was fitted as they are, up to the cut";

    fn run(bench: &Bench<'_>) -> Result<Tried, AuditError> {
        let ahead = &bench.future.ahead;
        let mut notes = vec![format!(
            "{} pasts were compared, over all entities, cuts and adversaries",
            bench.future.cases
        )];
        if !bench.subject.takes_infinities() {
            notes.push("infinite values were not tried: the subject refuses them".to_owned());
        }
        let why = "changed with the future";
        let findings = once_each(ahead.findings(&bench.base.columns, why));
        Ok(Tried { compared: ahead.compared, findings, notes })
    }
}
