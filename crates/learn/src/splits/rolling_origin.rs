//! Forecasts from one origin after the other, as they are made in use.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Fold, Mistakes, Promises, Scope, Span, Splitter, check_positive};
use crate::folds::{Order, Region};
use crate::time::{Stretch, Timestamp};

/// Folds beyond this are taken to be a mistake.
const MOST_ORIGINS: usize = 1000;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RollingOrigin {
    /// The first origin.
    first: Timestamp,
    /// How far apart origins are.
    every: Span,
    /// How long the test after each origin is; tests overlap where this is more than `every`.
    test: Span,
    /// How far back training begins, counted from the origin; from the start, unless given.
    train: Option<Span>,
    /// The last origin may not come later; unless given, the last one whose test has rows.
    last: Option<Timestamp>,
}

impl Splitter for RollingOrigin {
    const NAME: &'static str = "rolling_origin";
    const ABOUT: &'static str =
        "a forecast from one origin after the other, as they are made in use";

    fn sample() -> Value {
        json!({ "first": "2026-01-01", "every": "7d", "test": "14d" })
    }

    fn examine(&self, mistakes: &mut Mistakes) {
        check_positive("every", Some(self.every), mistakes);
        check_positive("test", Some(self.test), mistakes);
        check_positive("train", self.train, mistakes);
        if self.last.is_some_and(|last| last < self.first) {
            mistakes.add("last", format!("comes before the first origin, {}", self.first));
        }
    }

    fn promises(&self) -> Promises {
        let tests_once = self.test <= self.every;
        Promises { ordered: true, purged: true, tests_once, ..Promises::default() }
    }

    fn split(&self, scope: &Scope<'_>) -> Result<Vec<Fold>, Mistakes> {
        let whole = scope.timeline.whole();
        let known = scope.rows.iter().filter(|row| scope.clock.is_labelled(*row));
        let newest = known.map(|row| scope.clock.event[row]).max().unwrap_or(Timestamp::MIN);
        let last = self.last.unwrap_or(Timestamp::NEVER).min(newest);
        let mut folds = Vec::new();
        let mut origin = self.first;
        while origin <= last {
            if folds.len() == MOST_ORIGINS {
                let message = format!("gives more than {MOST_ORIGINS} origins until {last}");
                return Err(Mistakes::one(
                    "with.every",
                    message,
                    "take origins farther apart, or give `last`",
                ));
            }
            let from = self.train.map_or(whole.from, |train| origin - train);
            let train = Region::of(Stretch::new(from, origin));
            let test = Region::of(Stretch::new(origin, origin + self.test));
            let name = (folds.len() + 1).to_string();
            folds.push(scope.fold(name, &train, &test, Order::Forward)?);
            origin = origin + self.every;
        }
        if folds.is_empty() {
            let message =
                format!("no labelled row comes after {}; the last one is of {newest}", self.first);
            return Err(Mistakes::one("with.first", message, "take an earlier first origin"));
        }
        Ok(folds)
    }
}
