//! Values on a common scale.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::winsorise::sorted;
use crate::kernel::{Aggregate, Spread, quantile};
use crate::mistake::Mistake;
use crate::operator::{
    BadFit, Draft, Fit, Formula, Grade, Operator, Reads, Rows, Sight, Site, Training, Work,
};
use crate::time::Span;

/// A common scale of values.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Scaler {
    /// Mean 0 and standard deviation 1.
    Standard,
    /// Median 0, and 1 between the quartiles.
    Robust,
    /// From 0 to 1.
    MinMax,
}

#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Params {
    method: Scaler,
}

pub(crate) struct Scale;

impl Operator for Scale {
    const NAME: &'static str = "scale";
    const ABOUT: &'static str = "the value on the scale of the training rows";
    const GRADE: Grade = Grade::FoldSafe;
    const SIGHT: Sight = Sight::At;
    const READS: Reads = Reads::Number;
    const EXAMPLE: &'static str = r#"{ "method": "robust" }"#;
    type Params = Params;

    fn draft(params: Params, _: &Site<'_>) -> Result<Draft, Mistake> {
        Ok(Draft {
            outputs: vec!["scaled".to_owned()],
            window: Some(Span(0)),
            work: Work::Fitted(Box::new(params)),
        })
    }
}

#[derive(Serialize, Deserialize)]
struct Affine {
    center: f64,
    /// 1 where all training values are equal.
    width: f64,
}

impl Fit for Params {
    fn fit(&self, training: &Training<'_>) -> Value {
        let sorted = sorted(&training.inputs[0]);
        let (center, width) = match (self.method, &sorted[..]) {
            (_, []) => (0.0, 1.0),
            (Scaler::MinMax, [min, .., max]) => (*min, max - min),
            (Scaler::MinMax, [only]) => (*only, 1.0),
            (Scaler::Robust, sorted) => {
                (quantile(sorted, 0.5), quantile(sorted, 0.75) - quantile(sorted, 0.25))
            }
            (Scaler::Standard, sorted) => {
                let mut spread = Spread::empty();
                for value in sorted {
                    spread.push(0, *value);
                }
                // That of the population, as in scikit-learn.
                let count = sorted.len() as f64;
                (spread.mean(), spread.std() * ((count - 1.0) / count).sqrt())
            }
        };
        let is_usable = width.is_finite() && width > 0.0;
        serde_json::json!(Affine { center, width: if is_usable { width } else { 1.0 } })
    }

    fn formula(&self, learnt: &Value) -> Result<Box<dyn Formula>, BadFit> {
        Ok(Box::new(Affine::deserialize(learnt)?))
    }
}

impl Formula for Affine {
    fn apply(&self, rows: &Rows<'_>, out: &mut [&mut [f64]]) {
        for (value, place) in rows.inputs[0].iter().zip(out[0].iter_mut()) {
            *place = (value - self.center) / self.width;
        }
    }
}
