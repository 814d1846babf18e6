//! Training of one length slides along.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::expanding::consecutive_tests;
use super::{Fold, Mistakes, Promises, Scope, Span, Splitter, check_folds, check_positive};
use crate::folds::{Order, Region};
use crate::time::Stretch;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Sliding {
    /// How many tests there are, one after the other up to the end.
    folds: usize,
    /// How far back training begins, counted from the start of the test.
    train: Span,
    /// How long each test is. Unless given, all of the time is cut into `folds` + 1 parts of as many rows, and the first one is only learned from.
    test: Option<Span>,
}

impl Splitter for Sliding {
    const NAME: &'static str = "sliding";
    const ABOUT: &'static str = "tests follow each other; each learns from a window before it";

    fn sample() -> Value {
        json!({ "folds": 5, "train": "90d" })
    }

    fn examine(&self, mistakes: &mut Mistakes) {
        check_folds(self.folds, mistakes);
        check_positive("train", Some(self.train), mistakes);
        check_positive("test", self.test, mistakes);
    }

    fn promises(&self) -> Promises {
        Promises { ordered: true, purged: true, tests_once: true, ..Promises::default() }
    }

    fn split(&self, scope: &Scope<'_>) -> Result<Vec<Fold>, Mistakes> {
        let tests = consecutive_tests(scope, self.folds, self.test)?;
        let fold = |(number, test): (usize, &Stretch)| {
            let train = Region::of(Stretch::new(test.from - self.train, test.from));
            scope.fold((number + 1).to_string(), &train, &Region::of(*test), Order::Forward)
        };
        tests.iter().enumerate().map(fold).collect()
    }
}
