//! The standard deviation of a column lies between bounds.

use super::{Answers, Bounds, Check, Fault, Finding, Judge, On, Target};
use crate::quality::values::Between;

pub(crate) struct Std;

impl Check for Std {
    const NAME: &'static str = "std";
    const ABOUT: &'static str =
        "the standard deviation of the column (of a sample) lies between bounds";
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
            let value = answers.get(moments).deviation();
            Ok(Finding::number(value, between))
        }))
    }

    #[cfg(test)]
    fn sample() -> crate::quality::conformance::Sample {
        use serde_json::json;
        crate::quality::conformance::Sample::new(
            json!({ "column": "x", "with": { "min": 1.5, "max": 2.5 } }),
            // The deviation of 2, 4, 6 is 2: (4 + 0 + 4) / (3 - 1) = 4.
            json!({ "x": [2.0, 4.0, 6.0, null] }),
            json!({ "x": [2.0, 4.0, 4.0] }),
        )
    }
}
