//! Training grows: each fold learns from everything before its test.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Fold, Mistakes, Promises, Scope, Span, Splitter, check_folds, check_positive};
use crate::folds::{Order, Region};
use crate::time::Stretch;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Expanding {
    /// How many tests there are, one after the other up to the end.
    folds: usize,
    /// How long each test is. Unless given, all of the time is cut into `folds` + 1 parts of as many rows, and the first one is only learned from.
    test: Option<Span>,
}

impl Splitter for Expanding {
    const NAME: &'static str = "expanding";
    const ABOUT: &'static str = "tests follow each other; each learns from everything before it";

    fn sample() -> Value {
        json!({ "folds": 5 })
    }

    fn examine(&self, mistakes: &mut Mistakes) {
        check_folds(self.folds, mistakes);
        check_positive("test", self.test, mistakes);
    }

    fn promises(&self) -> Promises {
        Promises { ordered: true, purged: true, tests_once: true, ..Promises::default() }
    }

    fn split(&self, scope: &Scope<'_>) -> Result<Vec<Fold>, Mistakes> {
        let start = scope.timeline.whole().from;
        let tests = consecutive_tests(scope, self.folds, self.test)?;
        let fold = |(number, test): (usize, &Stretch)| {
            let train = Region::of(Stretch::new(start, test.from));
            scope.fold((number + 1).to_string(), &train, &Region::of(*test), Order::Forward)
        };
        tests.iter().enumerate().map(fold).collect()
    }
}

/// Tests that follow each other up to the end, with something before the first one.
pub(super) fn consecutive_tests(
    scope: &Scope<'_>,
    folds: usize,
    test: Option<Span>,
) -> Result<Vec<Stretch>, Mistakes> {
    let whole = scope.timeline.whole();
    let tests: Vec<Stretch> = match test {
        None => scope.timeline.cut(whole, folds + 1).into_iter().skip(1).collect(),
        Some(test) => (0..folds)
            .map(|fold| {
                let left = i64::try_from(folds - fold).unwrap_or(i64::MAX);
                let from = whole.until - Span(test.0.saturating_mul(left));
                Stretch::new(from, from + test)
            })
            .collect(),
    };
    if tests.len() < folds || tests.first().is_some_and(|test| test.from <= whole.from) {
        let message = format!(
            "{folds} tests do not fit between {} and {}, with something to learn from before",
            whole.from, whole.until
        );
        return Err(Mistakes::one("with.folds", message, "take fewer or shorter tests"));
    }
    Ok(tests)
}
