//! Every stretch of time is tested once, by what lies on both sides of it.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Fold, Mistakes, Promises, Scope, Splitter, check_folds};
use crate::folds::{Order, Region};
use crate::time::Stretch;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PurgedKFold {
    /// How many stretches of as many rows there are.
    folds: usize,
}

impl Splitter for PurgedKFold {
    const NAME: &'static str = "purged_k_fold";
    const ABOUT: &'static str = "every stretch is tested once and learned from otherwise; labels and windows do not reach over";

    fn sample() -> Value {
        json!({ "folds": 5 })
    }

    fn examine(&self, mistakes: &mut Mistakes) {
        check_folds(self.folds, mistakes);
        if self.folds == 1 {
            mistakes.add("folds", "one fold leaves nothing to learn from").hint("take at least 2");
        }
    }

    fn promises(&self) -> Promises {
        Promises { purged: true, tests_all: true, tests_once: true, ..Promises::default() }
    }

    fn split(&self, scope: &Scope<'_>) -> Result<Vec<Fold>, Mistakes> {
        let blocks = blocks(scope, self.folds, "with.folds")?;
        let fold = |tested: usize| {
            let (train, test) = around(&blocks, |block| block == tested);
            scope.fold((tested + 1).to_string(), &train, &test, Order::Around)
        };
        (0..blocks.len()).map(fold).collect()
    }
}

/// Cuts all of the time into blocks of as many rows.
pub(super) fn blocks(
    scope: &Scope<'_>,
    count: usize,
    place: &str,
) -> Result<Vec<Stretch>, Mistakes> {
    let blocks = scope.timeline.cut(scope.timeline.whole(), count);
    if blocks.len() < count {
        let message = format!("{count} blocks of {} times", scope.timeline.len());
        return Err(Mistakes::one(place, message, "take fewer blocks"));
    }
    Ok(blocks)
}

/// The blocks that are tested, and the others.
pub(super) fn around(blocks: &[Stretch], is_tested: impl Fn(usize) -> bool) -> (Region, Region) {
    let of = |tested: bool| {
        let chosen = blocks.iter().enumerate().filter(|(block, _)| is_tested(*block) == tested);
        let stretches = crate::time::union(chosen.map(|(_, stretch)| *stretch).collect());
        Region { stretches, groups: None }
    };
    (of(false), of(true))
}
