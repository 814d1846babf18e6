//! Splitters: how rows are divided into folds. A splitter is one file in this folder and one line in the list below.
//!
//! A splitter sees when rows happened and when their labels were known ([`crate::clock::Clock`]), and no value. It names stretches of time and
//! groups; rows, purge and embargo are made of that in one place ([`crate::folds::Scope`]).

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::clock::Clock;
use crate::folds::{Fold, Folds, Guards, Promises, Scope, Shortened};
use crate::mistake::{self, Mistakes, suggest};
use crate::rows::RowSet;
use crate::time::Span;

mod blocked;
mod by_date;
mod by_group;
mod combinatorial_purged;
mod expanding;
mod nested;
mod purged_k_fold;
mod rolling_origin;
mod sliding;

/// All splitters: one line for each.
static KINDS: &[SplitterKind] = &[
    SplitterKind::of::<blocked::Blocked>(),
    SplitterKind::of::<by_date::ByDate>(),
    SplitterKind::of::<by_group::ByGroup>(),
    SplitterKind::of::<combinatorial_purged::CombinatorialPurged>(),
    SplitterKind::of::<expanding::Expanding>(),
    SplitterKind::of::<nested::Nested>(),
    SplitterKind::of::<purged_k_fold::PurgedKFold>(),
    SplitterKind::of::<rolling_origin::RollingOrigin>(),
    SplitterKind::of::<sliding::Sliding>(),
];

/// All kinds of splitters, by name.
pub fn all() -> &'static [SplitterKind] {
    KINDS
}

/// One kind of splitter: its parameters.
pub trait Splitter: DeserializeOwned + JsonSchema + Send + Sync + 'static {
    /// In files and reports; never renamed. The name of the file too.
    const NAME: &'static str;
    /// What it does, in a line.
    const ABOUT: &'static str;

    /// Parameters that are right, as an example.
    fn sample() -> Value;

    /// What is wrong with parameters, whatever the data.
    fn examine(&self, _: &mut Mistakes) {}

    /// What holds of its folds.
    fn promises(&self) -> Promises;

    /// Divides rows into folds.
    ///
    /// # Errors
    /// Where the rows cannot be divided so.
    fn split(&self, scope: &Scope<'_>) -> Result<Vec<Fold>, Mistakes>;
}

/// A splitter with its parameters, whatever its kind.
pub trait Split: Send + Sync {
    /// What holds of its folds.
    fn promises(&self) -> Promises;

    /// Divides rows into folds.
    ///
    /// # Errors
    /// Where the rows cannot be divided so.
    fn split(&self, scope: &Scope<'_>) -> Result<Vec<Fold>, Mistakes>;
}

impl<S: Splitter> Split for S {
    fn promises(&self) -> Promises {
        Splitter::promises(self)
    }

    fn split(&self, scope: &Scope<'_>) -> Result<Vec<Fold>, Mistakes> {
        Splitter::split(self, scope)
    }
}

/// Reads parameters.
type Read = fn(&Map<String, Value>) -> Result<Box<dyn Split>, Mistakes>;

/// A kind of splitter without its types.
pub struct SplitterKind {
    /// In files and reports.
    pub name: &'static str,
    /// What it does, in a line.
    pub about: &'static str,
    /// Parameters that are right, as an example.
    pub sample: fn() -> Value,
    schema: fn() -> schemars::Schema,
    read: Read,
}

impl SplitterKind {
    const fn of<S: Splitter>() -> Self {
        Self {
            name: S::NAME,
            about: S::ABOUT,
            sample: S::sample,
            schema: || schemars::schema_for!(S),
            read: |with| {
                let splitter = mistake::read::<S>(with, &S::sample(), S::examine)?;
                Ok(Box::new(splitter))
            },
        }
    }

    /// The JSON Schema of its parameters.
    pub fn schema(&self) -> Value {
        (self.schema)().to_value()
    }
}

/// How rows are divided, as it stands in a file.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SplitSpec {
    /// The splitter.
    pub split: String,
    /// Its parameters.
    #[serde(default)]
    pub with: Map<String, Value>,
    /// How long before a test its model is fitted; 0s unless given.
    #[serde(default)]
    pub gap: Span,
    /// No training row lies nearer to a test than this. The farther of the horizon and the longest window, unless given.
    pub embargo: Option<Span>,
    /// Why the embargo may be shorter than that; kept with the folds.
    pub shorter_embargo_because: Option<String>,
}

/// A splitter that is ready to divide rows.
pub struct Splitting {
    spec: SplitSpec,
    splitter: Box<dyn Split>,
}

