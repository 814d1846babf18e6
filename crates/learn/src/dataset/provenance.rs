//! What a fitted object was fitted on, and whether it may judge other rows.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{TestRows, TrainingRows};
use crate::clock::Clock;
use crate::digest::Digest;
use crate::folds::Order;
use crate::time::{Span, Stretch, Timestamp, union};

/// The rows that an object was fitted on, kept with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FitRange {
    /// The fold.
    pub fold: String,
    /// How many rows there were.
    pub rows: usize,
    /// The Merkle root of their ids, by entity name and event time.
    pub root: Digest,
    /// From the first to the last moment at which one of them was known.
    pub known: Option<(Timestamp, Timestamp)>,
    /// What keeps them from the rows to be judged.
    pub apart: Apart,
    /// The code that was fitted.
    pub code: Digest,
}

/// What keeps the rows of a fit from others.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Apart {
    /// Time: the stretches that labels of the fit tell something about.
    Time(Vec<Stretch>),
    /// Groups: those that were fitted on, by the hash of their names.
    Groups(BTreeSet<Digest>),
}

/// What predictions are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// To judge a model.
    Evaluation,
    /// To be used.
    Production,
}

/// A model may not judge itself on what it was fitted on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Overlap {
    /// A row lies in the time of the fit.
    #[error(
        "evaluate on row {row} of {at}: what was fitted in fold `{fold}` learned from labels of that time"
    )]
    Time {
        /// The row in its data set.
        row: usize,
        /// When it happened.
        at: Timestamp,
        /// The fold of the fit.
        fold: String,
    },
    /// A row is of a group of the fit.
    #[error(
        "evaluate on row {row} of group `{group}`: what was fitted in fold `{fold}` learned from this group"
    )]
    Group {
        /// The row in its data set.
        row: usize,
        /// Its group.
        group: String,
        /// The fold of the fit.
        fold: String,
    },
}

impl TrainingRows<'_> {
    /// What is kept with an object that is fitted on these rows by some code.
    pub fn fit_range(&self, code: Digest) -> FitRange {
        let clock = self.dataset.clock();
        let known = || self.rows.iter().map(|row| self.dataset.known[row]);
        let known = known().min().zip(known().max());
        let apart = match self.fold.order {
            Order::Groups => {
                let groups = &self.dataset.groups;
                let codes: BTreeSet<u32> = self.rows.iter().map(|row| groups.codes[row]).collect();
                let name = |code: u32| Digest::of(groups.names[code as usize].as_bytes());
                Apart::Groups(codes.into_iter().map(name).collect())
            }
            Order::Forward | Order::Around => Apart::Time(self.told(&clock)),
        };
        let root = self.dataset.merkle_root(&self.rows);
        FitRange { fold: self.fold.name.clone(), rows: self.len(), root, known, apart, code }
    }

    /// The time from each row's event until its label was known, joined.
    fn told(&self, clock: &Clock<'_>) -> Vec<Stretch> {
        let mut told = Vec::new();
        for range in self.rows.ranges() {
            told.extend(union(range.clone().map(|row| reach(clock, row)).collect()));
        }
        union(told)
    }
}

/// From a row's event until before its label was known; at least the event itself, so that a row always overlaps with itself.
fn reach(clock: &Clock<'_>, row: usize) -> Stretch {
    let after = clock.event[row] + Span(1);
    let until = if clock.is_labelled(row) { clock.known[row].max(after) } else { after };
    Stretch::new(clock.event[row], until)
}

impl FitRange {
    /// Refuses rows that the object was fitted on, or whose time or group it was fitted on, where it is to be judged.
    ///
    /// # Errors
    /// The first row that overlaps.
    pub fn admit(&self, rows: &TestRows<'_>, purpose: Purpose) -> Result<(), Overlap> {
        if purpose == Purpose::Production {
            return Ok(());
        }
        let dataset = rows.dataset;
        let clock = dataset.clock();
        let fold = || self.fold.clone();
        for row in rows.rows().iter() {
            match &self.apart {
                Apart::Time(told) => {
                    let reach = reach(&clock, row);
                    let next = told.partition_point(|stretch| stretch.until <= reach.from);
                    if told.get(next).is_some_and(|stretch| stretch.overlaps(reach)) {
                        return Err(Overlap::Time { row, at: reach.from, fold: fold() });
                    }
                }
                Apart::Groups(groups) => {
                    let group = &dataset.groups.names[dataset.groups.codes[row] as usize];
                    if groups.contains(&Digest::of(group.as_bytes())) {
                        return Err(Overlap::Group { row, group: group.clone(), fold: fold() });
                    }
                }
            }
        }
        Ok(())
    }
}
