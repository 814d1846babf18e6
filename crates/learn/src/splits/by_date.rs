//! Training, validation and test, divided at dates.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Fold, Mistakes, Promises, Scope, Splitter};
use crate::folds::{Order, Region};
use crate::time::{Stretch, Timestamp};

#[expect(clippy::struct_field_names, reason = "they are keys of a file, and say what ends")]
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ByDate {
    /// Training ends here. Validation follows, where `validate_until` is given, else the test.
    train_until: Timestamp,
    /// Validation ends here, and the test begins. Choices are made by an inner fold that tests on the validation; the outer one learns from training
    /// and validation.
    validate_until: Option<Timestamp>,
    /// The test ends here; at the end, unless given.
    test_until: Option<Timestamp>,
}

impl Splitter for ByDate {
    const NAME: &'static str = "by_date";
    const ABOUT: &'static str = "training, validation and test, divided at dates";

    fn sample() -> Value {
        json!({ "train_until": "2026-02-01", "validate_until": "2026-03-01" })
    }

    fn examine(&self, mistakes: &mut Mistakes) {
        let dates = [
            ("train_until", Some(self.train_until)),
            ("validate_until", self.validate_until),
            ("test_until", self.test_until),
        ];
        let given: Vec<_> = dates.iter().filter_map(|(key, at)| Some((key, (*at)?))).collect();
        for pair in given.windows(2) {
            let ((earlier, before), (later, after)) = (&pair[0], &pair[1]);
            if after <= before {
                mistakes
                    .add(**later, format!("{after} is not after `{earlier}`, {before}"))
                    .hint("training comes first, then validation, then the test");
            }
        }
    }

    fn promises(&self) -> Promises {
        Promises { ordered: true, purged: true, tests_once: true, ..Promises::default() }
    }

    fn split(&self, scope: &Scope<'_>) -> Result<Vec<Fold>, Mistakes> {
        let whole = scope.timeline.whole();
        let test_from = self.validate_until.unwrap_or(self.train_until);
        let until = self.test_until.unwrap_or(whole.until);
        let train = Region::of(Stretch::new(whole.from, test_from));
        let test = Region::of(Stretch::new(test_from, until));
        let mut outer = scope.fold("test", &train, &test, Order::Forward)?;
        if let Some(validate_until) = self.validate_until {
            let inside = Scope::new(scope.clock, &outer.train, scope.guards);
            let train = Region::of(Stretch::new(whole.from, self.train_until));
            let validation = Region::of(Stretch::new(self.train_until, validate_until));
            let inner = inside.fold("validation", &train, &validation, Order::Forward)?;
            outer.inner = vec![inner];
        }
        Ok(vec![outer])
    }
}
