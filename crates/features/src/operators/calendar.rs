//! The calendar and the clock, in a time zone.

use chrono_tz::Tz;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::calendar::{LocalTime, Part};
use crate::mistake::Mistake;
use crate::operator::{Draft, Formula, Grade, Operator, Reads, Rows, Sight, Site, Work};
use crate::time::Span;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Params {
    /// As numbers.
    #[serde(default)]
    parts: Vec<Part>,
    /// As sine and cosine, so that the end is next to the beginning.
    #[serde(default)]
    cyclic: Vec<Part>,
}

pub(crate) struct Calendar;

impl Operator for Calendar {
    const NAME: &'static str = "calendar";
    const ABOUT: &'static str = "parts of the local date and time of the row";
    const GRADE: Grade = Grade::Causal;
    const SIGHT: Sight = Sight::At;
    const READS: Reads = Reads::Time;
    const EXAMPLE: &'static str =
        r#"{ "parts": ["hour", "weekday", "month"], "cyclic": ["time_of_day"] }"#;
    type Params = Params;

    fn draft(params: Params, site: &Site<'_>) -> Result<Draft, Mistake> {
        let plain = params.parts.iter().map(|part| part.name().to_owned());
        let waves = ["sin", "cos"];
        let cyclic = params
            .cyclic
            .iter()
            .flat_map(|part| waves.map(|wave| format!("{}_{wave}", part.name())));
        let outputs: Vec<String> = plain.chain(cyclic).collect();
        if outputs.is_empty() {
            return Err(Mistake::new("", "no part of the calendar is asked for")
                .hint("name some, as in `parts: [hour, weekday]`"));
        }
        let work = LocalParts { zone: site.zone, plain: params.parts, cyclic: params.cyclic };
        Ok(Draft { outputs, window: Some(Span(0)), work: Work::Rows(Box::new(work)) })
    }
}

struct LocalParts {
    zone: Tz,
    plain: Vec<Part>,
    cyclic: Vec<Part>,
}

impl Formula for LocalParts {
    fn apply(&self, rows: &Rows<'_>, out: &mut [&mut [f64]]) {
        let mut clock = LocalTime::of(self.zone);
        for (index, at) in rows.at.iter().enumerate() {
            let local = clock.at(*at);
            let mut columns = out.iter_mut();
            for part in &self.plain {
                if let Some(column) = columns.next() {
                    column[index] = part.value(local);
                }
            }
            for part in &self.cyclic {
                let turn = part.turn(local) * std::f64::consts::TAU;
                for wave in [turn.sin(), turn.cos()] {
                    if let Some(column) = columns.next() {
                        column[index] = wave;
                    }
                }
            }
        }
    }
}
