//! Scores: one number for how near predictions came. A score is one file in this folder and one line in the list below.
//!
//! Definitions are those of scikit-learn where it has one. What cannot be said is an error and no number: nothing is clipped, skipped or
//! replaced in silence.

use serde::Serialize;

use crate::maths::sum;

mod auc;
mod average_precision;
mod bias;
mod brier;
mod coverage;
mod log_loss;
mod mae;
mod mape;
mod mase;
mod pinball;
mod r2;
mod rmse;
mod smape;
mod width;

/// All scores: one line for each.
static KINDS: &[ScoreKind] = &[
    ScoreKind::of::<auc::Auc>(),
    ScoreKind::of::<average_precision::AveragePrecision>(),
    ScoreKind::of::<bias::Bias>(),
    ScoreKind::of::<brier::Brier>(),
    ScoreKind::of::<coverage::Coverage>(),
    ScoreKind::of::<log_loss::LogLoss>(),
    ScoreKind::of::<mae::Mae>(),
    ScoreKind::of::<mape::Mape>(),
    ScoreKind::of::<mase::Mase>(),
    ScoreKind::of::<pinball::Pinball>(),
    ScoreKind::of::<r2::R2>(),
    ScoreKind::of::<rmse::Rmse>(),
    ScoreKind::of::<smape::Smape>(),
    ScoreKind::of::<width::Width>(),
];

/// All scores, by name.
pub fn all() -> &'static [ScoreKind] {
    KINDS
}

/// The score with a name.
pub fn find(name: &str) -> Option<&'static ScoreKind> {
    KINDS.iter().find(|kind| kind.name == name)
}

/// Predictions and what came true.
#[derive(Clone, Copy, Debug)]
pub struct Judged<'a> {
    /// What came true; for probabilities 0 or 1.
    pub truth: &'a [f64],
    /// What was predicted: a number, a quantile or a probability.
    pub predicted: &'a [f64],
    /// How much each row counts; the same, unless given.
    pub weights: Option<&'a [f64]>,
    /// Lower and upper bounds, for what judges intervals.
    pub bounds: Option<(&'a [f64], &'a [f64])>,
    /// Which quantile was predicted.
    pub quantile: f64,
    /// The mean absolute error of the seasonal naive forecast within the training rows.
    pub naive: Option<f64>,
}

impl<'a> Judged<'a> {
    /// Predictions of the middle, every row counting the same.
    pub fn new(truth: &'a [f64], predicted: &'a [f64]) -> Self {
        Self { truth, predicted, weights: None, bounds: None, quantile: 0.5, naive: None }
    }

    fn weight(&self, row: usize) -> f64 {
        self.weights.map_or(1.0, |weights| weights[row])
    }

    /// The weighted mean of something of each row.
    fn mean(&self, of: impl Fn(f64, f64) -> f64) -> f64 {
        self.mean_by_row(|row| of(self.truth[row], self.predicted[row]))
    }

    fn mean_by_row(&self, of: impl Fn(usize) -> f64) -> f64 {
        let rows = 0..self.truth.len();
        let weight = sum(rows.clone().map(|row| self.weight(row)));
        sum(rows.map(|row| self.weight(row) * of(row))) / weight
    }

    fn bounds(&self) -> Result<(&'a [f64], &'a [f64]), NoScore> {
        self.bounds.ok_or(NoScore::Without("bounds"))
    }

    /// Refuses what no score can be taken of.
    fn check(&self) -> Result<(), NoScore> {
        let rows = self.truth.len();
        let others = [
            Some(self.predicted),
            self.weights,
            self.bounds.map(|both| both.0),
            self.bounds.map(|both| both.1),
        ];
        for found in others.into_iter().flatten().map(<[f64]>::len) {
            if found != rows {
                return Err(NoScore::Lengths { rows, found });
            }
        }
        if rows == 0 {
            return Err(NoScore::NoRows);
        }
        let missing = (0..rows)
            .find(|row| !self.truth[*row].is_finite() || !self.predicted[*row].is_finite());
        if let Some(row) = missing {
            return Err(NoScore::Missing { row });
        }
        let weights = self.weights.unwrap_or(&[1.0]);
        if weights.iter().any(|weight| !(weight.is_finite() && *weight >= 0.0))
            || sum(weights.iter().copied()) <= 0.0
        {
            return Err(NoScore::Weights);
        }
        Ok(())
    }

