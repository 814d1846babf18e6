//! Rows in the making: one growing array a column, from which a row that does not fit is taken back.

use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::arrow::array::{
    ArrayRef, BooleanArray, BooleanBufferBuilder, Date32Array, Float64Array, Int32Array,
    Int64Array, StringArray, TimestampMicrosecondArray, UInt64Array,
};
use datafusion::arrow::buffer::{Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use datafusion::arrow::record_batch::RecordBatch;

use super::plan::ordinal;
use super::{Parsed, Plan, Reason, Reject, Tally};
use crate::dialect::{
    Column, Decimal, Evidence, Kind, LocalClock, Moment, Stamp, TimeLayout, float, integer,
    shortened, truth,
};
use crate::snapshot::{DoubledHour, SkippedHour};

/// Something about a column that calls for another kind.
#[derive(Clone, Debug)]
pub(crate) enum Widening {
    /// Values of a column that had none so far.
    Found { column: usize, evidence: Box<Evidence> },
    /// Whole numbers turned out to have fractions.
    Fraction { column: usize },
    /// A column that is not known yet.
    Added { name: String, evidence: Box<Evidence> },
    /// A column that a file describes: not known yet, or of a wider kind.
    Described(Column),
}

/// Why a cell does not fit.
#[derive(Debug)]
pub(crate) struct Misfit {
    pub(crate) reason: Reason,
    pub(crate) column: usize,
    pub(crate) detail: String,
}

enum Values {
    Nothing,
    Boolean(BooleanBufferBuilder),
    Integer(Vec<i64>),
    Float(Vec<f64>),
    Text { bytes: Vec<u8>, ends: Vec<i32> },
    Date { days: Vec<i32>, layout: TimeLayout },
    Time { micros: Vec<i64>, layout: TimeLayout, clock: LocalClock },
}

struct Growing {
    values: Values,
    is_valid: BooleanBufferBuilder,
}

/// Changes that a row brings, which count only if it is landed.
#[derive(Clone, Copy, Debug, Default)]
struct Changes {
    times_cut: u64,
    taken_first: u64,
    taken_second: u64,
    moved_on: u64,
    /// How much later the event time was shown again.
    doubled_by: Option<i64>,
}

/// Rows in the making.
pub(crate) struct Rows<'a> {
    plan: &'a Plan,
    source: usize,
    decimal: Decimal,
    begins_null_word: [bool; 256],
    columns: Vec<Growing>,
    ordinals: Vec<u64>,
    changes: Changes,
    pub(crate) tally: Tally,
    rejects: Vec<Reject>,
    fractions: Vec<bool>,
    found: BTreeMap<usize, Evidence>,
    pub(crate) added: BTreeMap<String, Evidence>,
    doubled: Vec<(usize, i64)>,
}

impl<'a> Rows<'a> {
    pub(crate) fn new(plan: &'a Plan, source: usize, expected: usize) -> Self {
        let growing = |kind: &Kind| Growing {
            values: Values::of(kind, expected),
            is_valid: BooleanBufferBuilder::new(expected),
        };
        let mut begins_null_word = [false; 256];
        for word in plan.delimited.iter().flat_map(|layout| &layout.nulls) {
            if let Some(first) = word.as_bytes().first() {
                begins_null_word[usize::from(*first)] = true;
            }
        }
        Self {
            plan,
            source,
            begins_null_word,
            decimal: plan.delimited.as_ref().map_or(Decimal::Point, |layout| layout.decimal),
            columns: plan.columns.iter().map(|column| growing(&column.kind)).collect(),
            ordinals: Vec::with_capacity(expected),
            changes: Changes::default(),
            tally: Tally::default(),
            rejects: Vec::new(),
            fractions: vec![false; plan.columns.len()],
            found: BTreeMap::new(),
            added: BTreeMap::new(),
            doubled: Vec::new(),
        }
    }

