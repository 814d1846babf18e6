//! How much worse a model predicts when one feature is put at the wrong time.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Choosing, Mistakes, NoSelection, Selection, Selector, check_level};
use crate::selection::{pick, pick_rows, squared_error, turn};

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Permutation {
    /// The chance that any feature without a signal is chosen.
    #[serde(default = "level")]
    level: f64,
    /// How often all of it is done with labels at the wrong time; each takes a fit for each inner fold.
    #[serde(default = "repetitions")]
    repetitions: usize,
    /// How often each feature is put at the wrong time.
    #[serde(default = "turns")]
    turns: usize,
}

const fn level() -> f64 {
    0.05
}

const fn repetitions() -> usize {
    39
}

const fn turns() -> usize {
    3
}

impl Selector for Permutation {
    const NAME: &'static str = "permutation";
    const ABOUT: &'static str =
        "features without which a model predicts rows that it did not see worse";

    fn sample() -> Value {
        json!({ "level": 0.05, "repetitions": 39 })
    }

    fn examine(&self, mistakes: &mut Mistakes) {
        check_level(self.level, ("repetitions", self.repetitions), mistakes);
        if self.turns == 0 {
            mistakes.add("turns", "no turn tells nothing").hint("take 3");
        }
    }

    fn select(&self, choosing: &Choosing<'_>) -> Result<Selection, NoSelection> {
        let sample = choosing.sample();
        let parts = choosing.parts()?;
        let lengths = choosing.rows.entity_lengths();
        // The same turns for all labels: what differs is the labels alone.
        let turned: Vec<Vec<Vec<f64>>> = (0..self.turns)
            .map(|turn_number| {
                let mut draws =
                    choosing.seed.derive(&format!("feature turn {turn_number}")).draws();
                let mut columns = sample.columns.clone();
                for column in &mut columns {
                    turn(column, &lengths, &mut draws);
                }
                columns
            })
            .collect();
        let worth = |labels: &[f64], seed| {
            let sample = crate::model::Sample { target: labels.to_vec(), ..sample.clone() };
            let mut worth = vec![0.0; sample.columns.len()];
            for (train, test) in &parts {
                let judged = pick_rows(&sample, test);
                let fitted = choosing.learner.fit(&pick_rows(&sample, train), seed);
                let fitted = fitted.map_err(|source| choosing.fit_error(source))?;
                let before = squared_error(&judged, &fitted.predict(&judged.columns, test.len()));
                let mut columns = judged.columns.clone();
                for (turned, feature) in turned.iter().flat_map(|turned| turned.iter().zip(0..)) {
                    let kept = std::mem::replace(&mut columns[feature], pick(turned, test));
                    let after = squared_error(&judged, &fitted.predict(&columns, test.len()));
                    columns[feature] = kept;
                    worth[feature] += (after - before) / (parts.len() * self.turns) as f64;
                }
            }
            Ok(worth)
        };
        let evidence =
            choosing.against_turned_labels(&sample.target, self.repetitions, self.level, worth)?;
        let rule = format!(
            "more squared error lost than the best of all with labels at the wrong time, at a chance of error of {}",
            self.level
        );
        Ok(Selection { selector: Self::NAME, rule, evidence })
    }
}
