//! What is learned in a fold does not hang on the rows that it does not learn from.

use super::{Audit, AuditError, Bench, Tried};
use crate::certificate::{Modelling, failed};
use crate::dataset::{Dataset, Parts};
use crate::folds::Fold;
use crate::rows::RowSet;

pub(crate) struct Folds;

impl Audit for Folds {
    const ID: &'static str = "T5";
    const ABOUT: &'static str = "other rows of validation and test leave parameters, the winning trial and the model as they are";

    fn run(bench: &Bench<'_>) -> Result<Tried, AuditError> {
        let mut tried = Tried::default();
        let outer = &bench.folds.folds;
        // The first and the last fold, and the inner ones of the last: the others are made in the same way.
        let last = outer.last();
        let first = outer.first().filter(|_| outer.len() > 1);
        let inner = last.iter().flat_map(|fold| &fold.inner);
        for fold in first.into_iter().chain(last).chain(inner) {
            unchanged(bench.modelling, &bench.labelled.dataset, fold, &mut tried)?;
        }
        Ok(tried)
    }
}

fn unchanged(
    modelling: &dyn Modelling,
    dataset: &Dataset,
    fold: &Fold,
    tried: &mut Tried,
) -> Result<(), AuditError> {
    let fit = |dataset: &Dataset| {
        let rows = fold
            .training(dataset)
            .map_err(|error| failed("take training rows")(Box::new(error)))?;
        modelling.fit(&rows).map_err(failed("fit a model"))
    };
    let (one, other) = (fit(dataset)?, fit(&scrambled(dataset, &fold.train))?);
    let name = &fold.name;
    tried.hold(one.trial == other.trial, || {
        format!("in fold {name}, trial `{}` won instead of `{}` when rows changed that it does not learn from", other.trial, one.trial)
    });
    tried.hold(one.fitted.bytes() == other.fitted.bytes(), || {
        format!("in fold {name}, the model changed with rows that it does not learn from")
    });
    tried.hold(one.range == other.range, || {
        format!("in fold {name}, the model says that it was fitted on other rows")
    });
    Ok(())
}

/// The same data set with other features and labels in all rows that are not learned from.
fn scrambled(dataset: &Dataset, train: &RowSet) -> Dataset {
    let change = |values: &mut Vec<f64>| {
        for (row, value) in values.iter_mut().enumerate().filter(|(row, _)| !train.contains(*row)) {
            *value =
                if value.is_finite() { -3.0 * *value + 1000.0 + (row % 7) as f64 } else { *value };
        }
    };
    let mut parts: Parts = dataset.parts();
    for feature in &mut parts.features {
        if let crate::dataset::Values::Numbers(values) = &mut feature.values {
            change(values);
        }
    }
    parts.targets.iter_mut().for_each(|target| change(&mut target.values));
    Dataset::build(parts).expect("finite numbers in the place of finite numbers are a data set")
}
