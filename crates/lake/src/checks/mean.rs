//! The mean of a column lies between bounds.

use super::{Answers, Bounds, Check, Fault, Finding, Judge, On, Target};
use crate::quality::values::Between;

pub(crate) struct Mean;

impl Check for Mean {
    const NAME: &'static str = "mean";
    const ABOUT: &'static str = "the mean of the column lies between bounds";
    const TARGET: Target = Target::Column;
    type Params = Bounds;

    fn examine(params: &Bounds) -> Result<(), Fault> {
        Between::new(params.min, params.max).map(drop)
    }

    fn compile(params: Bounds, on: &mut On<'_>) -> Result<Judge, Fault> {
        let between = Between::new(params.min, params.max)?;
        let column = on.numbers()?;
        let moments = on.moments(&column);
        Ok(Box::new(move |answers: &Answers| {
            let value = Some(answers.get(moments))
                .filter(|moments| moments.count > 0)
                .map(|moments| moments.mean);
            Ok(Finding::number(value, between))
        }))
    }

    #[cfg(test)]
    fn sample() -> crate::quality::conformance::Sample {
        use serde_json::json;
        crate::quality::conformance::Sample::new(
            json!({ "column": "x", "with": { "min": 1, "max": 2 } }),
            json!({ "x": [1.0, 3.0, null] }),
            json!({ "x": [1.0, 4.0, null] }),
        )
    }
}
