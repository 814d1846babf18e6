//! The place of a category in the order of names.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::one_hot::{category, counts};
use crate::mistake::Mistake;
use crate::operator::{
    BadFit, Draft, Fit, Formula, Grade, Operator, Reads, Rows, Sight, Site, Training, Work,
};
use crate::time::Span;

#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Params {
    /// The categories in their order; where it is left out, those of the training rows in the order of their names.
    order: Option<Vec<String>>,
}

pub(crate) struct Ordinal;

impl Operator for Ordinal {
    const NAME: &'static str = "ordinal";
    const ABOUT: &'static str = "the place of the category in an order; missing for an unseen one";
    const GRADE: Grade = Grade::FoldSafe;
    const SIGHT: Sight = Sight::At;
    const READS: Reads = Reads::Category;
    const EXAMPLE: &'static str = "{}";
    type Params = Params;

    fn draft(params: Params, _: &Site<'_>) -> Result<Draft, Mistake> {
        Ok(Draft {
            outputs: vec!["ordinal".to_owned()],
            window: Some(Span(0)),
            work: Work::Fitted(Box::new(params)),
        })
    }
}

#[derive(Serialize, Deserialize)]
struct Places {
    order: Vec<String>,
}

impl Fit for Params {
    fn fit(&self, training: &Training<'_>) -> Value {
        let seen = || counts(training).keys().map(ToString::to_string).collect();
        serde_json::json!(Places { order: self.order.clone().unwrap_or_else(seen) })
    }

    fn formula(&self, learnt: &Value) -> Result<Box<dyn Formula>, BadFit> {
        Ok(Box::new(Places::deserialize(learnt)?))
    }
}

impl Formula for Places {
    fn apply(&self, rows: &Rows<'_>, out: &mut [&mut [f64]]) {
        let places: Vec<f64> = rows.labels[0]
            .iter()
            .map(|name| {
                let place = self.order.iter().position(|known| **known == **name);
                place.map_or(f64::NAN, |place| place as f64)
            })
            .collect();
        for (code, place) in rows.inputs[0].iter().zip(out[0].iter_mut()) {
            *place = category(*code).map_or(f64::NAN, |code| places[code]);
        }
    }
}