impl Splitting {
    /// Reads a splitter.
    ///
    /// # Errors
    /// All that is wrong with it.
    pub fn read(given: &Value) -> Result<Self, Mistakes> {
        let Some(map) = given.as_object() else {
            return Err(Mistakes::one(
                "",
                "a splitter is a map",
                "for example `{ split: expanding, with: { folds: 5 } }`",
            ));
        };
        let sample = json!({ "split": "expanding" });
        let spec = mistake::read::<SplitSpec>(map, &sample, |_, _| {});
        // What is wrong with the parameters is told even where the rest is wrong too.
        let splitter = find(map).and_then(|kind| {
            let with = map.get("with").and_then(Value::as_object).cloned().unwrap_or_default();
            (kind.read)(&with).map_err(|mistakes| mistakes.below("with"))
        });
        match (spec, splitter) {
            (Ok(spec), Ok(splitter)) => Ok(Self { spec, splitter }),
            (spec, splitter) => {
                let mut all = spec.err().unwrap_or_default();
                all.0.extend(splitter.err().unwrap_or_default().0);
                Err(all)
            }
        }
    }

    /// Divides the rows of a data set.
    ///
    /// # Errors
    /// Where they cannot be divided so.
    pub fn split(&self, clock: &Clock<'_>) -> Result<Folds, Mistakes> {
        self.split_rows(clock, &RowSet::all(clock.len()))
    }

    /// Divides some of the rows.
    ///
    /// # Errors
    /// Where they cannot be divided so.
    pub fn split_rows(&self, clock: &Clock<'_>, rows: &RowSet) -> Result<Folds, Mistakes> {
        let guards = self.guards(clock)?;
        let folds = self.splitter.split(&Scope::new(clock, rows, &guards))?;
        let promises = self.splitter.promises();
        Ok(Folds { split: self.spec.split.clone(), guards, promises, folds })
    }

    fn guards(&self, clock: &Clock<'_>) -> Result<Guards, Mistakes> {
        let (least, gap) = (clock.least_embargo(), self.spec.gap);
        let embargo = self.spec.embargo.unwrap_or(least);
        if embargo >= least {
            return Ok(Guards { gap, embargo, shortened: None });
        }
        let Some(reason) = self.spec.shorter_embargo_because.clone() else {
            let (horizon, window) = (clock.horizon, clock.window);
            let message = format!(
                "{embargo} is less than {least}: labels reach {horizon} ahead, and features look back {window}"
            );
            let hint = "leave it out, or say why in `shorter_embargo_because`, which is kept with the folds";
            return Err(Mistakes::one("embargo", message, hint));
        };
        Ok(Guards { gap, embargo, shortened: Some(Shortened { least, reason }) })
    }
}

fn find(given: &Map<String, Value>) -> Result<&'static SplitterKind, Mistakes> {
    // What is missing or is no text is told by whoever reads the spec.
    let name = given.get("split").and_then(Value::as_str).ok_or_else(Mistakes::default)?;
    KINDS.iter().find(|kind| kind.name == name).ok_or_else(|| {
        let hint = suggest(name, "splitters", KINDS.iter().map(|kind| kind.name));
        Mistakes::one("split", format!("unknown splitter `{name}`"), hint)
    })
}

/// The JSON Schema of splitters: one alternative for each kind.
pub fn schema() -> Value {
    let base = schemars::schema_for!(SplitSpec).to_value();
    let kinds = KINDS.iter().map(|kind| {
        let mut one = base.clone();
        let mut with = kind.schema();
        if let Some(with) = with.as_object_mut() {
            with.remove("$schema");
        }
        one["description"] = kind.about.into();
        one["properties"]["split"] = json!({ "const": kind.name });
        one["properties"]["with"] = with;
        if let Some(one) = one.as_object_mut() {
            one.remove("$schema");
        }
        one
    });
    json!({ "oneOf": kinds.collect::<Vec<_>>() })
}

/// At least two folds.
fn check_folds(folds: usize, mistakes: &mut Mistakes) {
    if !(1..=1000).contains(&folds) {
        mistakes.add("folds", format!("{folds} folds")).hint("take between 1 and 1000");
    }
}

/// Lengths of time that cannot be nothing.
fn check_positive(place: &str, span: Option<Span>, mistakes: &mut Mistakes) {
    if span.is_some_and(|span| span <= Span::ZERO) {
        mistakes.add(place, "is no time at all").hint("give a length such as 7d");
    }
}
