//! Features that matter more than the best of their shadows (after Boruta: Kursa and Rudnicki, 2010).

use rayon::prelude::*;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Choosing, Mistakes, NoSelection, Selection, Selector, check_level};
use crate::maths::{binomial_tail_of_half, holm};
use crate::model::Sample;
use crate::selection::{Evidence, Verdict, turn};

/// Every round learns from all features together with a copy of each at the wrong time, its shadow, and counts which features mattered
/// more than the best shadow. Boruta takes that for a toss of a coin. It is one for a feature that is as good as the best shadow, so
/// the coin tells when a feature may be dropped. To be kept takes more: rounds share their rows, and a feature that is lucky in these rows is
/// lucky in every round; so the share of rounds in which a shadow was better must not be above the level either.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Shadow {
    /// The chance that any feature without a signal is chosen.
    #[serde(default = "level")]
    level: f64,
    /// How many rounds there are; each takes one fit.
    #[serde(default = "rounds")]
    rounds: usize,
}

const fn level() -> f64 {
    0.05
}

const fn rounds() -> usize {
    60
}

impl Selector for Shadow {
    const NAME: &'static str = "shadow";
    const ABOUT: &'static str =
        "features that matter more to a model than the best of their shadows (Boruta)";

    fn sample() -> Value {
        json!({ "level": 0.05, "rounds": 60 })
    }

    fn examine(&self, mistakes: &mut Mistakes) {
        check_level(self.level, ("rounds", self.rounds), mistakes);
    }

    fn select(&self, choosing: &Choosing<'_>) -> Result<Selection, NoSelection> {
        let sample = choosing.sample();
        let features = sample.columns.len();
        let hits = self.hits(choosing, &sample)?;
        let keep: Vec<f64> =
            hits.iter().map(|hits| binomial_tail_of_half(*hits, self.rounds)).collect();
        let drop: Vec<f64> = hits
            .iter()
            .map(|hits| binomial_tail_of_half(self.rounds - hits, self.rounds))
            .collect();
        let (keep, drop) = (holm(&keep, self.level), holm(&drop, self.level));
        let evidence = choosing.rows.feature_names().enumerate().map(|(feature, name)| {
            let misses = self.rounds - hits[feature];
            let p_value = (1 + misses) as f64 / (1 + self.rounds) as f64;
            let verdict = match (keep[feature] && p_value <= self.level, drop[feature]) {
                (true, _) => Verdict::Chosen,
                (false, true) => Verdict::Rejected,
                (false, false) => Verdict::Tentative,
            };
            let worth = hits[feature] as f64 / self.rounds as f64;
            Evidence { feature: name.to_owned(), worth, p_value: Some(p_value), verdict }
        });
        let rule = format!(
            "mattered more than the best of {features} shadows in nearly all of {} rounds, at a chance of error of {}",
            self.rounds, self.level
        );
        Ok(Selection { selector: Self::NAME, rule, evidence: evidence.collect() })
    }
}

impl Shadow {
    /// In how many rounds each feature mattered more than the best shadow.
    fn hits(&self, choosing: &Choosing<'_>, sample: &Sample) -> Result<Vec<usize>, NoSelection> {
        let lengths = choosing.rows.entity_lengths();
        let features = sample.columns.len();
        let rounds: Vec<Vec<bool>> = (0..self.rounds)
            .into_par_iter()
            .map(|round| {
                let seed = choosing.seed.derive(&format!("round {round}"));
                let mut draws = seed.draws();
                let mut both = sample.clone();
                for column in &sample.columns {
                    let mut shadow = column.clone();
                    turn(&mut shadow, &lengths, &mut draws);
                    both.columns.push(shadow);
                }
                let fitted = choosing.learner.fit(&both, seed);
                let importance = fitted.map_err(|source| choosing.fit_error(source))?.importance();
                let best = importance[features..].iter().copied().fold(0.0, f64::max);
                Ok(importance[..features].iter().map(|own| *own > best).collect())
            })
            .collect::<Result<_, NoSelection>>()?;
        let hits = |feature: usize| rounds.iter().filter(|round| round[feature]).count();
        Ok((0..features).map(hits).collect())
    }
}
