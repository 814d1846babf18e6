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

/// Remembers what was said of texts, because few texts fill most columns and a regular expression costs far more than a look here.
struct Memory {
    slots: Vec<Known>,
    /// The number of the batch, from 1.
    batch: u32,
}

/// What was said of the text behind a view.
#[derive(Clone, Copy, Default)]
struct Known {
    view: u128,
    /// The batch in which the view stands for its text; none for one that is the text.
    batch: Option<u32>,
    verdict: bool,
}

impl Memory {
    const SLOTS: usize = 1 << 10;

    /// A view holds a text of up to 12 bytes itself (the Arrow format, "Variable-size Binary View Layout"). One of a longer text says where that
    /// lies: views of one dictionary are the same for the same text, but mean nothing in another batch.
    const SHORT: u32 = 12;

    fn ask(&mut self, texts: &StringViewArray, holds: &dyn Fn(&str) -> bool) -> BooleanBuffer {
        let views = texts.views();
        self.batch += 1;
        holding(texts.len(), |row| {
            if texts.is_null(row) {
                return true;
            }
            let view = views[row];
            #[expect(clippy::cast_possible_truncation, reason = "the low half is the length")]
            let is_short = view as u32 <= Self::SHORT;
            let batch = Some(if is_short { 0 } else { self.batch });
            let known = &mut self.slots[Self::slot(view)];
            if known.view != view || known.batch != batch {
                *known = Known { view, batch, verdict: holds(texts.value(row)) };
            }
            known.verdict
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
        Self { slots: vec![Known::default(); Self::SLOTS], batch: 0 }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use datafusion::arrow::array::StringViewBuilder;

    use super::*;

    fn batch(texts: &[&str]) -> StringViewArray {
        let mut builder = StringViewBuilder::new().with_deduplicate_strings();
        for text in texts {
            builder.append_value(text);
        }
        builder.finish()
    }

    #[test]
    fn a_text_is_asked_about_once_and_never_taken_for_another() {
        let mut memory = Memory::default();
        let asked = Cell::new(0);
        let holds = |text: &str| {
            asked.set(asked.get() + 1);
            text.contains("good")
        };

        // Long texts of two batches lie in the same places, and so have the same views.
        let first = batch(&["a text that is good", "a text that is good", "good", "evil"]);
        let second = batch(&["a text that is evil", "a text that is evil", "good", "evil"]);
        assert_eq!(first.views()[0], second.views()[0]);
        let said: Vec<bool> = memory.ask(&first, &holds).iter().collect();
        let again: Vec<bool> = memory.ask(&second, &holds).iter().collect();

        assert_eq!((said, again), (vec![true, true, true, false], vec![false, false, true, false]));
        assert_eq!(asked.get(), 4);
    }
}
