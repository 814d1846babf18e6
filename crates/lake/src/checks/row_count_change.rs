//! The number of rows is like that of earlier snapshots.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{Answers, Check, Fault, Finding, Judge, On, Target};
use crate::quality::values::Between;
use crate::quality::words;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Params {
    /// How many of the last snapshots are compared with, by the median of their row counts: so one bad night does not move the mark.
    #[serde(default = "seven")]
    #[schemars(range(min = 1))]
    snapshots: usize,
    /// The smallest part of the median that is allowed: 0.8 allows a fifth fewer rows.
    min: Option<f64>,
    /// The largest multiple of the median that is allowed: 1.5 allows half as many rows more.
    max: Option<f64>,
}

fn seven() -> usize {
    7
}

pub(crate) struct RowCountChange;

impl Check for RowCountChange {
    const NAME: &'static str = "row_count_change";
    const ABOUT: &'static str = "the number of rows is like that of the last snapshots";
    const TARGET: Target = Target::Table;
    type Params = Params;

    fn examine(params: &Params) -> Result<(), Fault> {
        if params.snapshots == 0 {
            return Err(Fault::new("with.snapshots", "compares with nothing")
                .hint("give 1 for the last snapshot alone"));
        }
        Between::new(params.min, params.max).map(drop)
    }

    fn compile(params: Params, on: &mut On<'_>) -> Result<Judge, Fault> {
        let between = Between::new(params.min, params.max)?;
        if on.filter.is_some() {
            return Err(Fault::new("filter", "earlier snapshots are known by all their rows only")
                .hint("leave `filter` out, or use `row_count`"));
        }
        let earlier: Vec<u64> =
            on.facts.earlier_rows.iter().copied().take(params.snapshots).collect();
        let rows = on.rows();
        let allowed = format!("{} times the last snapshots", between.words(words::number));
        Ok(Box::new(move |answers: &Answers| {
            let Some(median) = median(earlier.clone()) else {
                let why = "no earlier snapshot to compare with";
                return Ok(Finding::nothing(why).allowed(allowed));
            };
            let rows = rows(answers);
            // Against a table that was empty, any row is a growth without bound.
            let ratio = match (rows, median) {
                (0, 0.0) => 1.0,
                (rows, median) => rows as f64 / median,
            };
            let snapshots = words::counted(earlier.len() as u64, "snapshots");
            let seen = format!(
                "{}, {} times the {} of the last {snapshots}",
                words::counted(rows, "rows"),
                words::number(ratio),
                words::number(median),
            );
            Ok(Finding::whole(between.holds(ratio), seen).allowed(allowed))
        }))
    }

    #[cfg(test)]
    fn sample() -> crate::quality::conformance::Sample {
        use serde_json::json;
        crate::quality::conformance::Sample::new(
            // The suite says that earlier snapshots had 4, 4 and 100 rows.
            json!({ "with": { "min": 0.75, "max": 1.25 } }),
            json!({ "x": [1, 2, 3] }),
            json!({ "x": [1, 2] }),
        )
    }
}

fn median(mut counts: Vec<u64>) -> Option<f64> {
    counts.sort_unstable();
    let high = counts.get(counts.len() / 2)?;
    let low = counts.get((counts.len() - 1) / 2)?;
    Some(f64::midpoint(*low as f64, *high as f64))
}
