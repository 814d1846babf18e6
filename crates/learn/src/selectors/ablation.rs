//! Features are taken away one by one, the least missed first.

use rayon::prelude::*;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Choosing, Mistakes, NoSelection, Selection, Selector};
use crate::maths::{deviation, mean};
use crate::model::Sample;
use crate::selection::{Evidence, Verdict, pick_rows, squared_error};

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Ablation {
    /// How many standard errors of the inner folds fewer features may cost.
    #[serde(default = "one")]
    standard_errors: f64,
    /// The share of squared error that fewer features may cost at any rate.
    #[serde(default = "a_hundredth")]
    tolerance: f64,
}

const fn one() -> f64 {
    1.0
}

const fn a_hundredth() -> f64 {
    0.01
}

/// The rows that each inner fold learns from, and those that it judges by.
type Part = (Sample, Sample);

/// The squared errors of one set of features, fold by fold.
struct Step {
    features: Vec<usize>,
    errors: Vec<f64>,
}

impl Selector for Ablation {
    const NAME: &'static str = "ablation";
    const ABOUT: &'static str =
        "the fewest features that predict about as well as the best set, taken away one by one";

    fn sample() -> Value {
        json!({ "standard_errors": 1.0, "tolerance": 0.01 })
    }

    fn examine(&self, mistakes: &mut Mistakes) {
        for (key, value) in
            [("standard_errors", self.standard_errors), ("tolerance", self.tolerance)]
        {
            if !(value.is_finite() && value >= 0.0) {
                mistakes.add(key, format!("{value} is below 0 or no number"));
            }
        }
    }

    fn select(&self, choosing: &Choosing<'_>) -> Result<Selection, NoSelection> {
        let sample = choosing.sample();
        let parts: Vec<Part> = choosing
            .parts()?
            .iter()
            .map(|(train, test)| (pick_rows(&sample, train), pick_rows(&sample, test)))
            .collect();
        let all: Vec<usize> = (0..sample.columns.len()).collect();
        let errors = errors(choosing, &parts, &all)?;
        let mut steps = vec![Step { features: all.clone(), errors }];
        // What the error of the set grew by when the feature went.
        let mut missed = vec![0.0; all.len()];
        while let Some(last) = steps.last().filter(|last| !last.features.is_empty()) {
            let (gone, next) = without_the_least_missed(choosing, &parts, last)?;
            missed[gone] = mean(&next.errors) - mean(&last.errors);
            steps.push(next);
        }
        let chosen = self.fewest(&steps);
        let evidence = choosing.rows.feature_names().zip(missed).enumerate().map(
            |(index, (feature, worth))| {
                let verdict =
                    if chosen.contains(&index) { Verdict::Chosen } else { Verdict::Rejected };
                Evidence { feature: feature.to_owned(), worth, p_value: None, verdict }
            },
        );
        let rule = format!(
            "the fewest features within {} standard errors of the inner folds, or {} of the squared error, of the best set",
            self.standard_errors, self.tolerance
        );
        Ok(Selection { selector: Self::NAME, rule, evidence: evidence.collect() })
    }
}

impl Ablation {
    fn fewest<'a>(&self, steps: &'a [Step]) -> &'a [usize] {
        let best = steps.iter().min_by(|a, b| mean(&a.errors).total_cmp(&mean(&b.errors)));
        let Some(best) = best else {
            return &[];
        };
        let is_near = |step: &&Step| {
            let lost: Vec<f64> =
                step.errors.iter().zip(&best.errors).map(|(own, best)| own - best).collect();
            let folds = lost.len() as f64;
            let standard_error =
                if folds > 1.0 { deviation(&lost) / (folds - 1.0).sqrt() } else { 0.0 };
            let allowed =
                (self.standard_errors * standard_error).max(self.tolerance * mean(&best.errors));
            mean(&lost) <= allowed
        };
        steps.iter().rev().find(is_near).map_or(&best.features, |step| &step.features)
    }
}

fn without_the_least_missed(
    choosing: &Choosing<'_>,
    parts: &[Part],
    last: &Step,
) -> Result<(usize, Step), NoSelection> {
    let tried: Vec<Step> = last
        .features
        .par_iter()
        .map(|gone| {
            let features: Vec<usize> =
                last.features.iter().copied().filter(|feature| feature != gone).collect();
            let errors = errors(choosing, parts, &features)?;
            Ok(Step { features, errors })
        })
        .collect::<Result<_, NoSelection>>()?;
    let (place, best) = tried
        .into_iter()
        .enumerate()
        .min_by(|(_, a), (_, b)| mean(&a.errors).total_cmp(&mean(&b.errors)))
        .expect("there is a feature to take away");
    Ok((last.features[place], best))
}

fn errors(
    choosing: &Choosing<'_>,
    parts: &[Part],
    features: &[usize],
) -> Result<Vec<f64>, NoSelection> {
    let only = |sample: &Sample| Sample {
        columns: features.iter().map(|feature| sample.columns[*feature].clone()).collect(),
        target: sample.target.clone(),
        weights: sample.weights.clone(),
        event: sample.event.clone(),
    };
    parts
        .iter()
        .map(|(train, test)| {
            let fitted = choosing.learner.fit(&only(train), choosing.seed);
            let judged = only(test);
            let fitted = fitted.map_err(|source| choosing.fit_error(source))?;
            Ok(squared_error(&judged, &fitted.predict(&judged.columns, judged.target.len())))
        })
        .collect()
}