    /// Refuses what neither came true nor did not.
    fn check_classes(&self) -> Result<(), NoScore> {
        match self.truth.iter().position(|truth| ![0.0, 1.0].contains(truth)) {
            Some(row) => Err(NoScore::Probability { row }),
            None => Ok(()),
        }
    }

    /// Refuses what is no probability of something that came true or did not.
    fn check_probabilities(&self) -> Result<(), NoScore> {
        self.check_classes()?;
        match self.predicted.iter().position(|predicted| !(0.0..=1.0).contains(predicted)) {
            Some(row) => Err(NoScore::Probability { row }),
            None => Ok(()),
        }
    }

    /// Rows from the highest prediction to the lowest, those of one prediction together: the weights of what came true, and of what did not.
    fn ranked(&self) -> Vec<(f64, f64)> {
        let mut order: Vec<usize> = (0..self.truth.len()).collect();
        order.sort_by(|a, b| self.predicted[*b].total_cmp(&self.predicted[*a]));
        let mut ranked: Vec<(f64, f64)> = Vec::new();
        let mut last = f64::NAN;
        for row in order {
            // -0 and 0 are one prediction, though their bits differ.
            let predicted = self.predicted[row] + 0.0;
            if predicted.to_bits() != last.to_bits() {
                ranked.push((0.0, 0.0));
                last = predicted;
            }
            let tied = ranked.last_mut().expect("one was pushed");
            let side = if self.truth[row] > 0.5 { &mut tied.0 } else { &mut tied.1 };
            *side += self.weight(row);
        }
        ranked
    }
}

/// Why there is no score.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum NoScore {
    /// No row at all.
    #[error("score predictions: there are no rows")]
    NoRows,
    /// Columns of different length.
    #[error("score predictions: a column has {found} values for {rows} rows")]
    Lengths {
        /// What came true.
        rows: usize,
        /// The other column.
        found: usize,
    },
    /// A number is missing or infinite.
    #[error("score predictions: row {row} has no finite truth and prediction")]
    Missing {
        /// The first such row.
        row: usize,
    },
    /// Weights that are none.
    #[error("score predictions: weights are 0 or more, and not all 0")]
    Weights,
    /// Something that the score needs was not given.
    #[error("score predictions: {0} are needed")]
    Without(&'static str),
    /// Not a probability, or neither true nor false.
    #[error("score probabilities: row {row} is no probability of something that is 0 or 1")]
    Probability {
        /// The first such row.
        row: usize,
    },
    /// Only one class came true.
    #[error("rank predictions: all rows came true, or none did")]
    OneClass,
    /// Nothing to explain.
    #[error("compare with the mean: all that came true is one value")]
    Constant,
    /// A share of nothing.
    #[error(
        "take an error as a share: what came true in row {row} is 0; `smape` and `mase` stand that"
    )]
    Zero {
        /// The first such row.
        row: usize,
    },
    /// A scale of nothing.
    #[error("scale an error: the naive forecast made none in training")]
    NoNaiveError,
    /// A quantile that is none.
    #[error("score quantile {0}: it lies between 0 and 1")]
    Quantile(f64),
}

/// Which way a score is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Better {
    /// An error.
    Lower,
    /// A merit.
    Higher,
    /// Nearest to a number that somebody promised, such as the share that an interval covers.
    Nearest,
}

/// One kind of score.
pub trait Score: 'static {
    /// In files and reports; never renamed. The name of the file too.
    const NAME: &'static str;
    /// What it is, in a line.
    const ABOUT: &'static str;
    /// Which way it is better.
    const BETTER: Better;

    /// The score of predictions that were checked.
    ///
    /// # Errors
    /// Where there is none.
    fn score(judged: &Judged<'_>) -> Result<f64, NoScore>;
}

/// A kind of score without its type.
pub struct ScoreKind {
    /// In files and reports.
    pub name: &'static str,
    /// What it is, in a line.
    pub about: &'static str,
    /// Which way it is better.
    pub better: Better,
    score: fn(&Judged<'_>) -> Result<f64, NoScore>,
}

impl ScoreKind {
    const fn of<S: Score>() -> Self {
        Self { name: S::NAME, about: S::ABOUT, better: S::BETTER, score: S::score }
    }

    /// The score of predictions.
    ///
    /// # Errors
    /// Where there is none.
    pub fn score(&self, judged: &Judged<'_>) -> Result<f64, NoScore> {
        judged.check()?;
        (self.score)(judged)
    }
}

#[cfg(test)]
mod tests;
