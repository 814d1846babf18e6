//! What an operator is: how it is declared, and what it does with rows.

use std::sync::Arc;

use chrono_tz::Tz;
use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_path_to_error::Segment;

use crate::kernel::Seen;
use crate::mistake::Mistake;
use crate::state::{BadState, StateReader, StateWriter};
use crate::time::{Reach, Span};

/// What a value may depend on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Grade {
    /// On what was known by its time.
    Causal,
    /// Also on statistics of the training rows of its fold.
    FoldSafe,
}

/// Which values of a column an operator sees at a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Sight {
    /// Those before the row: it emits, and then absorbs.
    Before,
    /// Also that of the row.
    At,
}

/// What an operator reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reads {
    /// Only the time of the row.
    Time,
    /// One column of numbers; several columns are one operator for each.
    Number,
    /// So many columns of numbers together, at least.
    Numbers(usize),
    /// One column of categories; several columns are one operator for each.
    Category,
    /// The same as [`Self::Category`], and the labels of training rows.
    CategoryAndLabel,
}

/// The part of an operator that follows one series: a small state machine. It cannot look ahead, because nobody tells it what is ahead.
pub trait Machine: Send {
    /// Says the features at a time, from what was absorbed so far.
    fn emit(&self, at: i64, out: &mut [f64]);

    /// Then, and only then, sees what happened. Times come in order; a missing value is NaN.
    fn absorb(&mut self, at: i64, value: f64);

    /// Emits at each of `rows`, after it absorbed what `seen` has from before that row. Overridden only for speed, never in what it computes.
    ///
    /// Observations that are not before the last row stay out. Where nobody asks for the state afterwards, `is_kept` is false.
    fn run(&mut self, rows: &[i64], seen: Seen<'_>, out: &mut [&mut [f64]], is_kept: bool) {
        let _ = is_kept;
        let mut next = 0;
        if let [column] = out {
            for (row, place) in rows.iter().zip(column.iter_mut()) {
                while seen.at.get(next).is_some_and(|at| at < row) {
                    self.absorb(seen.at[next], seen.values[next]);
                    next += 1;
                }
                self.emit(*row, std::slice::from_mut(place));
            }
            return;
        }
        let mut values = vec![f64::NAN; out.len()];
        for (index, row) in rows.iter().enumerate() {
            while seen.at.get(next).is_some_and(|at| at < row) {
                self.absorb(seen.at[next], seen.values[next]);
                next += 1;
            }
            self.emit(*row, &mut values);
            for (column, value) in out.iter_mut().zip(&values) {
                column[index] = *value;
            }
        }
    }

    /// Forgets everything.
    fn reset(&mut self);

    /// Writes the state.
    fn save(&self, state: &mut StateWriter);

    /// Reads what [`Self::save`] wrote.
    fn restore(&mut self, state: &mut StateReader<'_>) -> Result<(), BadState>;
}

/// Makes machines, one for each series.
pub type MakeMachine = Box<dyn Fn() -> Box<dyn Machine> + Send + Sync>;

/// Rows as a formula sees them.
#[derive(Clone, Copy, Debug)]
pub struct Rows<'a> {
    /// When they are.
    pub at: &'a [i64],
    /// The columns that the operator reads, in its order; categories as indices into `labels`.
    pub inputs: &'a [&'a [f64]],
    /// What categories are called, for each input.
    pub labels: &'a [&'a [Arc<str>]],
}

/// The part of an operator that looks at nothing but the row itself.
pub trait Formula: Send + Sync {
    /// Computes the outputs of some rows.
    fn apply(&self, rows: &Rows<'_>, out: &mut [&mut [f64]]);
}

/// Training rows, as a fit sees them.
#[derive(Clone, Debug)]
pub struct Training<'a> {
    /// When they are.
    pub at: &'a [i64],
    /// The columns that the operator reads.
    pub inputs: &'a [Vec<f64>],
    /// What categories are called, for each input.
    pub labels: &'a [&'a [Arc<str>]],
    /// The label of each row, and when it became known.
    pub label: &'a [f64],
    /// When each label became known.
    pub label_known: &'a [i64],
    /// The range of time that the fit is from: begin, and end (exclusive).
    pub range: (i64, i64),
}

