//! The statistical backstop: what is too good to be true, and what is no better than chance.

use rayon::prelude::*;

use super::{Audit, AuditError, Bench, Tried};
use crate::certificate::{Finding, failed};
use crate::dataset::{OtherDataset, Purpose};
use crate::folds::Fold;
use crate::model::{Learner, Ridge, Sample};
use crate::rows::RowSet;
use crate::scores::{Judged, find};
use crate::seed::Seed;
use crate::selection::turn;

pub(crate) struct Backstop;

/// A model, or one column, whose root mean squared error is below this share of that of ridge on past values of the target.
const TOO_GOOD: f64 = 0.5;

/// How often labels are put at the wrong time.
const TURNS: usize = 19;

impl Audit for Backstop {
    const ID: &'static str = "T10";
    const ABOUT: &'static str = "skill against persistence, a null of labels at the wrong time, and nothing that is too good beside ridge on past values";

    fn run(bench: &Bench<'_>) -> Result<Tried, AuditError> {
        let mut tried = Tried::default();
        for column in &bench.labelled.are_labels {
            let column = &bench.base.columns[*column];
            tried.findings.push(Finding {
                operator: Some(column.operator.clone()),
                column: Some(column.name.clone()),
                ..Finding::of_all("is the label itself, bit for bit")
            });
        }
        for fold in &bench.folds.folds {
            judge(bench, fold, &mut tried)?;
        }
        let Some(fold) = bench.folds.folds.last() else {
            return Ok(tried);
        };
        null(bench, fold, &mut tried)?;
        let dataset = &bench.labelled.dataset;
        for (index, feature) in dataset.features().iter().enumerate() {
            let values: Vec<f64> = (0..dataset.len())
                .map(|row| dataset.features()[index].values.number(row))
                .collect();
            let Some(found) = too_good(bench, &values) else {
                continue;
            };
            tried.compared += 1;
            if found.is_too_good() {
                let operator = bench.base.columns.iter().find(|column| column.name == feature.name);
                tried.findings.push(Finding {
                    operator: operator.map(|column| column.operator.clone()),
                    column: Some(feature.name.clone()),
                    ..Finding::of_all(found.words())
                });
            }
        }
        Ok(tried)
    }
}

/// One error beside another.
pub(super) struct Beside {
    error: f64,
    reference: f64,
}

impl Beside {
    pub(super) fn is_too_good(&self) -> bool {
        self.error < TOO_GOOD * self.reference
    }

    fn words(&self) -> String {
        format!(
            "too good: an error of {:.4e}, where ridge on past values of the target makes {:.4e}",
            self.error, self.reference
        )
    }
}

fn judge(bench: &Bench<'_>, fold: &Fold, tried: &mut Tried) -> Result<(), AuditError> {
    let dataset = &bench.labelled.dataset;
    let other = |error: OtherDataset| failed("take the rows of a fold")(Box::new(error));
    let (train, test) =
        (fold.training(dataset).map_err(other)?, fold.testing(dataset).map_err(other)?);
    let model = bench.modelling.fit(&train).map_err(failed("fit a model"))?;
    let predicted = model
        .score(&test, Purpose::Evaluation)
        .map_err(|error| failed("score a test")(Box::new(error)))?;
    let answers = test.answers(0);
    let naive: Vec<f64> = test.rows().iter().map(|row| bench.labelled.last_known[row]).collect();
    let mae = |predicted: &[f64]| {
        find("mae").and_then(|score| score.score(&Judged::new(&answers, predicted)).ok())
    };
    if let (Some(own), Some(persistence)) = (mae(&predicted), mae(&naive)) {
        tried.compared += 1;
        let skill = 1.0 - own / persistence;
        tried.notes.push(format!("fold {}: skill {skill:.3} against persistence (mean absolute error {own:.4e} and {persistence:.4e})", fold.name));
    }
    let rmse = find("rmse").and_then(|score| score.score(&Judged::new(&answers, &predicted)).ok());
    if let (Some(error), Some(reference)) =
        (rmse, reference_error(bench, (&fold.train, &fold.test), None))
    {
        tried.compared += 1;
        let beside = Beside { error, reference };
        if beside.is_too_good() {
            tried.findings.push(Finding::of_all(format!(
                "the model of fold {} is {}",
                fold.name,
                beside.words()
            )));
        }
    }
    Ok(())
}

/// How one column does together with past values of the target, beside past values alone, in the fold where it does best. None where there are too few
/// rows to tell, or past values make no error. Only rows count whose value was met in training: beyond that nothing is known of a column.
pub(super) fn too_good(bench: &Bench<'_>, values: &[f64]) -> Option<Beside> {
    let besides = bench.folds.folds.iter().filter_map(|fold| {
        let (low, high) = met(&fold.train, values)?;
        let is_met = |row: usize| (low..=high).contains(&values[row]);
        let mut test = RowSet::default();
        fold.test.iter().filter(|row| is_met(*row)).for_each(|row| test.push(row));
        if test.len() < FEWEST_TESTED {
            return None;
        }
        let reference = reference_error(bench, (&fold.train, &test), None)?;
        let error = reference_error(bench, (&fold.train, &test), Some(values))?;
        Some(Beside { error, reference })
    });
    besides.min_by(|a, b| (a.error / a.reference).total_cmp(&(b.error / b.reference)))
}

/// Fewer rows tell nothing of one column.
const FEWEST_TRAINED: usize = 100;
const FEWEST_TESTED: usize = 20;

