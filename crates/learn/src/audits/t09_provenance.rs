//! What was fitted says on which rows, and refuses to judge itself on them.

use std::collections::{BTreeMap, BTreeSet};

use super::{Audit, AuditError, Bench, Tried};
use crate::certificate::{Finding, failed};
use crate::dataset::{OtherDataset, Purpose};
use crate::digest::{Digest, Hasher};
use crate::panel::{Cells, Panel};
use crate::time::Timestamp;

pub(crate) struct Provenance;

impl Audit for Provenance {
    const ID: &'static str = "T9";
    const ABOUT: &'static str = "models carry the rows of their fit and refuse to be judged by them; no row of a test is one of training again";

    fn run(bench: &Bench<'_>) -> Result<Tried, AuditError> {
        let mut tried = Tried::default();
        let dataset = &bench.labelled.dataset;
        let other = |error: OtherDataset| failed("take the rows of a fold")(Box::new(error));
        for fold in &bench.folds.folds {
            let rows = fold.training(dataset).map_err(other)?;
            let model = bench.modelling.fit(&rows).map_err(failed("fit a model"))?;
            let name = &fold.name;
            let expected = rows.fit_range(model.range.code);
            tried.hold(model.range == expected, || {
                format!("the model of fold {name} says it was fitted on {} rows with root {}, not on {} with {}", model.range.rows, model.range.root, expected.rows, expected.root)
            });
            let mut own = fold.clone();
            own.test = own.train.clone();
            let tests = fold.testing(dataset).map_err(other)?;
            let own = own.testing(dataset).map_err(other)?;
            let judged = model.score(&tests, Purpose::Evaluation);
            tried.hold(judged.is_ok(), || {
                format!("the model of fold {name} refuses the rows of its test")
            });
            let refused = model.score(&own, Purpose::Evaluation);
            tried.hold(refused.is_err(), || {
                format!("the model of fold {name} lets itself be judged by the rows of its fit")
            });
        }
        let (compared, found) = twins(bench.panel, bench.split());
        tried.compared += compared;
        tried.findings.extend(found);
        Ok(tried)
    }
}

/// So many rows one after the other make a print that is not met by chance.
const PRINT: usize = 4;

/// Runs of rows after the split that were there before it, bit for bit. What repeats by itself, and what stands still, does not count.
pub(super) fn twins(panel: &Panel, split: Timestamp) -> (usize, Option<Finding>) {
    let mut before: BTreeMap<Digest, usize> = BTreeMap::new();
    let mut after: Vec<(Digest, &str, Timestamp)> = Vec::new();
    for series in &panel.series {
        for start in 0..(series.event.len() + 1).saturating_sub(PRINT) {
            let rows = start..start + PRINT;
            let Some(print) = print(&series.cells, &rows, panel.target) else {
                continue;
            };
            if series.event[rows.end - 1] < split {
                *before.entry(print).or_insert(0) += 1;
            } else if series.event[start] >= split {
                after.push((print, &series.entity, series.event[start]));
            }
        }
    }
    let again: Vec<&(Digest, &str, Timestamp)> =
        after.iter().filter(|(print, ..)| before.get(print) == Some(&1)).collect();
    // Rare prints may meet by chance where values are rounded; copies come in longer runs.
    let found = again.first().filter(|_| again.len() >= PRINT).map(|(_, entity, at)| Finding {
        entity: Some((*entity).to_owned()),
        at: Some(*at),
        ..Finding::of_all(format!(
            "{} runs of {PRINT} rows after {split} were there before it, bit for bit",
            again.len()
        ))
    });
    (after.len(), found)
}

fn print(cells: &[Cells], rows: &std::ops::Range<usize>, target: usize) -> Option<Digest> {
    let Cells::Numbers(values) = cells.get(target)? else {
        return None;
    };
    let distinct: BTreeSet<u64> = values[rows.clone()]
        .iter()
        .filter(|value| value.is_finite())
        .map(|value| value.to_bits())
        .collect();
    if distinct.len() < PRINT {
        return None;
    }
    let mut hasher = Hasher::default();
    for cells in cells {
        if let Cells::Numbers(values) = cells {
            hasher.bits(&values[rows.clone()]);
        }
    }
    Some(hasher.finish())
}
