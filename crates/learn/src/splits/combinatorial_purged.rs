//! Every choice of some blocks is tested by the others: many paths through one history (López de Prado, 2018, chapter 12).

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::purged_k_fold::{around, blocks};
use super::{Fold, Mistakes, Promises, Scope, Splitter};
use crate::folds::Order;

/// Folds beyond this are taken to be a mistake.
const MOST_FOLDS: usize = 1000;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CombinatorialPurged {
    /// How many blocks of as many rows there are.
    blocks: usize,
    /// How many of them each fold tests.
    test_blocks: usize,
}

impl Splitter for CombinatorialPurged {
    const NAME: &'static str = "combinatorial_purged";
    const ABOUT: &'static str = "every choice of some blocks is tested by the others";

    fn sample() -> Value {
        json!({ "blocks": 6, "test_blocks": 2 })
    }

    fn examine(&self, mistakes: &mut Mistakes) {
        if self.test_blocks == 0 || self.test_blocks >= self.blocks {
            mistakes
                .add("test_blocks", format!("{} of {} blocks", self.test_blocks, self.blocks))
                .hint("test at least one block, and leave at least one to learn from");
        } else if choices(self.blocks, self.test_blocks).is_none() {
            let message = format!(
                "more than {MOST_FOLDS} ways to choose {} of {}",
                self.test_blocks, self.blocks
            );
            mistakes
                .add("blocks", message)
                .hint("take fewer blocks, such as 10 of which 2 are tested");
        }
    }

    fn promises(&self) -> Promises {
        let tests_once = self.test_blocks == 1;
        Promises { purged: true, tests_all: true, tests_once, ..Promises::default() }
    }

    fn split(&self, scope: &Scope<'_>) -> Result<Vec<Fold>, Mistakes> {
        let blocks = blocks(scope, self.blocks, "with.blocks")?;
        let mut folds = Vec::new();
        let mut chosen: Vec<usize> = (0..self.test_blocks).collect();
        loop {
            let (train, test) = around(&blocks, |block| chosen.contains(&block));
            let name = (folds.len() + 1).to_string();
            folds.push(scope.fold(name, &train, &test, Order::Around)?);
            if !advance(&mut chosen, self.blocks) {
                return Ok(folds);
            }
        }
    }
}

/// The next choice in the order of words; none after the last.
fn advance(chosen: &mut [usize], blocks: usize) -> bool {
    let count = chosen.len();
    let movable = (0..count).rfind(|place| chosen[*place] < blocks - count + *place);
    let Some(place) = movable else {
        return false;
    };
    chosen[place] += 1;
    for later in place + 1..count {
        chosen[later] = chosen[later - 1] + 1;
    }
    true
}

/// The number of ways to choose, where it is not too large.
fn choices(from: usize, count: usize) -> Option<usize> {
    let count = count.min(from - count);
    let mut ways = 1_usize;
    for step in 0..count {
        ways = ways.checked_mul(from - step)? / (step + 1);
        if ways > MOST_FOLDS {
            return None;
        }
    }
    Some(ways)
}
