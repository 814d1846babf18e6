//! What is learnt from training rows, bound to them.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::batch::Limits;
use super::program::{Program, Unfit, Wanted};
use crate::operator::{Fit, Training, Work};
use crate::panel::Panel;
use crate::pipeline::{ColumnId, Plan};
use crate::time::Timestamp;

/// The range of time whose rows are learnt from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FitRange {
    /// The first time.
    pub from: Timestamp,
    /// The first time after it. A label that was not known by then is not learnt from.
    pub until: Timestamp,
}

/// What a pipeline learnt, and from which rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fitted {
    /// The hash of the plan.
    pub plan: String,
    /// The version of the arithmetic.
    pub code_version: u32,
    /// The range of time.
    pub range: FitRange,
    /// How many rows.
    pub rows: usize,
    /// The root of a Merkle tree over the ids of the rows.
    pub row_digest: String,
    /// What operators learnt, by their place in the plan.
    pub learnt: BTreeMap<usize, Value>,
}

/// Rows that are scored were learnt from.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "rows from {from} on are evaluated, but the pipeline was fitted on rows up to {until}; fit it on rows before them"
)]
pub struct Overlap {
    /// The first row that is evaluated.
    pub from: Timestamp,
    /// The end of the fit.
    pub until: Timestamp,
}

impl Fitted {
    /// Refuses rows that were learnt from, where they are to be evaluated.
    pub fn refuse_overlap(&self, evaluated: Range<Timestamp>) -> Result<(), Overlap> {
        if evaluated.start < self.range.until && evaluated.end > self.range.from {
            return Err(Overlap { from: evaluated.start, until: self.range.until });
        }
        Ok(())
    }
}

impl Plan {
    /// Learns from the rows of a range of time. Rows from its end on are not even looked at.
    pub fn fit(&self, panel: &Panel, range: FitRange, limits: Limits) -> Result<Fitted, Unfit> {
        let beyond = panel.extent().is_some_and(|(_, last)| last >= range.until);
        let before = beyond.then(|| panel.between(Timestamp(i64::MIN)..range.until));
        let panel = before.as_ref().unwrap_or(panel);
        let is_training = |row: &usize| panel.times[*row] >= range.from.0;
        let rows: Vec<usize> = (0..panel.rows()).filter(is_training).collect();
        let mut fitting =
            Fitting { plan: self, panel, range, rows, limits, learnt: BTreeMap::new() };
        while fitting.round()? {}
        Ok(Fitted {
            plan: self.hash(),
            code_version: Self::CODE_VERSION,
            range,
            rows: fitting.rows.len(),
            row_digest: row_digest(panel, range.from),
            learnt: fitting.learnt,
        })
    }
}

struct Fitting<'a> {
    plan: &'a Plan,
    panel: &'a Panel,
    range: FitRange,
    rows: Vec<usize>,
    limits: Limits,
    learnt: BTreeMap<usize, Value>,
}

impl Fitting<'_> {
    /// Fits all nodes whose inputs can be computed; tells whether there were any.
    fn round(&mut self) -> Result<bool, Unfit> {
        let ready: Vec<(usize, &dyn Fit)> = self.ready();
        if ready.is_empty() {
            return Ok(false);
        }
        let inputs: BTreeSet<ColumnId> =
            ready.iter().flat_map(|(node, _)| self.plan.nodes[*node].inputs.clone()).collect();
        let wanted: Vec<Wanted> = inputs.iter().map(|column| Wanted::Copy(*column)).collect();
        let program = Program::compile(self.plan, &self.learnt, &wanted)?;
        let features = program.transform(self.panel, self.limits)?;
        let pick =
            |column: &Vec<f64>| -> Vec<f64> { self.rows.iter().map(|row| column[*row]).collect() };
        let values: BTreeMap<ColumnId, Vec<f64>> =
            inputs.iter().copied().zip(features.columns.iter().map(pick)).collect();
        let labels = self.plan.labels(self.panel)?;
        let first = &labels.horizons[0];
        let label = pick(&first.levels);
        let label_known: Vec<i64> = self.rows.iter().map(|row| first.known[*row]).collect();
        let at: Vec<i64> = self.rows.iter().map(|row| self.panel.times[*row]).collect();
        let mut learnt = Vec::new();
        for (node, fit) in ready {
            let columns = &self.plan.nodes[node].inputs;
            let inputs: Vec<Vec<f64>> =
                columns.iter().map(|column| values[column].clone()).collect();
            let names: Vec<&[Arc<str>]> =
                columns.iter().map(|column| self.labels_of(*column)).collect();
            learnt.push((
                node,
                fit.fit(&Training {
                    at: &at,
                    inputs: &inputs,
                    labels: &names,
                    label: &label,
                    label_known: &label_known,
                    range: (self.begin(), self.range.until.0),
                }),
            ));
        }
        self.learnt.extend(learnt);
        Ok(true)
    }

    /// The begin of the range, or that of the rows where the range begins long before them.
    fn begin(&self) -> i64 {
        let first = self.rows.iter().map(|row| self.panel.times[*row]).min();
        first.map_or(self.range.from.0, |first| first.max(self.range.from.0))
    }

    fn ready(&self) -> Vec<(usize, &dyn Fit)> {
        let plan = self.plan;
        let is_open = |node: usize| {
            matches!(plan.nodes[node].work, Work::Fitted(_)) && !self.learnt.contains_key(&node)
        };
        let mut ready = Vec::new();
        for (index, node) in plan.nodes.iter().enumerate().filter(|(index, _)| is_open(*index)) {
            let above =
                plan.needed(node.inputs.iter().filter_map(|input| plan.columns[input.0].node));
            if let (Work::Fitted(fit), false) = (&node.work, above.into_iter().any(is_open)) {
                ready.push((index, &**fit));
            }
        }
        ready
    }

    fn labels_of(&self, column: ColumnId) -> &[Arc<str>] {
        let found = self.panel.column(self.plan.name(column));
        found.and_then(|column| column.labels.as_deref()).unwrap_or(&[])
    }
}

/// The root of a Merkle tree: its leaves are the entities in the order of their names, each with the times of its rows from a time on.
fn row_digest(panel: &Panel, from: Timestamp) -> String {
    let mut level: Vec<[u8; 32]> = Vec::new();
    for (entity, name) in panel.entities().iter().enumerate() {
        let times = &panel.times[panel.rows_of(entity)];
        let times = &times[times.partition_point(|at| *at < from.0)..];
        if times.is_empty() {
            continue;
        }
        let mut leaf = Sha256::new();
        leaf.update([0]);
        leaf.update(name.as_bytes());
        leaf.update([0]);
        for at in times {
            leaf.update(at.to_le_bytes());
        }
        level.push(leaf.finalize().into());
    }
    while level.len() > 1 {
        let join = |pair: &[[u8; 32]]| match pair {
            [left, right] => {
                let mut node = Sha256::new();
                node.update([1]);
                node.update(left);
                node.update(right);
                node.finalize().into()
            }
            [only, ..] => *only,
            [] => [0; 32],
        };
        level = level.chunks(2).map(join).collect();
    }
    crate::pipeline::hex_of(&level.pop().unwrap_or_default())
}
