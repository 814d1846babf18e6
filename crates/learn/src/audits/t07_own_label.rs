//! The label of a row shows in no feature before it was known.

use super::{Audit, AuditError, Bench, Tried};
use crate::certificate::{Comparison, of_entity, once_each};
use crate::panel::Cells;
use crate::time::{Stretch, Timestamp};

pub(crate) struct OwnLabel;

impl Audit for OwnLabel {
    const ID: &'static str = "T7";
    const ABOUT: &'static str = "another label of a row leaves the row's own encoding as it is, and all others until it is known";

    fn run(bench: &Bench<'_>) -> Result<Tried, AuditError> {
        let Some(window) = bench.window() else {
            return Ok(Tried::nothing("there is no cut"));
        };
        let panel = &window.panel;
        let base = bench.transform(panel, window.request)?;
        let mut flipped = panel.clone();
        let mut known = Vec::new();
        for (series, cut) in flipped.series.iter_mut().zip(&window.cuts) {
            // The label of the row at the cut; what is fitted was fitted before.
            let row = series.event.partition_point(|at| {
                *at < *cut + bench.subject.horizon().max(crate::time::Span(1))
            });
            let column = &panel.columns[panel.target];
            known.push(series.event.get(row).map(|at| column.known(*at).max(*cut)));
            if let (Cells::Numbers(values), true) =
                (&mut series.cells[panel.target], row < series.event.len())
            {
                values[row] = if values[row].is_finite() { -values[row] * 1e3 - 1.0 } else { 1.0 };
            }
        }
        let other = bench.transform(&flipped, window.request)?;
        let first = known.iter().flatten().min().copied().unwrap_or_default();
        let mut found = Comparison::default();
        for (series, known) in panel.series.iter().zip(&known) {
            let (Some(own), Some(known)) = (of_entity(&base, &series.entity), known) else {
                continue;
            };
            let other = of_entity(&other, &series.entity);
            let before = Stretch::new(Timestamp::MIN, *known);
            found.series((own, other), before, |column| {
                base.columns[column].is_pooled && *known > first
            });
        }
        let findings =
            once_each(found.findings(&base.columns, "changed with a label that was not known"));
        Ok(Tried { compared: found.compared, findings, notes: Vec::new() })
    }
}
