//! What selectors share: what they are lent, what they answer, and comparing with chance.

mod information;
#[cfg(test)]
mod tests;

pub use information::{binned, neighbours};

use rayon::prelude::*;
use serde::Serialize;

use crate::dataset::TrainingRows;
use crate::folds::Fold;
use crate::model::{FitError, Learner, Sample};
use crate::seed::{Draws, Seed};

/// What a selector is lent: training rows, folds of them, and a learner.
pub struct Choosing<'a> {
    /// The rows to learn from.
    pub rows: &'a TrainingRows<'a>,
    /// Folds of these rows, to judge by.
    pub inner: &'a [Fold],
    /// The target.
    pub target: usize,
    /// Who learns.
    pub learner: &'a dyn Learner,
    /// Where chance begins.
    pub seed: Seed,
}

/// What was chosen, and why.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Selection {
    /// The selector.
    pub selector: &'static str,
    /// What its verdicts mean.
    pub rule: String,
    /// One for each feature, in their order.
    pub evidence: Vec<Evidence>,
}

impl Selection {
    /// The positions of the features that were chosen.
    pub fn chosen(&self) -> Vec<usize> {
        let chosen = |(index, evidence): (usize, &Evidence)| {
            (evidence.verdict == Verdict::Chosen).then_some(index)
        };
        self.evidence.iter().enumerate().filter_map(chosen).collect()
    }
}

/// What speaks for a feature.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Evidence {
    /// The feature.
    pub feature: String,
    /// How much it is worth, in the selector's units.
    pub worth: f64,
    /// The chance of as much without a signal, after correction for the number of features; none, where the selector has none.
    pub p_value: Option<f64>,
    /// What follows.
    pub verdict: Verdict,
}

/// What follows from the evidence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Keep it.
    Chosen,
    /// Neither is certain.
    Tentative,
    /// Drop it.
    Rejected,
}

/// Why nothing was chosen.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum NoSelection {
    /// Nothing to choose from.
    #[error("choose features: there are none")]
    NoFeatures,
    /// No such target.
    #[error("choose features: there is no target {0}")]
    NoTarget(usize),
    /// Nothing to judge by.
    #[error("choose features: there are no inner folds")]
    NoFolds,
    /// The learner failed.
    #[error("choose features with `{learner}`")]
    Fit {
        /// The learner.
        learner: &'static str,
        /// Why.
        #[source]
        source: FitError,
    },
}

/// What an inner fold learns from and what it judges by, as positions within the training rows.
pub(crate) type Positions = (Vec<usize>, Vec<usize>);

impl Choosing<'_> {
    pub(crate) fn check(&self) -> Result<(), NoSelection> {
        if self.rows.feature_names().len() == 0 {
            return Err(NoSelection::NoFeatures);
        }
        if self.target >= self.rows.targets() {
            return Err(NoSelection::NoTarget(self.target));
        }
        Ok(())
    }

    pub(crate) fn fit_error(&self, source: FitError) -> NoSelection {
        NoSelection::Fit { learner: self.learner.name(), source }
    }

    /// All training rows.
    pub(crate) fn sample(&self) -> Sample {
        let features: Vec<usize> = (0..self.rows.feature_names().len()).collect();
        Sample::of(self.rows, &features, self.target)
    }

    /// The positions of each inner fold.
    pub(crate) fn parts(&self) -> Result<Vec<Positions>, NoSelection> {
        if self.inner.is_empty() {
            return Err(NoSelection::NoFolds);
        }
        let part = |fold: &Fold| {
            let positions = |is_in: &dyn Fn(usize) -> bool| {
                let rows = self.rows.rows().iter().enumerate();
                rows.filter(|(_, row)| is_in(*row)).map(|(position, _)| position).collect()
            };
            (positions(&|row| fold.train.contains(row)), positions(&|row| fold.test.contains(row)))
        };
        Ok(self.inner.iter().map(part).collect())
    }

    /// The evidence of statistics that are larger for better features: `worth` for the labels as they are, `of` for labels that were turned
    /// round within each entity so that nothing is left of a signal. The chance is that the best of all features does as well then, so
    /// it holds for all features together (Westfall and Young, 1993).
    pub(crate) fn against_turned_labels(
        &self,
        labels: &[f64],
        repetitions: usize,
        level: f64,
        of: impl Fn(&[f64], Seed) -> Result<Vec<f64>, NoSelection> + Sync,
    ) -> Result<Vec<Evidence>, NoSelection> {
        let worth = of(labels, self.seed.derive("as it is"))?;
        let lengths = self.rows.entity_lengths();
        let best: Vec<f64> = (0..repetitions)
            .into_par_iter()
            .map(|repetition| {
                let seed = self.seed.derive(&format!("turned {repetition}"));
                let mut turned = labels.to_vec();
                turn(&mut turned, &lengths, &mut seed.draws());
                let worth = of(&turned, seed)?;
                Ok(worth.into_iter().fold(f64::NEG_INFINITY, f64::max))
            })
            .collect::<Result<_, NoSelection>>()?;
        let evidence = self.rows.feature_names().zip(worth).map(|(feature, worth)| {
            let as_good = best.iter().filter(|best| **best >= worth).count();
            let p_value = (1 + as_good) as f64 / (1 + repetitions) as f64;
            let verdict = if p_value <= level { Verdict::Chosen } else { Verdict::Rejected };
            Evidence { feature: feature.to_owned(), worth, p_value: Some(p_value), verdict }
        });
        Ok(evidence.collect())
    }
}

/// Turns the values of each entity round by a random number of rows: they follow each other as before, at the wrong time. Plain shuffling
/// would make what is smooth look rough, and chance look smaller than it is.
pub(crate) fn turn(values: &mut [f64], lengths: &[usize], draws: &mut Draws) {
    if lengths.iter().all(|length| *length < 4) {
        draws.shuffle(values);
        return;
    }
    let mut start = 0;
    for length in lengths {
        let own = &mut values[start..start + length];
        if *length > 1 {
            // Neither by next to nothing nor by nearly all.
            let least = length.div_ceil(10);
            own.rotate_left(least + draws.below((length - 2 * least).max(1)));
        }
        start += length;
    }
}

/// Some of the values.
pub(crate) fn pick(values: &[f64], positions: &[usize]) -> Vec<f64> {
    positions.iter().map(|position| values[*position]).collect()
}

/// Some rows of a sample.
pub(crate) fn pick_rows(sample: &Sample, positions: &[usize]) -> Sample {
    Sample {
        columns: sample.columns.iter().map(|column| pick(column, positions)).collect(),
        target: pick(&sample.target, positions),
        weights: pick(&sample.weights, positions),
        event: positions.iter().map(|position| sample.event[*position]).collect(),
    }
}

/// The weighted mean squared error.
pub(crate) fn squared_error(sample: &Sample, predicted: &[f64]) -> f64 {
    let rows = sample.target.iter().zip(predicted).zip(&sample.weights);
    let total: f64 =
        rows.map(|((truth, predicted), weight)| weight * (truth - predicted).powi(2)).sum();
    total / sample.weights.iter().sum::<f64>()
}
