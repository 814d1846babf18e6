//! What stands in for missing values, from the past alone.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::machines::{Carry, History, Step, carried_time, time};
use crate::mistake::Mistake;
use crate::operator::{Draft, Grade, Machine, Operator, Reads, Sight, Site, Work};
use crate::state::{BadState, StateReader, StateWriter};
use crate::time::{Reach, Span};

#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Method {
    /// The last value.
    Forward,
    /// The value of the season before, or of one before that.
    Seasonal,
    /// The mean of all earlier values.
    Mean,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Params {
    method: Method,
    /// How old the last value may be, for `forward`; any age where it is left out.
    limit: Option<Reach>,
    /// The length of a season, for `seasonal`.
    season: Option<Reach>,
    /// How many seasons are looked through, for `seasonal`.
    #[serde(default = "four")]
    #[schemars(range(min = 1, max = 100))]
    seasons: u8,
}

fn four() -> u8 {
    4
}

pub(crate) struct Impute;

impl Operator for Impute {
    const NAME: &'static str = "impute";
    const ABOUT: &'static str =
        "the value, or what stands in for it from the past; and whether it was missing";
    const GRADE: Grade = Grade::Causal;
    const SIGHT: Sight = Sight::At;
    const READS: Reads = Reads::Number;
    const EXAMPLE: &'static str = r#"{ "method": "seasonal", "season": "1h" }"#;
    type Params = Params;

    fn draft(params: Params, site: &Site<'_>) -> Result<Draft, Mistake> {
        let outputs = vec!["imputed".to_owned(), "was_missing".to_owned()];
        match params.method {
            Method::Forward => {
                let limit = params.limit.map(|limit| site.span(limit, "limit")).transpose()?;
                let oldest = limit.map_or(i64::MAX, |limit| limit.0);
                let work = move || Box::new(Carry::new(Forward { oldest }, 2)) as Box<dyn Machine>;
                Ok(Draft { outputs, window: limit, work: Work::Series(Box::new(work)) })
            }
            Method::Mean => {
                let work = || Box::new(Carry::new(Mean, 4)) as Box<dyn Machine>;
                Ok(Draft { outputs, window: None, work: Work::Series(Box::new(work)) })
            }
            Method::Seasonal => {
                let Some(season) = params.season else {
                    return Err(Mistake::new("", "`seasonal` needs the length of a season")
                        .hint("add it, as in `season: 1d`"));
                };
                if !(1..=100).contains(&params.seasons) {
                    return Err(Mistake::new("/seasons", "the number of seasons is out of range")
                        .hint("write a number from 1 to 100"));
                }
                let season = site.span(season, "season")?.0;
                let seasons = i64::from(params.seasons);
                let machine = Seasonal { season, seasons, row: None, history: History::default() };
                Ok(Draft {
                    outputs,
                    window: Some(Span(season.saturating_mul(seasons))),
                    work: Work::Series(Box::new(move || Box::new(machine.clone()))),
                })
            }
        }
    }
}

/// The row itself is the newest that was absorbed: it lies just before the time of the call.
fn is_row(seen: Option<i64>, at: i64) -> bool {
    seen == Some(at - 1)
}

fn put(out: &mut [f64], is_missing: bool, value: f64) {
    out[0] = value;
    out[1] = f64::from(u8::from(is_missing));
}

/// Carries the time of the last value, and that value.
struct Forward {
    oldest: i64,
}

impl Step for Forward {
    fn emit(&self, carried: &[f64], at: i64, out: &mut [f64]) {
        let last = time(carried[0]);
        let is_usable = last.is_some_and(|last| at - 1 - last <= self.oldest);
        put(out, !is_row(last, at), if is_usable { carried[1] } else { f64::NAN });
    }

    fn absorb(&self, carried: &mut [f64], at: i64, value: f64) {
        if !value.is_nan() {
            carried[0] = carried_time(at);
            carried[1] = value;
        }
    }
}

/// Carries the time of the last value, that value, and the count and the mean of all values.
struct Mean;

impl Step for Mean {
    fn emit(&self, carried: &[f64], at: i64, out: &mut [f64]) {
        let is_there = is_row(time(carried[0]), at);
        put(out, !is_there, if is_there { carried[1] } else { carried[3] });
    }

    fn absorb(&self, carried: &mut [f64], at: i64, value: f64) {
        if value.is_nan() {
            return;
        }
        if carried[0].is_nan() {
            carried[2] = 0.0;
            carried[3] = 0.0;
        }
        carried[0] = carried_time(at);
        carried[1] = value;
        carried[2] += 1.0;
        carried[3] += (value - carried[3]) / carried[2];
    }
}

#[derive(Clone)]
struct Seasonal {
    season: i64,
    seasons: i64,
    row: Option<i64>,
    history: History,
}

impl Machine for Seasonal {
    fn emit(&self, at: i64, out: &mut [f64]) {
        let seen = self.history.seen();
        let value_at = |at: i64| seen.at.binary_search(&at).ok().map(|index| seen.values[index]);
        let row = at - 1;
        let own = value_at(row);
        let before = || (1..=self.seasons).find_map(|back| value_at(row - back * self.season));
        put(out, own.is_none(), own.or_else(before).unwrap_or(f64::NAN));
    }

    fn absorb(&mut self, at: i64, value: f64) {
        self.row = Some(at);
        self.history.push(at, value);
        self.history.forget_lazily(at - self.season * self.seasons);
    }

    fn reset(&mut self) {
        self.row = None;
        self.history.reset();
    }

    fn save(&self, state: &mut StateWriter) {
        state.whole(self.row.unwrap_or(i64::MIN));
        let since = self.row.map_or(0, |row| row - self.season * self.seasons);
        self.history.save(since, state);
    }

    fn restore(&mut self, state: &mut StateReader<'_>) -> Result<(), BadState> {
        self.row = Some(state.whole()?).filter(|row| *row != i64::MIN);
        self.history = History::restore(state)?;
        Ok(())
    }
}
