//! Outer folds judge, inner folds choose.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{Fold, Mistakes, Promises, Scope, Split, Splitter, find};

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Nested {
    /// Divides all rows; its folds judge.
    outer: Part,
    /// Divides the training rows of each outer fold; its folds choose.
    inner: Part,
}

/// A splitter; gap and embargo are those of the whole.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Part {
    /// The splitter.
    split: String,
    /// Its parameters.
    #[serde(default)]
    with: Map<String, Value>,
}

impl Part {
    fn read(&self) -> Result<Box<dyn Split>, Mistakes> {
        let mut named = Map::new();
        named.insert("split".to_owned(), self.split.clone().into());
        let kind = find(&named)?;
        (kind.read)(&self.with).map_err(|mistakes| mistakes.below("with"))
    }
}

impl Splitter for Nested {
    const NAME: &'static str = "nested";
    const ABOUT: &'static str = "outer folds judge; inner folds of their training rows choose";

    fn sample() -> Value {
        json!({
            "outer": { "split": "expanding", "with": { "folds": 3 } },
            "inner": { "split": "expanding", "with": { "folds": 2 } },
        })
    }

    fn examine(&self, mistakes: &mut Mistakes) {
        for (place, part) in [("outer", &self.outer), ("inner", &self.inner)] {
            if part.split == Self::NAME {
                mistakes
                    .add(format!("{place}.split"), "is nested itself")
                    .hint("two levels are all");
            } else if let Err(wrong) = part.read() {
                mistakes.0.extend(wrong.below(place).0);
            }
        }
    }

    fn promises(&self) -> Promises {
        self.outer.read().map(|outer| outer.promises()).unwrap_or_default()
    }

    fn split(&self, scope: &Scope<'_>) -> Result<Vec<Fold>, Mistakes> {
        let (outer, inner) = (self.outer.read()?, self.inner.read()?);
        let mut folds = outer.split(scope)?;
        for fold in &mut folds {
            let inside = Scope::new(scope.clock, &fold.train, scope.guards);
            fold.inner = inner.split(&inside).map_err(|mistakes| {
                mistakes.below(&format!("inner folds of fold {}", fold.name))
            })?;
            for one in &mut fold.inner {
                one.name = format!("{}.{}", fold.name, one.name);
            }
        }
        Ok(folds)
    }
}
