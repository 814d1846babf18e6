//! The number of different values lies between bounds.

use super::{Answers, Bounds, Check, Fault, Finding, Judge, On, Target};
use crate::quality::measures::sorted::Repeats;
use crate::quality::values::Between;
use crate::quality::words;

pub(crate) struct DistinctCount;

impl Check for DistinctCount {
    const NAME: &'static str = "distinct_count";
    const ABOUT: &'static str = "the number of different values lies between bounds";
    const TARGET: Target = Target::Column;
    type Params = Bounds;

    fn examine(params: &Bounds) -> Result<(), Fault> {
        Between::new(params.min, params.max).map(drop)
    }

    fn compile(params: Bounds, on: &mut On<'_>) -> Result<Judge, Fault> {
        let between = Between::new(params.min, params.max)?;
        let sorted = on.sorted_over(&[on.column()]);
        Ok(Box::new(move |answers: &Answers| {
            let distinct = Repeats::of(answers.get(sorted), 0)?.distinct;
            let seen = format!("{} different", words::counted(distinct, "values"));
            Ok(Finding::whole(between.holds(distinct as f64), seen)
                .allowed(format!("{} different values", between.words(words::number))))
        }))
    }

    #[cfg(test)]
    fn sample() -> crate::quality::conformance::Sample {
        use serde_json::json;
        crate::quality::conformance::Sample::new(
            json!({ "column": "x", "with": { "min": 2, "max": 2 } }),
            json!({ "x": ["a", "b", "a", null] }),
            json!({ "x": ["a", "a", null] }),
        )
    }
}
