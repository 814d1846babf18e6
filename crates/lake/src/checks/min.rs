//! The smallest number of a column lies between bounds.

use super::{Answers, Bounds, Check, Fault, Finding, Judge, On, Target};
use crate::quality::values::Between;

pub(crate) struct Min;

impl Check for Min {
    const NAME: &'static str = "min";
    const ABOUT: &'static str = "the smallest number of the column lies between bounds";
    const TARGET: Target = Target::Column;
    type Params = Bounds;

    fn examine(params: &Bounds) -> Result<(), Fault> {
        Between::new(params.min, params.max).map(drop)
    }

    fn compile(params: Bounds, on: &mut On<'_>) -> Result<Judge, Fault> {
        let between = Between::new(params.min, params.max)?;
        let column = on.numbers()?;
        let extent = on.extent(&column);
        Ok(Box::new(move |answers: &Answers| {
            let value = answers.get(extent).map(|extent| extent.floats().0);
            Ok(Finding::number(value, between).revealing())
        }))
    }

    #[cfg(test)]
    fn sample() -> crate::quality::conformance::Sample {
        use serde_json::json;
        crate::quality::conformance::Sample::new(
            json!({ "column": "x", "with": { "min": 0, "max": 1 } }),
            json!({ "x": [0.5, 9.0, null] }),
            json!({ "x": [-0.5, 9.0] }),
        )
    }
}
