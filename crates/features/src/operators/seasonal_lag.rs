//! Values of earlier seasons.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::machines::Lookup;
use crate::mistake::Mistake;
use crate::operator::{Draft, Grade, Operator, Reads, Sight, Site, Work};
use crate::time::{Reach, Span};

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Params {
    /// The length of a season, such as `1d`.
    season: Reach,
    /// How many seasons back: one column for each.
    #[serde(default = "one")]
    #[schemars(range(min = 1, max = 1000))]
    count: u16,
}

fn one() -> u16 {
    1
}

pub(crate) struct SeasonalLag;

impl Operator for SeasonalLag {
    const NAME: &'static str = "seasonal_lag";
    const ABOUT: &'static str = "the values at the same place of earlier seasons";
    const GRADE: Grade = Grade::Causal;
    const SIGHT: Sight = Sight::Before;
    const READS: Reads = Reads::Number;
    const EXAMPLE: &'static str = r#"{ "season": "1h", "count": 2 }"#;
    type Params = Params;

    fn draft(params: Params, site: &Site<'_>) -> Result<Draft, Mistake> {
        let season = site.span(params.season, "season")?;
        if !(1..=1000).contains(&params.count) {
            return Err(Mistake::new(
                "/count",
                format!("{} seasons are not looked up", params.count),
            )
            .hint("write a number from 1 to 1000"));
        }
        let distances: Vec<i64> =
            (1..=i64::from(params.count)).map(|back| season.0.saturating_mul(back)).collect();
        Ok(Draft {
            outputs: (1..=params.count)
                .map(|back| format!("season_{}_{back}", params.season))
                .collect(),
            window: distances.last().map(|furthest| Span(*furthest)),
            work: Work::Series(Box::new(move || Box::new(Lookup::new(distances.clone())))),
        })
    }
}
