//! The newest time is recent.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{Answers, Check, Fault, Finding, Judge, On, Target};
use crate::quality::Class;
use crate::quality::measures::extent::Extent;
use crate::quality::values::{Length, ticks};
use crate::quality::words;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Params {
    /// How long before the end of the interval the newest time may lie.
    within: Length,
    /// How long after the end of the interval the newest time may lie; any time unless given. A clock that runs ahead would hide that nothing new comes.
    ahead: Option<Length>,
}

pub(crate) struct Freshness;

impl Check for Freshness {
    const NAME: &'static str = "freshness";
    const ABOUT: &'static str = "the newest time lies close to the end of the interval";
    const TARGET: Target = Target::Time;
    type Params = Params;

    fn compile(params: Params, on: &mut On<'_>) -> Result<Judge, Fault> {
        let time = on.time()?;
        let Class::Time { ticks_per_second, .. } = time.class else {
            unreachable!("a column of times has ticks");
        };
        let extent = on.extent(&time);
        let now = on.facts.now;
        let allowed = match params.ahead {
            None => format!("newest within {}", params.within.words()),
            Some(ahead) => {
                let within = params.within.words();
                format!("newest within {within}, at most {} ahead", ahead.words())
            }
        };
        Ok(Box::new(move |answers: &Answers| {
            let Some(now) = now.and_then(|now| ticks(now.naive_utc(), ticks_per_second)) else {
                let why = "the end of the interval is not known";
                return Ok(Finding::nothing(why).allowed(allowed));
            };
            let Some(Extent::Integers(_, newest)) = *answers.get(extent) else {
                return Ok(Finding::whole(false, "no time at all").allowed(allowed));
            };
            let age = (i128::from(now) - i128::from(newest)) as f64 / ticks_per_second as f64;
            let late = age > params.within.seconds();
            let early = params.ahead.is_some_and(|ahead| -age > ahead.seconds());
            let before = if age < 0.0 { "after" } else { "before" };
            let (shown, age) = (time.show_integer(newest), words::length(age.abs()));
            let seen = format!("newest {shown}, {age} {before} {}", time.show_integer(now));
            Ok(Finding::whole(!late && !early, seen).allowed(allowed))
        }))
    }

    #[cfg(test)]
    fn sample() -> crate::quality::conformance::Sample {
        use serde_json::json;
        crate::quality::conformance::Sample::new(
            // The suite's interval ends at 2026-01-02T00:00:00Z.
            json!({ "column": "ts", "with": { "within": "2h", "ahead": "0s" } }),
            json!({ "ts": ["2026-01-01T22:00:00", null] }),
            json!({ "ts": ["2026-01-01T21:59:59", null] }),
        )
    }
}
