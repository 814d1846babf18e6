//! No combination of values occurs twice.

use super::{Check, Fault, Judge, NoParams, On, Target, unique};

pub(crate) struct CompoundUnique;

impl Check for CompoundUnique {
    const NAME: &'static str = "compound_unique";
    const ABOUT: &'static str =
        "no row repeats the columns of an earlier row, all of them together";
    const TARGET: Target = Target::Columns;
    const TOLERANCE: bool = true;
    type Params = NoParams;

    fn compile(_: NoParams, on: &mut On<'_>) -> Result<Judge, Fault> {
        Ok(unique::judge(on.columns.clone(), "no combination twice", on))
    }

    #[cfg(test)]
    fn sample() -> crate::quality::conformance::Sample {
        use serde_json::json;
        crate::quality::conformance::Sample::new(
            json!({ "columns": ["a", "b", "c"] }),
            json!({ "a": [1, 1, 2], "b": ["x", "y", "x"], "c": [0.5, 0.5, 0.5] }),
            json!({ "a": [1, 1, 1], "b": ["x", "y", "x"], "c": [0.5, 0.5, 0.5] }),
        )
    }
}
