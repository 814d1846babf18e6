//! Stretches without any row are short.

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
    /// The longest distance of two times that is no gap.
    longest: Length,
    /// How many gaps are allowed.
    #[serde(default)]
    at_most: u64,
}

pub(crate) struct Gaps;

impl Check for Gaps {
    const NAME: &'static str = "gaps";
    const ABOUT: &'static str = "sorted by time, there are few stretches longer than a given one without a row, for each entity";
    const TARGET: Target = Target::Time;
    type Params = Params;

    fn compile(params: Params, on: &mut On<'_>) -> Result<Judge, Fault> {
        let time = on.time()?;
        let Class::Time { ticks_per_second, .. } = time.class else {
            unreachable!("a column of times has ticks");
        };
        let sorted = on.sorted_times(&time)?;
        let most = on.limits.examples;
        let longest = params
            .longest
            .ticks(ticks_per_second)
            .ok_or_else(|| Fault::new("with.longest", "is too long"))?;
        let allowed = match params.at_most {
            0 => format!("no gap longer than {}", params.longest.words()),
            some => {
                let gaps = words::counted(some, "gaps");
                format!("at most {gaps} longer than {}", params.longest.words())
            }
        };
        Ok(Box::new(move |answers: &Answers| {
            let length = |ticks: u64| words::length(ticks as f64 / ticks_per_second as f64);
            let (mut gaps, mut widest) = (0_u64, 0);
            let mut examples = Examples::new(most);
            steps(answers.get(sorted), |step| {
                widest = widest.max(step.ticks());
                if step.ticks() <= longest {
                    return;
                }
                gaps += 1;
                if examples.wants(step.row) {
                    let from = time.show_integer(step.from);
                    examples.add(step.row, Some(format!("{} after {from}", length(step.ticks()))));
                }
            })?;
            let seen = format!("{}, longest step {}", words::counted(gaps, "gaps"), length(widest));
            Ok(Finding::whole(gaps <= params.at_most, seen).allowed(allowed).examples(&examples))
        }))
    }

    #[cfg(test)]
    fn sample() -> crate::quality::conformance::Sample {
        use serde_json::json;
        crate::quality::conformance::Sample::new(
            json!({ "column": "ts", "with": { "longest": "90m" } }),
            json!({ "ts": ["2026-01-01T02:30:00", "2026-01-01T00:00:00", "2026-01-01T01:00:00"] }),
            json!({ "ts": ["2026-01-01T02:31:00", "2026-01-01T00:00:00", "2026-01-01T01:00:00"] }),
        )
    }
}
