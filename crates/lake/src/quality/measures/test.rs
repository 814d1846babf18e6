//! Tests of single values.

use std::sync::Arc;

use datafusion::arrow::array::{Array, StringViewArray};
use datafusion::arrow::buffer::{BooleanBuffer, NullBuffer};

use crate::quality::column::{Column, ColumnInfo};
use crate::quality::error::AuditError;
use crate::quality::examples::Examples;
use crate::quality::measure::{Measure, Rows, holding};

/// Tells of each value whether it holds.
pub(crate) enum Rule {
    /// A value must be there.
    Present,
    /// Something about numbers, times and truth values; missing values are not asked.
    Values(Box<dyn Fn(&Column) -> BooleanBuffer + Send + Sync>),
    /// Something about texts; missing values are not asked.
    Texts(Arc<dyn Fn(&str) -> bool + Send + Sync>),
}

/// Tests each value of a column.
pub(crate) struct Test {
    pub(crate) column: ColumnInfo,
    pub(crate) rule: Rule,
    pub(crate) examples: usize,
}

/// How a test went.
#[derive(Clone, Debug)]
pub(crate) struct Tested {
    /// Rows that were asked.
    pub(crate) rows: u64,
    pub(crate) failed: u64,
    pub(crate) examples: Examples,
}

impl Tested {
    pub(crate) fn new(examples: usize) -> Self {
        Self { rows: 0, failed: 0, examples: Examples::new(examples) }
    }

    pub(crate) fn merge(&mut self, later: Self) {
        self.rows += later.rows;
        self.failed += later.failed;
        self.examples.merge(later.examples);
    }

    /// Counts the rows of a batch that are asked and do not hold.
    pub(crate) fn absorb(
        &mut self,
        rows: &Rows,
        holds: &BooleanBuffer,
        asked: Option<&NullBuffer>,
    ) {
        let failing = match asked {
            Some(asked) => &!holds & asked.inner(),
            None => !holds,
        };
        self.rows += (holds.len() - asked.map_or(0, NullBuffer::null_count)) as u64;
        self.failed += failing.count_set_bits() as u64;
        for row in failing.set_indices() {
            let number = rows.number(row);
            if !self.examples.wants(number) {
                break;
            }
            self.examples.add(number, None);
        }
    }
}

pub(crate) struct State {
    tested: Tested,
    memory: Memory,
}

impl Measure for Test {
    type State = State;
    type Answer = Tested;

    fn key(&self) -> Option<String> {
        matches!(self.rule, Rule::Present).then(|| format!("present {}", self.column.index))
    }

    fn columns(&self) -> Vec<usize> {
        vec![self.column.index]
    }

    fn start(&self) -> State {
        State { tested: Tested::new(self.examples), memory: Memory::default() }
    }

    fn absorb(&self, state: &mut State, rows: &Rows) -> Result<(), AuditError> {
        let column = rows.column(&self.column);
        let nulls = column.nulls();
        match (&self.rule, column) {
            (Rule::Present, _) => {
                let present = match &nulls {
                    Some(nulls) => nulls.inner().clone(),
                    None => BooleanBuffer::new_set(rows.len()),
                };
                state.tested.absorb(rows, &present, None);
            }
            (Rule::Values(holds), column) => {
                state.tested.absorb(rows, &holds(column), nulls.as_ref());
            }
            (Rule::Texts(holds), Column::Texts(texts)) => {
                let holds = state.memory.ask(texts, holds.as_ref());
                state.tested.absorb(rows, &holds, nulls.as_ref());
            }
            (
                Rule::Texts(_),
                Column::Integers(_) | Column::Floats(_) | Column::Booleans(_) | Column::Other(_),
            ) => unreachable!("a rule about texts is only made for a column of text"),
        }
        Ok(())
    }

    fn merge(&self, state: &mut State, later: State) {
        state.tested.merge(later.tested);
    }

    fn answer(&self, state: State) -> Result<Tested, AuditError> {
        Ok(state.tested)
    }
}

/// Remembers what was said of short texts, because few texts fill most columns and a regular expression costs far more than a look here.
struct Memory(Vec<Option<(u128, bool)>>);

impl Memory {
    const SLOTS: usize = 1 << 10;

    /// A view holds a text of up to 12 bytes itself (the Arrow format, "Variable-size Binary View Layout").
    const SHORT: usize = 12;

    fn ask(&mut self, texts: &StringViewArray, holds: &dyn Fn(&str) -> bool) -> BooleanBuffer {
        let views = texts.views();
        holding(texts.len(), |row| {
            if texts.is_null(row) {
                return true;
            }
            let text = texts.value(row);
            if text.len() > Self::SHORT {
                return holds(text);
            }
            let slot = Self::slot(views[row]);
            match self.0[slot] {
                Some((view, verdict)) if view == views[row] => verdict,
                _ => {
                    let verdict = holds(text);
                    self.0[slot] = Some((views[row], verdict));
                    verdict
                }
            }
        })
    }

    fn slot(view: u128) -> usize {
        const ODD: u64 = 0x9e37_79b9_7f4a_7c15;
        #[expect(clippy::cast_possible_truncation, reason = "both halves are folded into one")]
        let folded = (view as u64) ^ ((view >> 64) as u64).rotate_left(32);
        (folded.wrapping_mul(ODD) >> 54) as usize
    }
}

impl Default for Memory {
    fn default() -> Self {
        Self(vec![None; Self::SLOTS])
    }
}
