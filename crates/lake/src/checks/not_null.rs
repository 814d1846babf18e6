//! No value is missing.

use super::{Answers, Check, Fault, Finding, Judge, NoParams, On, Target};
use crate::quality::measures::test::Rule;

pub(crate) struct NotNull;

impl Check for NotNull {
    const NAME: &'static str = "not_null";
    const ABOUT: &'static str = "no value of the column is missing (null, or not a number)";
    const TARGET: Target = Target::Column;
    const TOLERANCE: bool = true;
    type Params = NoParams;

    fn compile(_: NoParams, on: &mut On<'_>) -> Result<Judge, Fault> {
        let present = on.test(&on.column(), Rule::Present);
        Ok(Box::new(move |answers: &Answers| {
            Ok(Finding::tested(answers.get(present), "rows").allowed("a value"))
        }))
    }

    #[cfg(test)]
    fn sample() -> crate::quality::conformance::Sample {
        use serde_json::json;
        crate::quality::conformance::Sample::new(
            json!({ "column": "x" }),
            json!({ "x": [1.5, 2.5] }),
            json!({ "x": [1.5, null] }),
        )
    }
}
