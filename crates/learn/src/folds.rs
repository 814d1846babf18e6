//! Folds: which rows train, which rows test, and which do neither and why.
//!
//! A splitter ([`crate::splits`]) says which stretches of time and which groups; what is here turns that into rows, and drops the
//! training rows that could tell something about the test.

mod picture;
mod scope;
#[cfg(test)]
mod tests;

pub use picture::Picture;
pub use scope::{Order, Region, Scope, Timeline};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::clock::Clock;
use crate::rows::RowSet;
use crate::time::{Span, Stretch, Timestamp};

/// How far training keeps from the test.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Guards {
    /// How long before a test its model is fitted.
    pub gap: Span,
    /// No training row lies nearer to a test than this: before its start, or after its last label was known.
    pub embargo: Span,
    /// Where the embargo is shorter than it must be: who takes that upon himself, and why.
    pub shortened: Option<Shortened>,
}

/// An embargo that is shorter than the farther of the horizon and the longest window.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Shortened {
    /// What it should be at least.
    pub least: Span,
    /// Why it is shorter.
    pub reason: String,
}

/// What a splitter promises of its folds; the conformance suite holds it to that.
#[expect(clippy::struct_excessive_bools, reason = "each promise is held or not, by itself")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Promises {
    /// All training labels were known before the test begins.
    pub ordered: bool,
    /// No training label tells something about the time of the test.
    pub purged: bool,
    /// No group is in training and test.
    pub groups_apart: bool,
    /// Every labelled row is tested, in as many folds as any other.
    pub tests_all: bool,
    /// No row is tested twice.
    pub tests_once: bool,
}

/// One fold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fold {
    /// Its name: its number, or what it is for.
    pub name: String,
    /// When its model is fitted, where time orders the fold: every training label was known by then.
    pub fitted: Option<Timestamp>,
    /// The time of its test.
    pub tested: Vec<Stretch>,
    /// What keeps training and test apart.
    pub order: Order,
    /// The rows of the data set that it was made for.
    pub rows_in_all: usize,
    /// The rows to learn from.
    pub train: RowSet,
    /// The rows to judge by.
    pub test: RowSet,
    /// Not learned from: the label tells something about the test, or was not known when the model is fitted.
    pub purged: RowSet,
    /// Not learned from: too near to the test.
    pub embargoed: RowSet,
    /// Of no use: there is no label.
    pub unlabelled: RowSet,
    /// Folds of the training rows alone, to choose by.
    pub inner: Vec<Fold>,
}

impl Fold {
    /// All rows whose labels were known by a time, and no test: for the model that goes into use.
    pub fn known_by(clock: &Clock<'_>, at: Timestamp) -> Self {
        let labelled = RowSet::of(clock.len(), |row| clock.is_labelled(row));
        let late = |row: usize| clock.is_labelled(row) && clock.known[row] > at;
        Self {
            name: "final".to_owned(),
            fitted: Some(at),
            tested: Vec::new(),
            order: Order::Forward,
            rows_in_all: clock.len(),
            train: clock.known_by(&labelled, at),
            test: RowSet::default(),
            purged: RowSet::of(clock.len(), late),
            embargoed: RowSet::default(),
            unlabelled: RowSet::of(clock.len(), |row| !clock.is_labelled(row)),
            inner: Vec::new(),
        }
    }
}

/// The folds of a data set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Folds {
    /// The splitter.
    pub split: String,
    /// How far training keeps from the test.
    pub guards: Guards,
    /// What holds of all folds.
    pub promises: Promises,
    /// In the order of their tests.
    pub folds: Vec<Fold>,
}
