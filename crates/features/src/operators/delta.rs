//! Changes over a window, or since the beginning.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::machines::{Carry, History, Step};
use crate::mistake::Mistake;
use crate::operator::{Draft, Grade, Machine, Operator, Reads, Sight, Site, Work};
use crate::state::{BadState, StateReader, StateWriter};
use crate::time::Reach;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Params {
    /// The window; all the past where it is left out.
    over: Option<Reach>,
}

pub(crate) struct Delta;

impl Operator for Delta {
    const NAME: &'static str = "delta";
    const ABOUT: &'static str = "the last value of a window minus its first one";
    const GRADE: Grade = Grade::Causal;
    const SIGHT: Sight = Sight::Before;
    const READS: Reads = Reads::Number;
    const EXAMPLE: &'static str = r#"{ "over": "10m" }"#;
    type Params = Params;

    fn draft(params: Params, site: &Site<'_>) -> Result<Draft, Mistake> {
        let Some(over) = params.over else {
            return Ok(Draft {
                outputs: vec!["delta".to_owned()],
                window: None,
                work: Work::Series(Box::new(|| Box::new(Carry::new(SinceFirst, 2)))),
            });
        };
        let window = site.span(over, "over")?;
        let machine = WithinWindow { window: window.0, history: History::default() };
        Ok(Draft {
            outputs: vec![format!("delta_{over}")],
            window: Some(window),
            work: Work::Series(Box::new(move || Box::new(machine.clone()))),
        })
    }
}

/// Carries the first value and the last one.
struct SinceFirst;

impl Step for SinceFirst {
    fn emit(&self, carried: &[f64], _: i64, out: &mut [f64]) {
        out[0] = carried[1] - carried[0];
    }

    fn absorb(&self, carried: &mut [f64], _: i64, value: f64) {
        if value.is_nan() {
            return;
        }
        if carried[0].is_nan() {
            carried[0] = value;
        }
        carried[1] = value;
    }
}

#[derive(Clone)]
struct WithinWindow {
    window: i64,
    history: History,
}

impl Machine for WithinWindow {
    fn emit(&self, at: i64, out: &mut [f64]) {
        let seen = self.history.seen();
        let from = seen.at.partition_point(|seen| *seen < at - self.window);
        out[0] = match &seen.values[from..] {
            [first, .., last] => last - first,
            [_] | [] => f64::NAN,
        };
    }

    fn absorb(&mut self, at: i64, value: f64) {
        self.history.push(at, value);
        self.history.forget_lazily(at - self.window);
    }

    fn reset(&mut self) {
        self.history.reset();
    }

    fn save(&self, state: &mut StateWriter) {
        let since = self.history.newest().map_or(0, |newest| newest - self.window);
        self.history.save(since, state);
    }

    fn restore(&mut self, state: &mut StateReader<'_>) -> Result<(), BadState> {
        self.history = History::restore(state)?;
        Ok(())
    }
}
