//! Statistics of a window that slides with the row.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::machines::{Column, Rolling as Machine, Stat};
use crate::mistake::Mistake;
use crate::operator::{Draft, Grade, Operator, Reads, Sight, Site, Work};
use crate::time::Reach;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Params {
    /// The window that ends before the row.
    window: Reach,
    /// One column for each.
    #[serde(default)]
    stats: Vec<Stat>,
    /// Shares, such as 0.9: one column for the quantile of each.
    #[serde(default)]
    quantiles: Vec<f64>,
    /// With fewer values the statistics are missing. A window in steps must be full unless this is given, one in time needs one value.
    least: Option<u32>,
}

pub(crate) struct Rolling;

impl Operator for Rolling {
    const NAME: &'static str = "rolling";
    const ABOUT: &'static str = "statistics of the window of time that ends before the row";
    const GRADE: Grade = Grade::Causal;
    const SIGHT: Sight = Sight::Before;
    const READS: Reads = Reads::Number;
    const EXAMPLE: &'static str = r#"{ "window": "7m", "quantiles": [0.9], "least": 2, "stats":
        ["mean", "std", "min", "max", "sum", "median", "skew", "slope", "count", "share_missing"] }"#;
    type Params = Params;

    fn draft(params: Params, site: &Site<'_>) -> Result<Draft, Mistake> {
        let window = site.span(params.window, "window")?;
        let mut columns: Vec<Column> = params.stats.iter().map(|stat| Column::Of(*stat)).collect();
        let mut outputs: Vec<String> = params
            .stats
            .iter()
            .map(|stat| format!("roll{}_{}", params.window, stat.name()))
            .collect();
        for (index, share) in params.quantiles.iter().enumerate() {
            if !(0.0..=1.0).contains(share) {
                return Err(Mistake::new(
                    format!("/quantiles/{index}"),
                    format!("{share} is no share"),
                )
                .hint("write a number from 0 to 1, such as 0.9"));
            }
            columns.push(Column::Quantile(*share));
            outputs.push(format!("roll{}_q{}", params.window, share * 100.0));
        }
        if columns.is_empty() {
            return Err(Mistake::new("/stats", "no statistic is asked for")
                .hint("name one at least, as in `stats: [mean]`"));
        }
        if params.stats.contains(&Stat::ShareMissing) && site.step.is_none() {
            return Err(Mistake::new(
                "/stats",
                "`share_missing` needs a regular grid, and there is none",
            )
            .hint("declare the grid, as in `grid: 1m`, or take `count`"));
        }
        let least = params.least.unwrap_or(match params.window {
            Reach::Steps(steps) => steps,
            Reach::Time(_) => 1,
        });
        let step = site.step.map(|step| step.0);
        let machine = Machine::new(window.0, least, step, columns);
        Ok(Draft {
            outputs,
            window: Some(window),
            work: Work::Series(Box::new(move || Box::new(machine.clone()))),
        })
    }
}
