//! Differences of values of the past.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::machines::History;
use crate::mistake::Mistake;
use crate::operator::{Draft, Grade, Machine, Operator, Reads, Sight, Site, Work};
use crate::state::{BadState, StateReader, StateWriter};
use crate::time::{Reach, Span};

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Params {
    /// How far apart: one column for each.
    by: Vec<Reach>,
}

pub(crate) struct Difference;

impl Operator for Difference {
    const NAME: &'static str = "difference";
    const ABOUT: &'static str = "the last value minus the one at exactly that time before it";
    const GRADE: Grade = Grade::Causal;
    const SIGHT: Sight = Sight::Before;
    const READS: Reads = Reads::Number;
    const EXAMPLE: &'static str = r#"{ "by": [1, "1h"] }"#;
    type Params = Params;

    fn draft(params: Params, site: &Site<'_>) -> Result<Draft, Mistake> {
        let spans: Result<Vec<Span>, Mistake> =
            params.by.iter().map(|reach| site.span(*reach, "by")).collect();
        let distances: Vec<i64> = spans?.iter().map(|span| span.0).collect();
        let Some(furthest) = distances.iter().max().copied() else {
            return Err(Mistake::new("/by", "there is no difference")
                .hint("write one distance at least, as in `by: [1]`"));
        };
        let step = site.step.map(|step| step.0);
        let reach = furthest.saturating_add(step.unwrap_or(0));
        let machine = Differences { distances, furthest, step, history: History::default() };
        Ok(Draft {
            outputs: params.by.iter().map(|reach| format!("diff_{reach}")).collect(),
            window: step.is_some().then_some(Span(reach)),
            work: Work::Series(Box::new(move || Box::new(machine.clone()))),
        })
    }
}

#[derive(Clone)]
struct Differences {
    distances: Vec<i64>,
    furthest: i64,
    /// On a grid the last value must be that of the step before, or it lies behind a gap.
    step: Option<i64>,
    history: History,
}

impl Machine for Differences {
    fn emit(&self, at: i64, out: &mut [f64]) {
        let seen = self.history.seen();
        let last = seen.at.last().filter(|last| self.step.is_none_or(|step| **last >= at - step));
        for (distance, place) in self.distances.iter().zip(out) {
            *place = f64::NAN;
            if let Some(last) = last
                && let Ok(before) = seen.at.binary_search(&(last - distance))
            {
                *place = seen.values[seen.values.len() - 1] - seen.values[before];
            }
        }
    }

    fn absorb(&mut self, at: i64, value: f64) {
        self.history.push(at, value);
        if let Some(newest) = self.history.newest() {
            self.history.forget_lazily(newest - self.furthest);
        }
    }

    fn reset(&mut self) {
        self.history.reset();
    }

    fn save(&self, state: &mut StateWriter) {
        let since = self.history.newest().map_or(0, |newest| newest - self.furthest);
        self.history.save(since, state);
    }

    fn restore(&mut self, state: &mut StateReader<'_>) -> Result<(), BadState> {
        self.history = History::restore(state)?;
        Ok(())
    }
}
