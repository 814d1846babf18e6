//! Public holidays.

use chrono_tz::Tz;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::calendar::{Country, HolidayTable, LocalTime, day_of};
use crate::mistake::Mistake;
use crate::operator::{Draft, Formula, Grade, Operator, Reads, Rows, Sight, Site, Work};
use crate::time::Span;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Params {
    /// Whose holidays.
    country: Country,
}

pub(crate) struct Holidays;

impl Operator for Holidays {
    const NAME: &'static str = "holidays";
    const ABOUT: &'static str = "whether the day is a public holiday, the days since the last one and the days to the next one, up to 30";
    const GRADE: Grade = Grade::Causal;
    const SIGHT: Sight = Sight::At;
    const READS: Reads = Reads::Time;
    const EXAMPLE: &'static str = r#"{ "country": "NO" }"#;
    type Params = Params;

    fn draft(params: Params, site: &Site<'_>) -> Result<Draft, Mistake> {
        let country = params.country;
        Ok(Draft {
            outputs: ["holiday", "since_holiday", "until_holiday"]
                .map(|output| format!("{}_{output}", country.code()))
                .into(),
            window: Some(Span(0)),
            work: Work::Rows(Box::new(Days { zone: site.zone, country })),
        })
    }
}

/// Further than this, a holiday is no news.
const FURTHEST: i64 = 30;

struct Days {
    zone: Tz,
    country: Country,
}

impl Formula for Days {
    fn apply(&self, rows: &Rows<'_>, out: &mut [&mut [f64]]) {
        let mut clock = LocalTime::of(self.zone);
        let mut table = HolidayTable::of(self.country);
        let mut known = None;
        for (index, at) in rows.at.iter().enumerate() {
            let day = day_of(clock.at(*at));
            let (since, until) = match known {
                Some((same, distances)) if same == day => distances,
                Some(_) | None => table.distances(day, FURTHEST),
            };
            known = Some((day, (since, until)));
            out[0][index] = f64::from(u8::from(since == 0));
            out[1][index] = since as f64;
            out[2][index] = until as f64;
        }
    }
}
