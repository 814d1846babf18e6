//! Times keep their direction in the order of the rows.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{Answers, Check, Fault, Finding, Judge, On, Target};
use crate::quality::measures::order::Order;

/// Which way times go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Direction {
    /// Oldest first.
    #[default]
    Rising,
    /// Newest first.
    Falling,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Params {
    /// Which way times go.
    #[serde(default)]
    direction: Direction,
    /// Whether a time may not repeat either.
    #[serde(default)]
    strict: bool,
}

pub(crate) struct MonotoneTime;

impl Check for MonotoneTime {
    const NAME: &'static str = "monotone_time";
    const ABOUT: &'static str =
        "in the order of the rows no time lies before the one of the row before, for each entity";
    const TARGET: Target = Target::Time;
    const TOLERANCE: bool = true;
    type Params = Params;

    fn compile(params: Params, on: &mut On<'_>) -> Result<Judge, Fault> {
        let (time, entity) = (on.time()?, on.entity()?);
        let falling = params.direction == Direction::Falling;
        let examples = on.limits.examples;
        let order = on.ask(Order { entity, time, falling, strict: params.strict, examples });
        let allowed = match (falling, params.strict) {
            (false, false) => "not before the row before",
            (false, true) => "after the row before",
            (true, false) => "not after the row before",
            (true, true) => "before the row before",
        };
        Ok(Box::new(move |answers: &Answers| {
            Ok(Finding::tested(answers.get(order), "steps").allowed(allowed))
        }))
    }

    #[cfg(test)]
    fn sample() -> crate::quality::conformance::Sample {
        use serde_json::json;
        crate::quality::conformance::Sample::new(
            json!({ "column": "ts" }),
            json!({
                "ts": ["2026-01-01", "2026-01-05", null, "2026-01-01", "2026-01-02"],
                "entity": ["a", "b", "a", "a", "a"],
            }),
            json!({
                "ts": ["2026-01-02", "2026-01-05", null, "2026-01-01", "2026-01-06"],
                "entity": ["a", "b", "a", "a", "b"],
            }),
        )
    }
}
