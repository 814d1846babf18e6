//! The share of missing values lies between bounds.

use super::{Answers, Bounds, Check, Fault, Finding, Judge, On, Target};
use crate::quality::measures::test::Rule;
use crate::quality::values::Between;
use crate::quality::words;

pub(crate) struct NullShare;

impl Check for NullShare {
    const NAME: &'static str = "null_share";
    const ABOUT: &'static str = "the share of missing values, from 0 to 1, lies between bounds";
    const TARGET: Target = Target::Column;
    type Params = Bounds;

    fn examine(params: &Bounds) -> Result<(), Fault> {
        Between::new(params.min, params.max)?;
        for (field, bound) in [("with.min", params.min), ("with.max", params.max)] {
            if bound.is_some_and(|bound| !(0.0..=1.0).contains(&bound)) {
                return Err(Fault::new(field, "a share lies between 0 and 1")
                    .hint("write 0.05 for five percent"));
            }
        }
        Ok(())
    }

    fn compile(params: Bounds, on: &mut On<'_>) -> Result<Judge, Fault> {
        let between = Between::new(params.min, params.max)?;
        let present = on.test(&on.column(), Rule::Present);
        Ok(Box::new(move |answers: &Answers| {
            let rows = answers.get(present);
            let share = rows.failed as f64 / rows.rows.max(1) as f64;
            let seen = format!(
                "{} missing ({} of {})",
                words::percent(rows.failed, rows.rows),
                words::count(rows.failed),
                words::counted(rows.rows, "rows"),
            );
            Ok(Finding::whole(between.holds(share), seen)
                .allowed(format!("{} missing", between.words(words::share))))
        }))
    }

    #[cfg(test)]
    fn sample() -> crate::quality::conformance::Sample {
        use serde_json::json;
        crate::quality::conformance::Sample::new(
            json!({ "column": "x", "with": { "max": 0.25 } }),
            json!({ "x": [1.5, 2.5, 0.5, null] }),
            json!({ "x": [1.5, null] }),
        )
    }
}