    /// Adds a cell to the row in the making. Each column gets one cell a row.
    pub(crate) fn push(
        &mut self,
        column: usize,
        cell: &[u8],
        origin: Origin,
    ) -> Result<(), Misfit> {
        let plan = self.plan;
        let growing = &mut self.columns[column];
        if matches!(growing.values, Values::Text { .. }) {
            if cell.is_empty() && origin == Origin::Bare {
                growing.push_null();
            } else {
                growing.push_text(cell);
            }
            return Ok(());
        }
        let cell = cell.trim_ascii();
        if cell.is_empty() || self.is_null_word(cell) {
            if plan.event_time == Some(column) {
                return Err(Misfit {
                    reason: Reason::NoEventTime,
                    column,
                    detail: "it has no event time".into(),
                });
            }
            self.columns[column].push_null();
            return Ok(());
        }
        self.push_value(column, cell, origin)
    }

    /// Most values begin like no null word, so the list is seldom searched.
    fn is_null_word(&self, cell: &[u8]) -> bool {
        if !self.begins_null_word[usize::from(cell[0])] {
            return false;
        }
        let words = self.plan.delimited.iter().flat_map(|layout| &layout.nulls);
        words.map(String::as_bytes).any(|word| word == cell)
    }

    fn push_value(&mut self, column: usize, cell: &[u8], origin: Origin) -> Result<(), Misfit> {
        let is_string = origin == Origin::String;
        let growing = &mut self.columns[column];
        let fits = match &mut growing.values {
            Values::Nothing => {
                let evidence = self.found.entry(column).or_default();
                evidence.see(cell, &[], is_string);
                true
            }
            Values::Boolean(values) => {
                truth(cell).filter(|_| !is_string).map(|value| values.append(value)).is_some()
            }
            Values::Integer(values) => {
                let value = integer(cell).filter(|_| !is_string);
                values.push(value.unwrap_or(0));
                // Digits alone are a code or too many; a fraction asks for a wider column.
                let is_fraction = value.is_none()
                    && !is_string
                    && cell.iter().any(|byte| !matches!(byte, b'0'..=b'9' | b'-' | b'+'))
                    && float(cell, self.decimal).is_some();
                self.fractions[column] |= is_fraction;
                value.is_some() || is_fraction
            }
            Values::Float(values) => match float(cell, self.decimal).filter(|_| !is_string) {
                Some(value) => {
                    values.push(value);
                    true
                }
                None => false,
            },
            Values::Text { .. } => unreachable!("text is taken as it stands"),
            Values::Date { days, layout } => match layout.parse(cell).and_then(|stamp| day(&stamp))
            {
                Some(day) => {
                    days.push(day);
                    true
                }
                None => false,
            },
            Values::Time { layout, .. } => match layout.parse(cell) {
                Some(stamp) => return self.push_time(column, &stamp, cell),
                None => false,
            },
        };
        if fits {
            self.columns[column].is_valid.append(true);
            return Ok(());
        }
        let kind = self.plan.kind(column).word();
        let detail = format!("`{}` is no {kind}", shortened(cell));
        Err(Misfit { reason: Reason::Value, column, detail })
    }

    /// Adds a time to the row in the making, by the rules for hours that were shown twice or never.
    pub(crate) fn push_time(
        &mut self,
        column: usize,
        stamp: &Stamp,
        cell: &[u8],
    ) -> Result<(), Misfit> {
        let is_event_time = self.plan.event_time == Some(column);
        let growing = &mut self.columns[column];
        let Values::Time { micros, clock, .. } = &mut growing.values else {
            unreachable!("the caller looked");
        };
        let moment = match stamp.offset_seconds {
            Some(offset) => Moment::One(stamp.local_micros - i64::from(offset) * 1_000_000),
            None => clock.moment(stamp.local_micros),
        };
        let refused = |reason, said: &str| {
            let detail = format!("`{}` was {said}", shortened(cell));
            Err(Misfit { reason, column, detail })
        };
        let value = match (moment, self.plan.doubled, self.plan.skipped) {
            (Moment::One(value), ..) => value,
            (Moment::Doubled { .. }, DoubledHour::Reject, _) => {
                return refused(Reason::DoubledHour, "shown twice, since clocks were set back");
            }
            (Moment::Doubled { second, .. }, DoubledHour::Second, _) => {
                self.changes.taken_second += 1;
                second
            }
            (Moment::Doubled { first, second }, DoubledHour::ByOrder, _) if is_event_time => {
                self.changes.doubled_by = Some(second - first);
                first
            }
            (Moment::Doubled { first, .. }, DoubledHour::First | DoubledHour::ByOrder, _) => {
                self.changes.taken_first += 1;
                first
            }
            (Moment::Skipped, _, SkippedHour::Reject) => {
                return refused(
                    Reason::SkippedHour,
                    "never shown, since clocks were set forward; is the declared zone right?",
                );
            }
            (Moment::Skipped, _, SkippedHour::MoveOn) => match clock.moved_on(stamp.local_micros) {
                Some(value) => {
                    self.changes.moved_on += 1;
                    value
                }
                None => return refused(Reason::Value, "out of range"),
            },
        };
        micros.push(value);
        growing.is_valid.append(true);
        self.changes.times_cut += u64::from(stamp.is_cut);
        Ok(())
    }

