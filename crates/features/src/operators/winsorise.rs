//! Bounds by quantiles of the training rows.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::clip::Within;
use crate::kernel::quantile;
use crate::mistake::Mistake;
use crate::operator::{
    BadFit, Draft, Fit, Formula, Grade, Operator, Reads, Sight, Site, Training, Work,
};
use crate::time::Span;

/// Two quantiles.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Params {
    /// The share of training values that lie below the lower bound.
    #[schemars(range(min = 0.0, max = 1.0))]
    lower_q: f64,
    /// The share of training values that lie below the upper bound.
    #[schemars(range(min = 0.0, max = 1.0))]
    upper_q: f64,
}

pub(crate) struct Winsorise;

impl Operator for Winsorise {
    const NAME: &'static str = "winsorise";
    const ABOUT: &'static str = "the value within two quantiles of the training rows";
    const GRADE: Grade = Grade::FoldSafe;
    const SIGHT: Sight = Sight::At;
    const READS: Reads = Reads::Number;
    const EXAMPLE: &'static str = r#"{ "lower_q": 0.1, "upper_q": 0.9 }"#;
    type Params = Params;

    fn draft(params: Params, _: &Site<'_>) -> Result<Draft, Mistake> {
        let is_share = |share: f64| (0.0..=1.0).contains(&share);
        if !is_share(params.lower_q) || !is_share(params.upper_q) {
            return Err(Mistake::new("", "a quantile is not from 0 to 1")
                .hint("write shares, as in `{lower_q: 0.01, upper_q: 0.99}`"));
        }
        if params.lower_q >= params.upper_q {
            return Err(Mistake::new("/lower_q", "the lower quantile is not below the upper one")
                .hint("swap the two"));
        }
        Ok(Draft {
            outputs: vec!["winsorised".to_owned()],
            window: Some(Span(0)),
            work: Work::Fitted(Box::new(params)),
        })
    }
}

#[derive(Serialize, Deserialize)]
struct Bounds {
    /// Absent where no training row had a value: then nothing is cut.
    min: Option<f64>,
    max: Option<f64>,
}

impl Fit for Params {
    fn fit(&self, training: &Training<'_>) -> Value {
        let sorted = sorted(&training.inputs[0]);
        let bound = |share: f64| (!sorted.is_empty()).then(|| quantile(&sorted, share));
        serde_json::json!(Bounds { min: bound(self.lower_q), max: bound(self.upper_q) })
    }

    fn formula(&self, learnt: &Value) -> Result<Box<dyn Formula>, BadFit> {
        let bounds = Bounds::deserialize(learnt)?;
        let (min, max) =
            (bounds.min.unwrap_or(f64::NEG_INFINITY), bounds.max.unwrap_or(f64::INFINITY));
        Ok(Box::new(Within { min, max }))
    }
}

/// The values that are there, in order.
pub(super) fn sorted(values: &[f64]) -> Vec<f64> {
    let mut values: Vec<f64> = values.iter().copied().filter(|value| !value.is_nan()).collect();
    values.sort_unstable_by(f64::total_cmp);
    values
}
