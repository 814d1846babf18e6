//! The number of rows lies between bounds.

use super::{Answers, Bounds, Check, Fault, Finding, Judge, On, Target};
use crate::quality::values::Between;
use crate::quality::words;

pub(crate) struct RowCount;

impl Check for RowCount {
    const NAME: &'static str = "row_count";
    const ABOUT: &'static str = "the number of rows lies between bounds";
    const TARGET: Target = Target::Table;
    type Params = Bounds;

    fn examine(params: &Bounds) -> Result<(), Fault> {
        Between::new(params.min, params.max).map(drop)
    }

    fn compile(params: Bounds, on: &mut On<'_>) -> Result<Judge, Fault> {
        let between = Between::new(params.min, params.max)?;
        let rows = on.rows();
        Ok(Box::new(move |answers: &Answers| {
            let rows = rows(answers);
            Ok(Finding::whole(between.holds(rows as f64), words::counted(rows, "rows"))
                .allowed(format!("{} rows", between.words(words::number))))
        }))
    }

    #[cfg(test)]
    fn sample() -> crate::quality::conformance::Sample {
        use serde_json::json;
        crate::quality::conformance::Sample::new(
            json!({ "with": { "min": 2 } }),
            json!({ "x": [1, 2] }),
            json!({ "x": [1] }),
        )
    }
}
