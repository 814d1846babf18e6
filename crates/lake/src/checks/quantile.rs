//! A quantile of a column lies between bounds.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{Answers, Check, Fault, Finding, Judge, On, Target};
use crate::quality::measures::quantile::Distribution;
use crate::quality::values::Between;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Params {
    /// The share of values below the quantile: 0.5 is the median.
    #[schemars(range(min = 0.0, max = 1.0))]
    q: f64,
    /// The smallest number that is allowed.
    min: Option<f64>,
    /// The largest number that is allowed.
    max: Option<f64>,
}

pub(crate) struct Quantile;

impl Check for Quantile {
    const NAME: &'static str = "quantile";
    const ABOUT: &'static str = "a quantile of the column lies between bounds";
    const TARGET: Target = Target::Column;
    type Params = Params;

    fn examine(params: &Params) -> Result<(), Fault> {
        if !(0.0..=1.0).contains(&params.q) {
            return Err(Fault::new("with.q", format!("{} is no share", params.q))
                .hint("write a number from 0 to 1; 0.5 is the median"));
        }
        Between::new(params.min, params.max).map(drop)
    }

    fn compile(params: Params, on: &mut On<'_>) -> Result<Judge, Fault> {
        let between = Between::new(params.min, params.max)?;
        let column = on.numbers()?;
        let values = on.ask(Distribution { column, exact: Distribution::EXACT });
        Ok(Box::new(move |answers: &Answers| {
            let value = answers.get(values).quantile(params.q);
            Ok(Finding::number(value, between).revealing())
        }))
    }

    #[cfg(test)]
    fn sample() -> crate::quality::conformance::Sample {
        use serde_json::json;
        crate::quality::conformance::Sample::new(
            json!({ "column": "x", "with": { "q": 0.5, "min": 2, "max": 3 } }),
            json!({ "x": [1.0, 4.0, 2.0, 3.0, null] }),
            json!({ "x": [1.0, 4.0, 4.0, 4.0] }),
        )
    }
}
