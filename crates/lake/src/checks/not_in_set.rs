//! Values are no members of a set.

use super::set::{Params, Wanted, judge, not_empty};
use super::{Check, Fault, Judge, On, Target};

pub(crate) struct NotInSet;

impl Check for NotInSet {
    const NAME: &'static str = "not_in_set";
    const ABOUT: &'static str = "no value is one of a list, such as error codes of a sensor";
    const TARGET: Target = Target::Column;
    const TOLERANCE: bool = true;
    type Params = Params;

    fn examine(params: &Params) -> Result<(), Fault> {
        not_empty(params)
    }

    fn compile(params: Params, on: &mut On<'_>) -> Result<Judge, Fault> {
        judge(&params, Wanted::Others, on)
    }

    #[cfg(test)]
    fn sample() -> crate::quality::conformance::Sample {
        use serde_json::json;
        crate::quality::conformance::Sample::new(
            json!({ "column": "x", "with": { "values": [-999, 0] } }),
            json!({ "x": [1, null, 999] }),
            json!({ "x": [1, -999] }),
        )
    }
}
