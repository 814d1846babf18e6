//! The sum of a column lies between bounds.

use super::{Answers, Bounds, Check, Fault, Finding, Judge, On, Target};
use crate::quality::measures::moments::Moments;
use crate::quality::values::Between;

pub(crate) struct Sum;

impl Check for Sum {
    const NAME: &'static str = "sum";
    const ABOUT: &'static str = "the sum of the column lies between bounds";
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
            let value =
                Some(answers.get(moments)).filter(|moments| moments.count > 0).map(Moments::sum);
            Ok(Finding::number(value, between))
        }))
    }

    #[cfg(test)]
    fn sample() -> crate::quality::conformance::Sample {
        use serde_json::json;
        crate::quality::conformance::Sample::new(
            json!({ "column": "x", "with": { "min": 4 } }),
            json!({ "x": [1, 3, null] }),
            json!({ "x": [1, 2] }),
        )
    }
}
