//! Selectors: which features are worth keeping. A selector is one file in this folder and one line in the list below.
//!
//! A selector sees training rows and folds of them, and has no way to the rows of a test: what it is lent is [`crate::selection::Choosing`].

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::mistake::{self, Mistakes, suggest};
use crate::selection::{Choosing, NoSelection, Selection};

mod ablation;
mod mutual_information;
mod permutation;
mod shadow;

/// All selectors: one line for each.
static KINDS: &[SelectorKind] = &[
    SelectorKind::of::<ablation::Ablation>(),
    SelectorKind::of::<mutual_information::MutualInformation>(),
    SelectorKind::of::<permutation::Permutation>(),
    SelectorKind::of::<shadow::Shadow>(),
];

/// All kinds of selectors, by name.
pub fn all() -> &'static [SelectorKind] {
    KINDS
}

/// One kind of selector: its parameters.
pub trait Selector: DeserializeOwned + JsonSchema + Send + Sync + 'static {
    /// In files and reports; never renamed. The name of the file too.
    const NAME: &'static str;
    /// What it does, in a line.
    const ABOUT: &'static str;

    /// Parameters that are right, as an example.
    fn sample() -> Value;

    /// What is wrong with parameters, whatever the data.
    fn examine(&self, _: &mut Mistakes) {}

    /// Chooses features.
    ///
    /// # Errors
    /// Where it cannot.
    fn select(&self, choosing: &Choosing<'_>) -> Result<Selection, NoSelection>;
}

/// A selector with its parameters, whatever its kind.
pub trait Select: Send + Sync {
    /// Chooses features.
    ///
    /// # Errors
    /// Where it cannot.
    fn select(&self, choosing: &Choosing<'_>) -> Result<Selection, NoSelection>;
}

impl<S: Selector> Select for S {
    fn select(&self, choosing: &Choosing<'_>) -> Result<Selection, NoSelection> {
        choosing.check()?;
        Selector::select(self, choosing)
    }
}

/// Reads parameters.
type Read = fn(&Map<String, Value>) -> Result<Box<dyn Select>, Mistakes>;

/// A kind of selector without its types.
pub struct SelectorKind {
    /// In files and reports.
    pub name: &'static str,
    /// What it does, in a line.
    pub about: &'static str,
    /// Parameters that are right, as an example.
    pub sample: fn() -> Value,
    schema: fn() -> schemars::Schema,
    read: Read,
}

impl SelectorKind {
    const fn of<S: Selector>() -> Self {
        Self {
            name: S::NAME,
            about: S::ABOUT,
            sample: S::sample,
            schema: || schemars::schema_for!(S),
            read: |with| {
                let selector = mistake::read::<S>(with, &S::sample(), S::examine)?;
                Ok(Box::new(selector))
            },
        }
    }

    /// The JSON Schema of its parameters.
    pub fn schema(&self) -> Value {
        (self.schema)().to_value()
    }
}

/// Reads a selector and its parameters.
///
/// # Errors
/// All that is wrong with them.
pub fn read(name: &str, with: &Map<String, Value>) -> Result<Box<dyn Select>, Mistakes> {
    let Some(kind) = KINDS.iter().find(|kind| kind.name == name) else {
        let hint = suggest(name, "selectors", KINDS.iter().map(|kind| kind.name));
        return Err(Mistakes::one("select", format!("unknown selector `{name}`"), hint));
    };
    (kind.read)(with).map_err(|mistakes| mistakes.below("with"))
}

/// A chance of error between 0 and 1, and enough repetitions to reach it.
fn check_level(level: f64, repetitions: (&str, usize), mistakes: &mut Mistakes) {
    if !(level > 0.0 && level < 1.0) {
        mistakes.add("level", format!("{level} is no chance of error")).hint("take 0.05");
        return;
    }
    let (name, count) = repetitions;
    if 1.0 / (count as f64 + 1.0) > level {
        let message = format!("{count} are too few for a chance of error of {level}");
        mistakes
            .add(name, message)
            .hint(format!("take at least {:.0}", (1.0 / level - 1.0).ceil()));
    }
}