    /// Ends a row that begins on the given line.
    pub(crate) fn keep(&mut self, line: u64) {
        for column in &self.plan.missing {
            self.columns[*column].push_null();
        }
        if let Some(gap) = self.changes.doubled_by {
            self.doubled.push((self.ordinals.len(), gap));
        }
        self.ordinals.push(ordinal(self.source, line));
        self.tally.rows_read += 1;
        self.tally.rows += 1;
        self.tally.times_cut += self.changes.times_cut;
        self.tally.doubled_taken_first += self.changes.taken_first;
        self.tally.doubled_taken_second += self.changes.taken_second;
        self.tally.skipped_moved_on += self.changes.moved_on;
        self.changes = Changes::default();
    }

    /// Takes the row in the making back and says why.
    pub(crate) fn reject(&mut self, line: u64, row: &[u8], misfit: Misfit) {
        let column = (misfit.column < self.plan.columns.len())
            .then(|| self.plan.columns[misfit.column].name.clone());
        self.refuse(line, row, (misfit.reason, column, misfit.detail));
    }

    /// Takes the row in the making back for a reason that is about no single column.
    pub(crate) fn reject_whole(&mut self, line: u64, row: &[u8], reason: Reason, detail: String) {
        self.refuse(line, row, (reason, None, detail));
    }

    fn refuse(
        &mut self,
        line: u64,
        row: &[u8],
        (reason, column, detail): (Reason, Option<String>, String),
    ) {
        const MOST_CHARACTERS: usize = 1000;
        let rows = self.ordinals.len();
        for column in &mut self.columns {
            column.truncate(rows);
        }
        self.changes = Changes::default();
        self.tally.rows_read += 1;
        *self.tally.rejected.entry(reason).or_default() += 1;
        let text = self.plan.keeps_text.then(|| {
            let text = String::from_utf8_lossy(&row[..row.len().min(MOST_CHARACTERS * 4)]);
            text.chars().take(MOST_CHARACTERS).collect()
        });
        // A value is content as well: without texts, the reason says only what was expected.
        let detail = match (self.plan.keeps_text, reason) {
            (true, _) | (_, Reason::Ragged | Reason::Quote | Reason::NoEventTime) => detail,
            (false, _) => format!("refused as {}", reason.word()),
        };
        self.rejects.push(Reject { source: self.source, line, reason, column, detail, text });
    }

    /// All rows as a batch.
    pub(crate) fn finish(self) -> Parsed {
        let schema = self.plan.schema();
        let rows = self.ordinals.len();
        let mut arrays: Vec<ArrayRef> = Vec::with_capacity(self.columns.len() + 2);
        let mut widenings: Vec<Widening> = Vec::new();
        for (at, column) in self.columns.into_iter().enumerate() {
            arrays.push(column.finish(rows));
            if self.fractions[at] {
                widenings.push(Widening::Fraction { column: at });
            }
        }
        let boxed = |(column, evidence)| Widening::Found { column, evidence: Box::new(evidence) };
        widenings.extend(self.found.into_iter().map(boxed));
        let boxed = |(name, evidence)| Widening::Added { name, evidence: Box::new(evidence) };
        widenings.extend(self.added.into_iter().map(boxed));
        let event_time = self.plan.event_time.map(|at| &arrays[at]);
        let partitions = self.plan.partition.numbers(event_time, rows);
        arrays.push(Arc::new(Int32Array::from(partitions)));
        arrays.push(Arc::new(UInt64Array::from(self.ordinals)));
        let batch = RecordBatch::try_new(schema, arrays).expect("each column has a cell a row");
        let (rejects, tally, doubled) = (self.rejects, self.tally, self.doubled);
        Parsed { batch, rejects, tally, widenings, doubled }
    }
}

