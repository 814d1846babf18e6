//! No entity has a time twice.

use super::{Answers, Check, Fault, Finding, Judge, NoParams, On, Target};
use crate::quality::measures::sorted::Repeats;

pub(crate) struct DuplicateTimes;

impl Check for DuplicateTimes {
    const NAME: &'static str = "duplicate_times";
    const ABOUT: &'static str = "no entity has two rows of the same time";
    const TARGET: Target = Target::Time;
    const TOLERANCE: bool = true;
    type Params = NoParams;

    fn compile(_: NoParams, on: &mut On<'_>) -> Result<Judge, Fault> {
        let time = on.time()?;
        let sorted = on.sorted_times(&time)?;
        let most = on.limits.examples;
        Ok(Box::new(move |answers: &Answers| {
            let repeats = Repeats::of(answers.get(sorted), most)?;
            Ok(Finding::rows(repeats.rows, repeats.repeated(), "rows", &repeats.examples)
                .allowed("no time twice")
                .showing(vec![time]))
        }))
    }

    #[cfg(test)]
    fn sample() -> crate::quality::conformance::Sample {
        use serde_json::json;
        crate::quality::conformance::Sample::new(
            json!({ "column": "ts" }),
            json!({ "ts": ["2026-01-01", "2026-01-01", null, null], "entity": ["a", "b", "a", "a"] }),
            json!({ "ts": ["2026-01-01", "2026-01-01", "2026-01-01"], "entity": ["a", "b", "a"] }),
        )
    }
}