/// Between which values nine of ten training rows lie.
fn met(train: &RowSet, values: &[f64]) -> Option<(f64, f64)> {
    let mut known: Vec<f64> =
        train.iter().map(|row| values[row]).filter(|value| value.is_finite()).collect();
    if known.len() < FEWEST_TRAINED {
        return None;
    }
    known.sort_by(f64::total_cmp);
    let edge = known.len() / 20;
    Some((known[edge], known[known.len() - 1 - edge]))
}

/// The root mean squared error in a test of ridge on past values of the target, and one column more.
fn reference_error(
    bench: &Bench<'_>,
    (train, test): (&RowSet, &RowSet),
    column: Option<&[f64]>,
) -> Option<f64> {
    let dataset = &bench.labelled.dataset;
    let labels = &dataset.targets()[0].values;
    let past =
        [&bench.labelled.last_known].into_iter().chain(&bench.labelled.lags).map(Vec::as_slice);
    let columns: Vec<&[f64]> = past.chain(column).collect();
    let sample = |rows: &RowSet| Sample {
        columns: columns
            .iter()
            .map(|column| rows.iter().map(|row| column[row]).collect())
            .collect(),
        target: rows.iter().map(|row| labels[row]).collect(),
        weights: vec![1.0; rows.len()],
        event: rows.iter().map(|row| dataset.event()[row]).collect(),
    };
    let (mut train, mut test) = (sample(train), sample(test));
    if column.is_some() {
        // A line does not see what an id encodes; rows of the nearest ids do.
        let (train_near, test_near) = near_labels(&train, &test);
        train.columns.push(train_near);
        test.columns.push(test_near);
    }
    let fitted = Ridge::default().fit(&train, Seed(0)).ok()?;
    let predicted = fitted.predict(&test.columns, test.target.len());
    let error = find("rmse")?.score(&Judged::new(&test.target, &predicted)).ok()?;
    let size = crate::maths::deviation(&test.target);
    // On few rows ridge may do worse than the last value alone.
    let persistence = find("rmse")?.score(&Judged::new(&test.target, &test.columns[0]));
    let error = match (column, persistence) {
        (None, Ok(persistence)) => error.min(persistence),
        _ => error,
    };
    (column.is_some() || error > 1e-6 * size).then_some(error)
}

/// For each row, the mean label of the training rows with the next lower and the next higher value in the last column, without the row itself.
fn near_labels(train: &Sample, test: &Sample) -> (Vec<f64>, Vec<f64>) {
    let (Some(own), Some(asked)) = (train.columns.last(), test.columns.last()) else {
        return (Vec::new(), Vec::new());
    };
    let mut order: Vec<usize> = (0..own.len()).filter(|row| own[*row].is_finite()).collect();
    order.sort_by(|a, b| own[*a].total_cmp(&own[*b]).then(a.cmp(b)));
    let label = |place: Option<usize>| {
        place.and_then(|place| order.get(place)).map(|row| train.target[*row])
    };
    let between = |lower: Option<usize>, upper: usize| match (label(lower), label(Some(upper))) {
        (Some(low), Some(high)) => f64::midpoint(low, high),
        (Some(only), None) | (None, Some(only)) => only,
        (None, None) => f64::NAN,
    };
    let mut of_train = vec![f64::NAN; own.len()];
    for (place, row) in order.iter().enumerate() {
        of_train[*row] = between(place.checked_sub(1), place + 1);
    }
    let of_value = |value: &f64| {
        if !value.is_finite() {
            return f64::NAN;
        }
        let upper = order.partition_point(|row| own[*row] < *value);
        between(upper.checked_sub(1), upper)
    };
    (of_train, asked.iter().map(of_value).collect())
}

/// Whether the model does better than one that learned from labels at the wrong time.
fn null(bench: &Bench<'_>, fold: &Fold, tried: &mut Tried) -> Result<(), AuditError> {
    let dataset = &bench.labelled.dataset;
    let rows =
        fold.training(dataset).map_err(|error| failed("take training rows")(Box::new(error)))?;
    let features: Vec<usize> = (0..rows.feature_names().len()).collect();
    let sample = Sample::of(&rows, &features, 0);
    let test = fold.testing(dataset).map_err(|error| failed("take test rows")(Box::new(error)))?;
    let columns: Vec<Vec<f64>> = features.iter().map(|feature| test.feature(*feature)).collect();
    let answers = test.answers(0);
    let lengths = rows.entity_lengths();
    let error = |turned: Option<usize>| {
        let mut sample = sample.clone();
        if let Some(number) = turned {
            let mut draws = bench.plan.seed.derive(&format!("null {number}")).draws();
            turn(&mut sample.target, &lengths, &mut draws);
        }
        let fitted = Ridge::default().fit(&sample, Seed(0)).ok()?;
        let predicted = fitted.predict(&columns, answers.len());
        find("rmse")?.score(&Judged::new(&answers, &predicted)).ok()
    };
    let Some(own) = error(None) else {
        return Ok(());
    };
    let nulls: Vec<f64> =
        (0..TURNS).into_par_iter().filter_map(|number| error(Some(number))).collect();
    let as_good = nulls.iter().filter(|null| **null <= own).count();
    let p_value = (1 + as_good) as f64 / (1 + nulls.len()) as f64;
    tried.compared += nulls.len();
    let better = if p_value <= 0.05 { "better than" } else { "no better than" };
    tried.notes.push(format!("fold {}: a line through the features is {better} chance (p = {p_value:.3}, labels at the wrong time)", fold.name));
    Ok(())
}
