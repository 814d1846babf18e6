//! The table that models learn from: rows of a panel with three clocks.

mod build;
mod provenance;
mod views;

use std::ops::Range;

pub use build::{BlockOf, Parts};
pub use provenance::{Apart, FitRange, Overlap, Purpose};
pub use views::{OtherDataset, TestRows, TrainingRows};

use crate::clock::Clock;
use crate::digest::{Digest, Hasher, MerkleTree};
use crate::rows::RowSet;
use crate::time::{Span, Timestamp};

/// The code of a category that is missing.
pub const MISSING: u32 = u32::MAX;

/// What a column was read from, as far as that is plain: a column of the source, so long after the row's event (before it: negative).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    /// The column of the source.
    pub column: String,
    /// When, counted from the row's event.
    pub after: Span,
}

/// The values of a feature.
#[derive(Clone, Debug, PartialEq)]
pub enum Values {
    /// Numbers; NaN is missing.
    Numbers(Vec<f64>),
    /// Categories as positions in `levels`, or [`MISSING`].
    Codes {
        /// One for each row.
        codes: Vec<u32>,
        /// Their names.
        levels: Vec<String>,
    },
}

impl Values {
    /// How many there are.
    pub fn len(&self) -> usize {
        match self {
            Self::Numbers(values) => values.len(),
            Self::Codes { codes, .. } => codes.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The value of a row as a number: categories are their codes, NaN is missing.
    pub fn number(&self, row: usize) -> f64 {
        match self {
            Self::Numbers(values) => values[row],
            Self::Codes { codes, .. } if codes[row] == MISSING => f64::NAN,
            Self::Codes { codes, .. } => f64::from(codes[row]),
        }
    }
}

/// A column that models may read.
#[derive(Clone, Debug, PartialEq)]
pub struct Feature {
    /// Its name.
    pub name: String,
    /// One for each row.
    pub values: Values,
    /// How far back it looks.
    pub window: Span,
    /// What it was read from, where it is one plain reading.
    pub reading: Option<Reading>,
}

impl Feature {
    /// Numbers that look back no further than their row.
    pub fn numbers(name: &str, values: Vec<f64>) -> Self {
        Self {
            name: name.to_owned(),
            values: Values::Numbers(values),
            window: Span::ZERO,
            reading: None,
        }
    }
}

/// What is to be predicted.
#[derive(Clone, Debug, PartialEq)]
pub struct Target {
    /// Its name.
    pub name: String,
    /// One for each row; NaN where there is no label.
    pub values: Vec<f64>,
    /// When each label was known.
    pub known: Vec<Timestamp>,
    /// How far ahead it lies.
    pub horizon: Span,
    /// What it was read from, where it is one plain reading.
    pub reading: Option<Reading>,
}

/// Which group each row belongs to: what must not be split over training and test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Groups {
    /// One for each row: a position in `names`.
    pub codes: Vec<u32>,
    /// Their names.
    pub names: Vec<String>,
}

/// One entity and its rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entity {
    /// Its name.
    pub name: String,
    /// Its rows, sorted by event time.
    pub rows: Range<usize>,
}

/// A table to learn from. It is never changed; views of it copy nothing.
#[derive(Clone, Debug)]
pub struct Dataset {
    entities: Vec<Entity>,
    event: Vec<Timestamp>,
    known: Vec<Timestamp>,
    features: Vec<Feature>,
    targets: Vec<Target>,
    weights: Option<Vec<f64>>,
    groups: Groups,
}

impl Dataset {
    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.event.len()
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.event.is_empty()
    }

    /// The entities in the order of their rows.
    pub fn entities(&self) -> &[Entity] {
        &self.entities
    }

    /// The entity of a row.
    pub fn entity_of(&self, row: usize) -> &Entity {
        &self.entities[self.entities.partition_point(|entity| entity.rows.end <= row)]
    }

    /// When each row happened.
    pub fn event(&self) -> &[Timestamp] {
        &self.event
    }

    /// When each row could have been read.
    pub fn known(&self) -> &[Timestamp] {
        &self.known
    }

    /// The features: their names and windows are free to see, their values by [`TrainingRows`] and [`TestRows`].
    pub fn features(&self) -> &[Feature] {
        &self.features
    }

    /// The targets.
    pub fn targets(&self) -> &[Target] {
        &self.targets
    }

    /// The weights of the rows, where there are any.
    pub fn weights(&self) -> Option<&[f64]> {
        self.weights.as_deref()
    }

    /// The groups of the rows: the entities, unless they were given.
    pub fn groups(&self) -> &Groups {
        &self.groups
    }

    /// The parts that it was built of, copied.
    pub fn parts(&self) -> Parts {
        let block =
            |entity: &Entity| BlockOf { entity: entity.name.clone(), rows: entity.rows.len() };
        Parts {
            entities: self.entities.iter().map(block).collect(),
            event: self.event.clone(),
            known: Some(self.known.clone()),
            features: self.features.clone(),
            targets: self.targets.clone(),
            weights: self.weights.clone(),
            groups: Some(self.groups.clone()),
        }
    }

    /// The position of a feature.
    pub fn feature(&self, name: &str) -> Option<usize> {
        self.features.iter().position(|feature| feature.name == name)
    }

    /// When rows happened and when their labels were known; all that a splitter sees.
    pub fn clock(&self) -> Clock<'_> {
        let label_known = |row: usize| {
            let known = |target: &Target| {
                if target.values[row].is_nan() { Timestamp::NEVER } else { target.known[row] }
            };
            self.targets.iter().map(known).fold(self.known[row], Timestamp::max)
        };
        Clock {
            event: &self.event,
            known: (0..self.len()).map(label_known).collect(),
            groups: &self.groups,
            horizon: self.targets.iter().map(|target| target.horizon).max().unwrap_or_default(),
            window: self.features.iter().map(|feature| feature.window).max().unwrap_or_default(),
        }
    }

    /// What a row is, whatever its values: entity and event time.
    pub fn row_id(&self, row: usize) -> Digest {
        let mut hasher = Hasher::default();
        hasher.text(&self.entity_of(row).name);
        hasher.number(self.event[row].0.cast_unsigned());
        hasher.finish()
    }

    /// The Merkle root of the ids of rows, by entity name and event time: the order of entities does not show.
    pub fn merkle_root(&self, rows: &RowSet) -> Digest {
        let mut entities: Vec<&Entity> = self.entities.iter().collect();
        entities.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        let mut tree = MerkleTree::default();
        for entity in entities {
            let own = RowSet::of_range(entity.rows.clone()).intersection(rows);
            own.iter().for_each(|row| tree.push(self.row_id(row)));
        }
        tree.root()
    }
}