/// The part of an operator that learns from training rows.
pub trait Fit: Send + Sync {
    /// Learns; gives what must be kept.
    fn fit(&self, training: &Training<'_>) -> Value;

    /// The ends of the names of its columns, where they follow from what was learnt.
    fn outputs(&self, learnt: &Value) -> Option<Vec<String>> {
        let _ = learnt;
        None
    }

    /// The formula with what was learnt.
    fn formula(&self, learnt: &Value) -> Result<Box<dyn Formula>, BadFit>;
}

/// What was learnt cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("what was fitted does not belong to this operator; fit the pipeline again")]
pub struct BadFit(#[from] pub serde_json::Error);

/// How an operator works.
pub enum Work {
    /// A machine for each entity.
    Series(MakeMachine),
    /// One machine for all entities, fed by the mean of their values at each time.
    Pooled(MakeMachine),
    /// A formula of the row.
    Rows(Box<dyn Formula>),
    /// A formula with constants from training rows.
    Fitted(Box<dyn Fit>),
}

/// An operator with its parameters, ready to be part of a plan.
pub struct Draft {
    /// The ends of the names of its columns; an empty one is the name of the column that is read.
    pub outputs: Vec<String>,
    /// How far back it looks; all the way for `None`.
    pub window: Option<Span>,
    /// How it works.
    pub work: Work,
}

/// What an operator learns about the place where it is used.
#[derive(Debug)]
pub struct Site<'a> {
    /// The columns that it reads.
    pub columns: &'a [String],
    /// The step of the grid, where there is one.
    pub step: Option<Span>,
    /// The time zone of the calendar.
    pub zone: Tz,
}

impl Site<'_> {
    /// A reach in time. `field` is the key that it was read from.
    pub fn span(&self, reach: Reach, field: &str) -> Result<Span, Mistake> {
        reach.on(self.step).ok_or_else(|| {
            Mistake::new(
                format!("/{field}"),
                format!("{reach} steps need a regular grid, and there is none"),
            )
            .hint("write a length of time, such as `30m`, or declare the grid, as in `grid: 1m`")
        })
    }
}

/// One operator: its name, its parameters, and what it makes of them. One file and one line in [`crate::operators`].
pub trait Operator: 'static {
    /// In files, reports and states; never renamed. The name of the file too.
    const NAME: &'static str;
    /// What its columns are, in a line.
    const ABOUT: &'static str;
    /// What its values may depend on.
    const GRADE: Grade;
    /// Which values it sees at a row.
    const SIGHT: Sight;
    /// What it reads.
    const READS: Reads;
    /// Parameters that show what it does, as JSON; the conformance suite runs them.
    const EXAMPLE: &'static str;
    /// Its parameters: the key `with` of an item.
    type Params: DeserializeOwned + JsonSchema;

    /// Turns parameters into work.
    fn draft(params: Self::Params, site: &Site<'_>) -> Result<Draft, Mistake>;
}

/// An operator without its types.
pub struct OperatorKind {
    /// In files, reports and states.
    pub name: &'static str,
    /// What its columns are, in a line.
    pub about: &'static str,
    /// What its values may depend on.
    pub grade: Grade,
    /// Which values it sees at a row.
    pub sight: Sight,
    /// What it reads.
    pub reads: Reads,
    /// Parameters that show what it does, as JSON.
    pub example: &'static str,
    /// The JSON Schema of its parameters.
    pub schema: fn(&mut schemars::SchemaGenerator) -> schemars::Schema,
    pub(crate) draft: fn(Value, &Site<'_>) -> Result<Draft, Mistake>,
}

impl OperatorKind {
    pub(crate) const fn of<O: Operator>() -> Self {
        Self {
            name: O::NAME,
            about: O::ABOUT,
            grade: O::GRADE,
            sight: O::SIGHT,
            reads: O::READS,
            example: O::EXAMPLE,
            schema: |generator| generator.subschema_for::<O::Params>(),
            draft: |with, site| O::draft(typed(with)?, site),
        }
    }
}

/// Reads a value as its type; a mistake says where.
pub(crate) fn typed<T: DeserializeOwned>(value: Value) -> Result<T, Mistake> {
    serde_path_to_error::deserialize(value).map_err(|error| {
        let parts = error.path().iter().map(|segment| match segment {
            Segment::Seq { index } => index.to_string(),
            Segment::Map { key } => key.clone(),
            Segment::Enum { variant } => variant.clone(),
            Segment::Unknown => String::new(),
        });
        let parts: Vec<String> = parts.collect();
        let pointer = match &parts[..] {
            [] => String::new(),
            parts => format!("/{}", parts.join("/")),
        };
        Mistake::new(pointer, error.inner().to_string())
    })
}

/// Parameters of operators that have none.
#[derive(Debug, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NoParams {}
