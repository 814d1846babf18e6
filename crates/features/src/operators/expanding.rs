//! Statistics of all the past.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::machines::{Expanding as Machine, Stat};
use crate::mistake::Mistake;
use crate::operator::{Draft, Grade, Operator, Reads, Sight, Site, Work};

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Params {
    /// One column for each.
    stats: Vec<Stat>,
    /// With fewer values the statistics are missing.
    #[serde(default = "one")]
    least: u32,
}

fn one() -> u32 {
    1
}

pub(crate) struct Expanding;

impl Operator for Expanding {
    const NAME: &'static str = "expanding";
    const ABOUT: &'static str = "statistics of everything before the row";
    const GRADE: Grade = Grade::Causal;
    const SIGHT: Sight = Sight::Before;
    const READS: Reads = Reads::Number;
    const EXAMPLE: &'static str = r#"{ "stats":
        ["mean", "std", "min", "max", "sum", "skew", "slope", "count", "share_missing"] }"#;
    type Params = Params;

    fn draft(params: Params, site: &Site<'_>) -> Result<Draft, Mistake> {
        if params.stats.is_empty() {
            return Err(Mistake::new("/stats", "no statistic is asked for")
                .hint("name one at least, as in `stats: [mean]`"));
        }
        if let Some(index) = params.stats.iter().position(|stat| *stat == Stat::Median) {
            return Err(Mistake::new(
                format!("/stats/{index}"),
                "the median of all the past would need all the past in the saved state",
            )
            .hint("take `rolling` with a long window, or `mean`"));
        }
        if params.stats.contains(&Stat::ShareMissing) && site.step.is_none() {
            return Err(Mistake::new(
                "/stats",
                "`share_missing` needs a regular grid, and there is none",
            )
            .hint("declare the grid, as in `grid: 1m`, or take `count`"));
        }
        let step = site.step.map(|step| step.0);
        let machine = Machine::new(params.least, step, params.stats.clone());
        Ok(Draft {
            outputs: params.stats.iter().map(|stat| format!("expanding_{}", stat.name())).collect(),
            window: None,
            work: Work::Series(Box::new(move || Box::new(machine.clone()))),
        })
    }
}
