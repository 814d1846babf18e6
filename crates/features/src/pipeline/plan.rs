//! A pipeline for columns that are known: what is computed from what.

use std::collections::BTreeSet;
use std::fmt;

use serde::Serialize;
use sha2::{Digest, Sha256};

use super::document::{PipelineFile, TargetForm};
use crate::operator::{Grade, Sight, Work};
use crate::time::{Span, Timestamp};

/// A column of a plan, by its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct ColumnId(pub usize);

/// Where a column of a plan comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PlanColumn {
    pub(crate) name: String,
    /// The node that computes it; none for a column of the table.
    pub(crate) node: Option<usize>,
    pub(crate) is_category: bool,
}

/// One operator of a plan.
pub struct Node {
    /// The name of the operator.
    pub operator: &'static str,
    /// What its values may depend on.
    pub grade: Grade,
    /// Which values it sees at a row.
    pub sight: Sight,
    /// How far back it looks; all the way for `None`.
    pub window: Option<Span>,
    /// How much later than their event times the values that it reads are known.
    pub delay: Span,
    /// The columns that it reads.
    pub inputs: Vec<ColumnId>,
    /// The columns that it makes; none where they follow from what it learns.
    pub outputs: Vec<ColumnId>,
    pub(crate) work: Work,
    /// What names of columns begin with that follow from what is learnt.
    pub(crate) base: String,
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Node")
            .field("operator", &self.operator)
            .field("inputs", &self.inputs)
            .field("outputs", &self.outputs)
            .finish_non_exhaustive()
    }
}

/// One feature of a plan, or those that a node will learn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Feature {
    /// A column.
    Column(ColumnId),
    /// The columns that follow from what a node learns.
    LearntBy(usize),
}

/// Where a feature comes from, and what it may depend on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Provenance {
    /// Its name.
    pub feature: String,
    /// The operators that it went through, the last one first.
    pub operators: Vec<String>,
    /// The columns of the table that it depends on; the target is among them where labels are.
    pub sources: BTreeSet<String>,
    /// What its values may depend on.
    pub grade: Grade,
    /// How far back it looks, in all; all the way for `None`.
    pub window: Option<Span>,
    /// How much later than their event times the values that it reads are known, at most.
    pub delay: Span,
    /// Whether it depends on other entities.
    pub is_pooled: bool,
}

/// A pipeline for columns that are known.
#[derive(Debug)]
pub struct Plan {
    pub(crate) file: PipelineFile,
    pub(crate) columns: Vec<PlanColumn>,
    pub(crate) nodes: Vec<Node>,
    pub(crate) features: Vec<Feature>,
    pub(crate) horizons: Vec<Span>,
    pub(crate) step: Option<Span>,
}

impl Plan {
    /// The version of the arithmetic: it changes when a bit of any feature may.
    pub const CODE_VERSION: u32 = 1;

    /// The file that it was made from.
    pub fn file(&self) -> &PipelineFile {
        &self.file
    }

    /// The operators, in the order in which they are computed.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// The features, in the order of their columns.
    pub fn features(&self) -> &[Feature] {
        &self.features
    }

    /// The name of a column.
    pub fn name(&self, column: ColumnId) -> &str {
        &self.columns[column.0].name
    }

    /// How far ahead each label is.
    pub fn horizons(&self) -> &[Span] {
        &self.horizons
    }

    /// In which form the target is predicted.
    pub fn form(&self) -> TargetForm {
        self.file.targets.form
    }

    /// The step of the grid, where there is one.
    pub fn step(&self) -> Option<Span> {
        self.step
    }

    /// The last time of training that the file names, and that of validation.
    pub fn split(&self) -> Option<(Timestamp, Option<Timestamp>)> {
        self.file.split.as_ref().map(|split| (split.train_end, split.val_end))
    }

    /// The longest window; `None` where a feature depends on all the past. What an embargo must be at least.
    pub fn longest_window(&self) -> Option<Span> {
        let windows = self.features.iter().map(|feature| match feature {
            Feature::Column(column) => self.reach(*column),
            Feature::LearntBy(node) => self.reach_of_node(*node),
        });
        windows
            .collect::<Option<Vec<Span>>>()
            .map(|windows| windows.into_iter().max().unwrap_or_default())
    }

    /// A hash of all that features depend on but the rows: the file, the grid, and the version of the arithmetic.
    ///
    /// # Panics
    /// Never: a file that was read can be written.
    pub fn hash(&self) -> String {
        let file = serde_json::to_string(&self.file).expect("a file that was read can be written");
        let mut hash = Sha256::new();
        hash.update(Self::CODE_VERSION.to_le_bytes());
        hash.update(self.step.unwrap_or_default().0.to_le_bytes());
        hash.update(file.as_bytes());
        let columns = self.columns.iter().filter(|column| column.node.is_none());
        for column in columns {
            hash.update(column.name.as_bytes());
            hash.update([0, u8::from(column.is_category)]);
        }
        hex(&hash.finalize())
    }

    /// Where a column comes from.
    pub fn provenance(&self, feature: &str, column: ColumnId) -> Provenance {
        match self.columns[column.0].node {
            Some(node) => self.provenance_of_node(feature, node),
            None => Provenance {
                feature: feature.to_owned(),
                operators: Vec::new(),
                sources: BTreeSet::from([self.columns[column.0].name.clone()]),
                grade: Grade::Causal,
                window: Some(Span(0)),
                delay: Span(0),
                is_pooled: false,
            },
        }
    }

    /// Where a column of a node comes from.
    pub fn provenance_of_node(&self, feature: &str, node: usize) -> Provenance {
        let Node { operator, grade, delay, inputs, work, .. } = &self.nodes[node];
        let mut provenance = Provenance {
            feature: feature.to_owned(),
            operators: vec![(*operator).to_owned()],
            sources: BTreeSet::new(),
            grade: *grade,
            window: self.reach_of_node(node),
            delay: *delay,
            is_pooled: matches!(work, Work::Pooled(_)),
        };
        if *operator == "target_encoding" {
            provenance.sources.insert(self.file.target.clone());
        }
        for input in inputs {
            let before = self.provenance(feature, *input);
            provenance.operators.extend(before.operators);
            provenance.sources.extend(before.sources);
            provenance.is_pooled |= before.is_pooled;
            provenance.delay = provenance.delay.max(before.delay);
            if before.grade == Grade::FoldSafe {
                provenance.grade = Grade::FoldSafe;
            }
        }
        provenance.operators.dedup();
        provenance
    }

    fn reach(&self, column: ColumnId) -> Option<Span> {
        self.columns[column.0].node.map_or(Some(Span(0)), |node| self.reach_of_node(node))
    }

    fn reach_of_node(&self, node: usize) -> Option<Span> {
        let node = &self.nodes[node];
        let before: Option<Vec<Span>> =
            node.inputs.iter().map(|input| self.reach(*input)).collect();
        let before = before?.into_iter().max().unwrap_or_default();
        Some(Span(node.window?.0.saturating_add(node.delay.0).saturating_add(before.0)))
    }

    /// The nodes that some columns depend on, the columns' own nodes too.
    pub(crate) fn needed(&self, wanted: impl IntoIterator<Item = usize>) -> BTreeSet<usize> {
        let mut needed = BTreeSet::new();
        let mut open: Vec<usize> = wanted.into_iter().collect();
        while let Some(node) = open.pop() {
            if needed.insert(node) {
                let inputs = self.nodes[node].inputs.iter();
                open.extend(inputs.filter_map(|input| self.columns[input.0].node));
            }
        }
        needed
    }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a text can be written to");
        text
    })
}