/// Where a cell comes from, as far as it bears on what it may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// It stands as it is: an empty one is no value.
    Bare,
    /// It stood in quotes: an empty text is a value.
    Quoted,
    /// The source says that it is a string, so it is no number.
    String,
}

fn day(stamp: &Stamp) -> Option<i32> {
    // A time of day would be lost, unless it is midnight.
    let (days, rest) = (
        stamp.local_micros.div_euclid(86_400_000_000),
        stamp.local_micros.rem_euclid(86_400_000_000),
    );
    i32::try_from(days).ok().filter(|_| rest == 0)
}

impl Values {
    fn of(kind: &Kind, expected: usize) -> Self {
        match kind {
            Kind::Empty | Kind::Decimal { .. } | Kind::Binary => Self::Nothing,
            Kind::Boolean => Self::Boolean(BooleanBufferBuilder::new(expected)),
            Kind::Integer => Self::Integer(Vec::with_capacity(expected)),
            Kind::Float => Self::Float(Vec::with_capacity(expected)),
            Kind::Text => {
                let mut ends = Vec::with_capacity(expected + 1);
                ends.push(0);
                Self::Text { bytes: Vec::new(), ends }
            }
            Kind::Date { layout } => {
                Self::Date { days: Vec::with_capacity(expected), layout: *layout }
            }
            Kind::Time { layout, zone } => Self::Time {
                micros: Vec::with_capacity(expected),
                layout: *layout,
                clock: LocalClock::of(zone).expect("zones are checked before they are pinned"),
            },
        }
    }
}

impl Growing {
    fn push_null(&mut self) {
        self.is_valid.append(false);
        match &mut self.values {
            Values::Nothing => {}
            Values::Boolean(values) => values.append(false),
            Values::Integer(values) => values.push(0),
            Values::Float(values) => values.push(0.0),
            Values::Text { bytes, ends } => ends.push(end_of(bytes)),
            Values::Date { days, .. } => days.push(0),
            Values::Time { micros, .. } => micros.push(0),
        }
    }

    fn push_text(&mut self, cell: &[u8]) {
        let Values::Text { bytes, ends } = &mut self.values else {
            unreachable!("the caller looked");
        };
        bytes.extend_from_slice(cell);
        ends.push(end_of(bytes));
        self.is_valid.append(true);
    }

    fn truncate(&mut self, rows: usize) {
        self.is_valid.truncate(rows);
        match &mut self.values {
            Values::Nothing => {}
            Values::Boolean(values) => values.truncate(rows),
            Values::Integer(values) => values.truncate(rows),
            Values::Float(values) => values.truncate(rows),
            Values::Text { bytes, ends } => {
                ends.truncate(rows + 1);
                bytes.truncate(usize::try_from(ends[rows]).expect("ends are positive"));
            }
            Values::Date { days, .. } => days.truncate(rows),
            Values::Time { micros, .. } => micros.truncate(rows),
        }
    }

    fn finish(mut self, rows: usize) -> ArrayRef {
        let nulls = NullBuffer::new(self.is_valid.finish());
        let nulls = Some(nulls).filter(|nulls| nulls.null_count() > 0);
        match self.values {
            Values::Nothing => Arc::new(StringArray::new_null(rows)),
            Values::Boolean(mut values) => Arc::new(BooleanArray::new(values.finish(), nulls)),
            Values::Integer(values) => Arc::new(Int64Array::new(values.into(), nulls)),
            Values::Float(values) => Arc::new(Float64Array::new(values.into(), nulls)),
            Values::Text { bytes, ends } => {
                let ends = OffsetBuffer::new(ScalarBuffer::from(ends));
                let array = StringArray::try_new(ends, Buffer::from_vec(bytes), nulls);
                Arc::new(array.expect("rows that are not UTF-8 were rejected"))
            }
            Values::Date { days, .. } => Arc::new(Date32Array::new(days.into(), nulls)),
            Values::Time { micros, .. } => {
                Arc::new(TimestampMicrosecondArray::new(micros.into(), nulls).with_timezone("UTC"))
            }
        }
    }
}

fn end_of(bytes: &[u8]) -> i32 {
    i32::try_from(bytes.len()).expect("a piece is far smaller than 2 GiB")
}
