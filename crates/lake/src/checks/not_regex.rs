//! Texts do not match a regular expression.

use super::regex::{Params, Wanted, compiled, judge};
use super::{Check, Fault, Judge, On, Target};

pub(crate) struct NotRegex;

impl Check for NotRegex {
    const NAME: &'static str = "not_regex";
    const ABOUT: &'static str = "no text matches a regular expression";
    const TARGET: Target = Target::Column;
    const TOLERANCE: bool = true;
    type Params = Params;

    fn examine(params: &Params) -> Result<(), Fault> {
        compiled(params).map(drop)
    }

    fn compile(params: Params, on: &mut On<'_>) -> Result<Judge, Fault> {
        judge(&params, Wanted::NoMatch, on)
    }

    #[cfg(test)]
    fn sample() -> crate::quality::conformance::Sample {
        use serde_json::json;
        crate::quality::conformance::Sample::new(
            json!({ "column": "x", "with": { "pattern": "(?i)error" } }),
            json!({ "x": ["fine", null] }),
            json!({ "x": ["fine", "Error 12"] }),
        )
    }
}
