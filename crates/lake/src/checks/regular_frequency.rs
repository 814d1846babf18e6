//! Times come at a regular distance.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{Answers, Check, Fault, Finding, Judge, On, Target};
use crate::quality::Class;
use crate::quality::examples::Examples;
use crate::quality::measures::sorted::steps;
use crate::quality::values::Length;
use crate::quality::words;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Params {
    /// The distance from one time to the next.
    every: Length,
    /// How far a distance may be from that.
    #[serde(default)]
    tolerance: Length,
}

pub(crate) struct RegularFrequency;

impl Check for RegularFrequency {
    const NAME: &'static str = "regular_frequency";
    const ABOUT: &'static str = "sorted by time, each time follows the one before it at a regular distance, for each entity";
    const TARGET: Target = Target::Time;
    const TOLERANCE: bool = true;
    type Params = Params;

    fn examine(params: &Params) -> Result<(), Fault> {
        if params.every.is_zero() {
            return Err(Fault::new("with.every", "times cannot come at a distance of nothing")
                .hint("write `10m` or `1h`"));
        }
        if params.tolerance >= params.every {
            return Err(
                Fault::new("with.tolerance", "allows any distance").hint("give less than `every`")
            );
        }
        Ok(())
    }

    fn compile(params: Params, on: &mut On<'_>) -> Result<Judge, Fault> {
        let time = on.time()?;
        let Class::Time { ticks_per_second, .. } = time.class else {
            unreachable!("a column of times has ticks");
        };
        let sorted = on.sorted_times(&time)?;
        let most = on.limits.examples;
        let ticks = |length: Length, field: &str| {
            length.ticks(ticks_per_second).ok_or_else(|| Fault::new(field, "is too long"))
        };
        let every = ticks(params.every, "with.every")?;
        let tolerance = ticks(params.tolerance, "with.tolerance")?;
        let mut allowed = format!("{} after the time before", params.every.words());
        if !params.tolerance.is_zero() {
            allowed = format!("{allowed}, give or take {}", params.tolerance.words());
        }
        Ok(Box::new(move |answers: &Answers| {
            let (mut tested, mut failed) = (0, 0);
            let mut examples = Examples::new(most);
            steps(answers.get(sorted), |step| {
                tested += 1;
                if step.ticks().abs_diff(every) <= tolerance {
                    return;
                }
                failed += 1;
                if examples.wants(step.row) {
                    let length = words::length(step.ticks() as f64 / ticks_per_second as f64);
                    let from = time.show_integer(step.from);
                    examples.add(step.row, Some(format!("{length} after {from}")));
                }
            })?;
            Ok(Finding::rows(tested, failed, "steps", &examples).allowed(allowed))
        }))
    }

    #[cfg(test)]
    fn sample() -> crate::quality::conformance::Sample {
        use serde_json::json;
        crate::quality::conformance::Sample::new(
            json!({ "column": "ts", "with": { "every": "1h", "tolerance": "1s" } }),
            json!({ "ts": ["2026-01-01T02:00:01", "2026-01-01T00:00:00", null, "2026-01-01T01:00:00"] }),
            json!({ "ts": ["2026-01-01T02:00:02", "2026-01-01T00:00:00", "2026-01-01T01:00:00"] }),
        )
    }
}
