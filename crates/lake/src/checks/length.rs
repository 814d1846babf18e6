//! Texts have a length between bounds.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::Deserialize;

use super::{Answers, Check, Fault, Finding, Judge, On, Target};
use crate::quality::measures::test::Rule;
use crate::quality::values::Between;
use crate::quality::words;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Params {
    /// The smallest length that is allowed, in characters.
    min: Option<u32>,
    /// The largest length that is allowed, in characters.
    max: Option<u32>,
}

pub(crate) struct Length;

impl Check for Length {
    const NAME: &'static str = "length";
    const ABOUT: &'static str = "every text has a length between bounds, in characters";
    const TARGET: Target = Target::Column;
    const TOLERANCE: bool = true;
    type Params = Params;

    fn examine(params: &Params) -> Result<(), Fault> {
        between(params).map(drop)
    }

    fn compile(params: Params, on: &mut On<'_>) -> Result<Judge, Fault> {
        let column = on.texts()?;
        let bounds = between(&params)?;
        let rule = Rule::Texts(Arc::new(move |text| bounds.holds(text.chars().count() as f64)));
        let tested = on.test(&column, rule);
        Ok(Box::new(move |answers: &Answers| {
            Ok(Finding::tested(answers.get(tested), "values")
                .allowed(format!("{} characters", bounds.words(words::number)))
                .showing(vec![column]))
        }))
    }

    #[cfg(test)]
    fn sample() -> crate::quality::conformance::Sample {
        use serde_json::json;
        crate::quality::conformance::Sample::new(
            json!({ "column": "x", "with": { "min": 2, "max": 3 } }),
            json!({ "x": ["øre", null, "ab"] }),
            json!({ "x": ["ø", "ab"] }),
        )
    }
}

fn between(params: &Params) -> Result<Between, Fault> {
    Between::new(params.min.map(f64::from), params.max.map(f64::from))
}
