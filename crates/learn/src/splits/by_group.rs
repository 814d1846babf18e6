//! Groups that were never seen: every group is tested by models that learned from others.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Fold, Mistakes, Promises, Scope, Splitter, check_folds};
use crate::folds::{Order, Region};
use crate::time::{Stretch, Timestamp};

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ByGroup {
    /// Over how many folds groups are dealt out.
    folds: usize,
    /// Tests begin here, and training ends before: unseen groups at a time that is unseen too. Unless given, training and test share their time, and
    /// what happens to all groups at once is known to both.
    after: Option<Timestamp>,
}

impl Splitter for ByGroup {
    const NAME: &'static str = "by_group";
    const ABOUT: &'static str =
        "every group (entity) is tested once, by what was learned from others";

    fn sample() -> Value {
        json!({ "folds": 3 })
    }

    fn examine(&self, mistakes: &mut Mistakes) {
        check_folds(self.folds, mistakes);
        if self.folds == 1 {
            mistakes.add("folds", "one fold leaves nothing to learn from").hint("take at least 2");
        }
    }

    fn promises(&self) -> Promises {
        let ordered = self.after.is_some();
        let base = Promises { groups_apart: true, tests_once: true, ..Promises::default() };
        Promises { ordered, purged: ordered, tests_all: !ordered, ..base }
    }

    fn split(&self, scope: &Scope<'_>) -> Result<Vec<Fold>, Mistakes> {
        let dealt = deal(scope, self.folds)?;
        let whole = scope.timeline.whole();
        let (before, after, order) = match self.after {
            None => (whole, whole, Order::Groups),
            Some(at) => {
                (Stretch::new(whole.from, at), Stretch::new(at, whole.until), Order::Forward)
            }
        };
        let fold = |number: usize| {
            let of = |stretch, tested: bool| {
                let groups = dealt.iter().map(|fold| (*fold == number) == tested).collect();
                Region { stretches: vec![stretch], groups: Some(groups) }
            };
            scope.fold((number + 1).to_string(), &of(before, false), &of(after, true), order)
        };
        (0..self.folds).map(fold).collect()
    }
}

/// The fold of each group: the largest first, each to the fold with the fewest rows so far; by name where they are equal.
fn deal(scope: &Scope<'_>, folds: usize) -> Result<Vec<usize>, Mistakes> {
    let sizes = scope.group_sizes();
    let names = &scope.clock.groups.names;
    let mut groups: Vec<usize> = (0..sizes.len()).filter(|group| sizes[*group] > 0).collect();
    if groups.len() < folds {
        let message = format!("{folds} folds of {} groups", groups.len());
        return Err(Mistakes::one(
            "with.folds",
            message,
            "take at most as many folds as there are groups",
        ));
    }
    groups.sort_by(|a, b| sizes[*b].cmp(&sizes[*a]).then_with(|| names[*a].cmp(&names[*b])));
    let mut dealt = vec![0; sizes.len()];
    let mut rows = vec![0; folds];
    for group in groups {
        let fold = (0..folds).min_by_key(|fold| rows[*fold]).expect("there is a fold");
        dealt[group] = fold;
        rows[fold] += sizes[group];
    }
    Ok(dealt)
}
