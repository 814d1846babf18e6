//! How frequent a category is.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::one_hot::{category, counts};
use crate::mistake::Mistake;
use crate::operator::{
    BadFit, Draft, Fit, Formula, Grade, NoParams, Operator, Reads, Rows, Sight, Site, Training,
    Work,
};
use crate::time::Span;

pub(crate) struct Frequency;

impl Operator for Frequency {
    const NAME: &'static str = "frequency";
    const ABOUT: &'static str =
        "the share of the training rows that have the category; 0 for an unseen one";
    const GRADE: Grade = Grade::FoldSafe;
    const SIGHT: Sight = Sight::At;
    const READS: Reads = Reads::Category;
    const EXAMPLE: &'static str = "{}";
    type Params = NoParams;

    fn draft(_: NoParams, _: &Site<'_>) -> Result<Draft, Mistake> {
        Ok(Draft {
            outputs: vec!["frequency".to_owned()],
            window: Some(Span(0)),
            work: Work::Fitted(Box::new(Shares)),
        })
    }
}

struct Shares;

#[derive(Serialize, Deserialize)]
struct Known {
    shares: BTreeMap<String, f64>,
}

impl Fit for Shares {
    fn fit(&self, training: &Training<'_>) -> Value {
        let counts = counts(training);
        let all = counts.values().sum::<usize>() as f64;
        let shares = counts.iter().map(|(name, count)| (name.to_string(), *count as f64 / all));
        serde_json::json!(Known { shares: shares.collect() })
    }

    fn formula(&self, learnt: &Value) -> Result<Box<dyn Formula>, BadFit> {
        Ok(Box::new(Known::deserialize(learnt)?))
    }
}

impl Formula for Known {
    fn apply(&self, rows: &Rows<'_>, out: &mut [&mut [f64]]) {
        let share = |name: &std::sync::Arc<str>| self.shares.get(&**name).copied().unwrap_or(0.0);
        let shares: Vec<f64> = rows.labels[0].iter().map(share).collect();
        for (code, place) in rows.inputs[0].iter().zip(out[0].iter_mut()) {
            *place = category(*code).map_or(f64::NAN, |code| shares[code]);
        }
    }
}
