//! No value occurs twice.

use super::{Answers, Check, Fault, Finding, Judge, NoParams, On, Target};
use crate::quality::ColumnInfo;
use crate::quality::measures::sorted::Repeats;

pub(crate) struct Unique;

impl Check for Unique {
    const NAME: &'static str = "unique";
    const ABOUT: &'static str = "no value of the column repeats one of an earlier row";
    const TARGET: Target = Target::Column;
    const TOLERANCE: bool = true;
    type Params = NoParams;

    fn compile(_: NoParams, on: &mut On<'_>) -> Result<Judge, Fault> {
        Ok(judge(vec![on.column()], "no value twice", on))
    }

    #[cfg(test)]
    fn sample() -> crate::quality::conformance::Sample {
        use serde_json::json;
        crate::quality::conformance::Sample::new(
            json!({ "column": "x" }),
            json!({ "x": ["a", "b", null, null, "a longer text than that"] }),
            json!({ "x": ["a", "a longer text than that", "b", "a longer text than that"] }),
        )
    }
}

/// Judges that rows differ in some columns together.
pub(super) fn judge(columns: Vec<ColumnInfo>, allowed: &'static str, on: &mut On<'_>) -> Judge {
    let sorted = on.sorted_over(&columns);
    let examples = on.limits.examples;
    Box::new(move |answers: &Answers| {
        let repeats = Repeats::of(answers.get(sorted), examples)?;
        Ok(Finding::rows(repeats.rows, repeats.repeated(), "rows", &repeats.examples)
            .allowed(allowed)
            .showing(columns))
    })
}
