//! How much each feature tells about the target by itself.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Choosing, Mistakes, NoSelection, Selection, Selector, check_level};
use crate::maths::{deviation, mean};
use crate::selection::{binned, neighbours};

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct MutualInformation {
    /// How it is estimated.
    #[serde(default = "by_neighbours")]
    estimator: Estimator,
    /// The chance that any feature without a signal is chosen.
    #[serde(default = "level")]
    level: f64,
    /// How often it is compared with labels at the wrong time.
    #[serde(default = "repetitions")]
    repetitions: usize,
    /// At most so many rows are looked at, evenly spaced.
    #[serde(default = "most_rows")]
    most_rows: usize,
}

#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Estimator {
    /// Distances to the three nearest neighbours; categories by their bins.
    Neighbours,
    /// Bins of as many rows each.
    Bins,
}

const fn by_neighbours() -> Estimator {
    Estimator::Neighbours
}

const fn level() -> f64 {
    0.05
}

const fn repetitions() -> usize {
    99
}

const fn most_rows() -> usize {
    2000
}

/// Neighbours, as scikit-learn has it.
const NEIGHBOURS: usize = 3;
const BINS: usize = 8;

/// A feature, made ready once for all comparisons.
enum Ready {
    /// Values of unit deviation, and where they are.
    Numbers(Vec<usize>, Vec<f64>),
    /// Bins or categories; what is missing is one of its own.
    Bins(Vec<u32>),
}

impl Selector for MutualInformation {
    const NAME: &'static str = "mutual_information";
    const ABOUT: &'static str =
        "features that tell about the target by themselves, more than chance";

    fn sample() -> Value {
        json!({ "estimator": "neighbours", "level": 0.05 })
    }

    fn examine(&self, mistakes: &mut Mistakes) {
        check_level(self.level, ("repetitions", self.repetitions), mistakes);
        if self.most_rows < 20 {
            mistakes
                .add("most_rows", format!("{} rows tell nothing", self.most_rows))
                .hint("take 2000");
        }
    }

    fn select(&self, choosing: &Choosing<'_>) -> Result<Selection, NoSelection> {
        let rows = choosing.rows;
        let step = rows.len().div_ceil(self.most_rows).max(1);
        let thin = |values: &[f64]| values.iter().step_by(step).copied().collect::<Vec<f64>>();
        let names = rows.feature_names().len();
        let ready: Vec<Ready> = (0..names)
            .map(|feature| self.ready(&thin(&rows.feature(feature)), rows.is_category(feature)))
            .collect();
        let labels = rows.target(choosing.target);
        let evidence = choosing.against_turned_labels(
            &labels,
            self.repetitions,
            self.level,
            |labels, _| {
                let labels = thin(labels);
                let (numbers, bins) = (scaled(&labels), bins(&labels));
                let information = |ready: &Ready| match ready {
                    Ready::Bins(own) => binned(own, &bins),
                    Ready::Numbers(places, own) => {
                        let labels: Vec<f64> = places.iter().map(|place| numbers[*place]).collect();
                        neighbours(own, &labels, NEIGHBOURS)
                    }
                };
                Ok(ready.iter().map(information).collect())
            },
        )?;
        let rule = format!(
            "more nats than the best of all with labels at the wrong time, at a chance of error of {}",
            self.level
        );
        Ok(Selection { selector: Self::NAME, rule, evidence })
    }
}

impl MutualInformation {
    fn ready(&self, values: &[f64], is_category: bool) -> Ready {
        match self.estimator {
            _ if is_category => {
                // Codes are whole numbers below 2^32; what is missing comes after all of them.
                let codes: Vec<f64> = values
                    .iter()
                    .map(|code| if code.is_nan() { f64::INFINITY } else { *code })
                    .collect();
                Ready::Bins(ranks(&codes))
            }
            Estimator::Bins => Ready::Bins(bins(values)),
            Estimator::Neighbours => {
                let places: Vec<usize> =
                    (0..values.len()).filter(|row| values[*row].is_finite()).collect();
                let present: Vec<f64> = places.iter().map(|row| values[*row]).collect();
                Ready::Numbers(places, scaled(&present))
            }
        }
    }
}

/// Values of unit deviation around 0.
fn scaled(values: &[f64]) -> Vec<f64> {
    let (mean, deviation) = (mean(values), deviation(values));
    let scale = if deviation > 0.0 { deviation } else { 1.0 };
    values.iter().map(|value| (value - mean) / scale).collect()
}

/// The position of each value among the distinct ones.
fn ranks(values: &[f64]) -> Vec<u32> {
    let mut distinct = values.to_vec();
    distinct.sort_by(f64::total_cmp);
    distinct.dedup();
    let rank = |value: &f64| distinct.partition_point(|other| other < value);
    values.iter().map(|value| u32::try_from(rank(value)).unwrap_or(u32::MAX)).collect()
}

/// Bins of about as many values each; equal values share one, and what is missing has its own.
fn bins(values: &[f64]) -> Vec<u32> {
    let mut sorted: Vec<f64> = values.iter().copied().filter(|value| value.is_finite()).collect();
    sorted.sort_by(f64::total_cmp);
    let edge = |bin: usize| sorted.get(sorted.len() * bin / BINS).copied();
    let mut edges: Vec<f64> = (1..BINS).filter_map(edge).collect();
    edges.dedup();
    let bin = |value: &f64| {
        if value.is_finite() { edges.partition_point(|edge| edge <= value) } else { BINS }
    };
    values.iter().map(|value| u32::try_from(bin(value)).unwrap_or(u32::MAX)).collect()
}
