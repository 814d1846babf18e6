//! Waves of a period.

use chrono_tz::Tz;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::calendar::LocalTime;
use crate::mistake::Mistake;
use crate::operator::{Draft, Formula, Grade, Operator, Reads, Rows, Sight, Site, Work};
use crate::time::{Reach, Span};

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Params {
    /// The length of a period, such as `1d`.
    period: Reach,
    /// How many waves: the first takes a period, the second half of one, and so on.
    #[schemars(range(min = 1, max = 50))]
    order: u8,
}

pub(crate) struct Fourier;

impl Operator for Fourier {
    const NAME: &'static str = "fourier";
    const ABOUT: &'static str = "sines and cosines of the local time over a period";
    const GRADE: Grade = Grade::Causal;
    const SIGHT: Sight = Sight::At;
    const READS: Reads = Reads::Time;
    const EXAMPLE: &'static str = r#"{ "period": "1d", "order": 2 }"#;
    type Params = Params;

    fn draft(params: Params, site: &Site<'_>) -> Result<Draft, Mistake> {
        let period = site.span(params.period, "period")?.0;
        if !(1..=50).contains(&params.order) {
            return Err(Mistake::new("/order", format!("{} waves are not computed", params.order))
                .hint("write a number from 1 to 50"));
        }
        let orders = 1..=params.order;
        let outputs = orders.flat_map(|order| {
            ["sin", "cos"].map(|wave| format!("fourier_{}_{wave}{order}", params.period))
        });
        let outputs = outputs.collect();
        let work = Waves { zone: site.zone, period };
        Ok(Draft { outputs, window: Some(Span(0)), work: Work::Rows(Box::new(work)) })
    }
}

struct Waves {
    zone: Tz,
    period: i64,
}

impl Formula for Waves {
    fn apply(&self, rows: &Rows<'_>, out: &mut [&mut [f64]]) {
        let mut clock = LocalTime::of(self.zone);
        for (index, at) in rows.at.iter().enumerate() {
            let local = clock.at(*at);
            let turn = local.rem_euclid(self.period) as f64 / self.period as f64;
            for (order, pair) in (1_u32..).zip(out.chunks_exact_mut(2)) {
                let angle = turn * f64::from(order) * std::f64::consts::TAU;
                pair[0][index] = angle.sin();
                pair[1][index] = angle.cos();
            }
        }
    }
}
