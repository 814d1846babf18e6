//! Blocks of time, each a small world of its own.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Fold, Mistakes, Promises, Scope, Splitter, check_folds};
use crate::folds::{Order, Region};

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Blocked {
    /// How many blocks of as many rows there are.
    folds: usize,
    /// The share of each block's rows that is tested, at its end.
    #[serde(default = "a_fifth")]
    test_share: f64,
}

const fn a_fifth() -> f64 {
    0.2
}

impl Splitter for Blocked {
    const NAME: &'static str = "blocked";
    const ABOUT: &'static str =
        "blocks of time; each learns from its beginning and tests on its end";

    fn sample() -> Value {
        json!({ "folds": 4, "test_share": 0.25 })
    }

    fn examine(&self, mistakes: &mut Mistakes) {
        check_folds(self.folds, mistakes);
        if !(0.01..=0.99).contains(&self.test_share) {
            mistakes
                .add("test_share", format!("{} is no share", self.test_share))
                .hint("take between 0.01 and 0.99");
        }
    }

    fn promises(&self) -> Promises {
        Promises { ordered: true, purged: true, tests_once: true, ..Promises::default() }
    }

    fn split(&self, scope: &Scope<'_>) -> Result<Vec<Fold>, Mistakes> {
        /// A block is cut into so many parts, of which some are tested.
        const PARTS: usize = 100;
        let blocks = scope.timeline.cut(scope.timeline.whole(), self.folds);
        if blocks.len() < self.folds {
            let message = format!("{} blocks of {} times", self.folds, scope.timeline.len());
            return Err(Mistakes::one("with.folds", message, "take fewer blocks"));
        }
        let tested =
            (1..PARTS).rfind(|parts| *parts as f64 <= self.test_share * PARTS as f64 + 0.5);
        let mut folds = Vec::new();
        for (number, block) in blocks.into_iter().enumerate() {
            let parts = scope.timeline.cut(block, PARTS);
            // Fewer times than parts: the share is taken of what there is, at least one part.
            let tested = (tested.unwrap_or(1) * parts.len()).div_ceil(PARTS);
            let mut train = block;
            train.until = parts[parts.len() - tested].from;
            let mut test = block;
            test.from = train.until;
            let name = (number + 1).to_string();
            folds.push(scope.fold(name, &Region::of(train), &Region::of(test), Order::Forward)?);
        }
        Ok(folds)
    }
}
