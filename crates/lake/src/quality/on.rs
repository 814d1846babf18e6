//! What a check sees of the table while it is compiled, and what it says after the scan.

use std::sync::Arc;

use super::audit::{Facts, Limits};
use super::column::{Class, ColumnInfo};
use super::document::ChecksFile;
use super::examples::{Examples, Spot};
use super::measure::{Answers, Asked, Asks, Measure};
use super::measures::count::Count;
use super::measures::extent::{Ends, Extent};
use super::measures::moments::{Moments, Spread};
use super::measures::reference::KnownKeys;
use super::measures::sorted::Sorting;
use super::measures::test::{Rule, Test, Tested};
use super::mistake::Fault;
use super::predicate::Predicate;
use super::sorter::{Room, Sorted};
use super::table::Table;
use super::values::Between;
use super::words;
use crate::nearest::suggest;

/// Keys of another table that must be read before the scan.
pub(crate) struct Wanted {
    pub(crate) table: String,
    pub(crate) columns: Vec<ColumnInfo>,
    pub(crate) keys: KnownKeys,
}

/// The table, the file and the facts, as one check sees them.
pub(crate) struct On<'a> {
    pub(crate) table: &'a Table,
    pub(crate) file: &'a ChecksFile,
    pub(crate) facts: &'a Facts,
    pub(crate) limits: &'a Limits,
    pub(crate) room: &'a Arc<Room>,
    pub(crate) asks: &'a mut Asks,
    pub(crate) wanted: &'a mut Vec<Wanted>,
    /// The columns that the check is about; a check that finds its columns elsewhere says so here.
    pub(crate) columns: Vec<ColumnInfo>,
    pub(crate) filter: Option<usize>,
}

impl On<'_> {
    /// The one column of a check of one column.
    pub(crate) fn column(&self) -> ColumnInfo {
        self.columns.first().cloned().expect("a check of a column has one")
    }

    /// The one column, which must hold numbers.
    pub(crate) fn numbers(&self) -> Result<ColumnInfo, Fault> {
        let column = self.column();
        if column.class.is_number() {
            return Ok(column);
        }
        let label = column.class.label();
        Err(Fault::new("column", format!("column `{}` is {label}, not a number", column.name))
            .hint("choose a column of numbers"))
    }

    /// The one column, which must hold texts.
    pub(crate) fn texts(&self) -> Result<ColumnInfo, Fault> {
        let column = self.column();
        if column.class == Class::Text {
            return Ok(column);
        }
        let label = column.class.label();
        Err(Fault::new("column", format!("column `{}` is {label}, not text", column.name))
            .hint("choose a column of text; `range` and `set` judge other values"))
    }

    /// The column of times: the check's own, or the file's.
    pub(crate) fn time(&mut self) -> Result<ColumnInfo, Fault> {
        let column = match (self.columns.first(), &self.file.time) {
            (Some(own), _) => own.clone(),
            (None, Some(name)) => self.named(name, "column")?,
            (None, None) => {
                return Err(Fault::new("column", "needs a column of times")
                    .hint("add `column: NAME`, or `time: NAME` at the top of the file"));
            }
        };
        if !matches!(column.class, Class::Time { .. }) {
            let label = column.class.label();
            let message = format!("column `{}` is {label}, not a time", column.name);
            return Err(
                Fault::new("column", message).hint("land it as a time, with its format and zone")
            );
        }
        self.columns = vec![column.clone()];
        Ok(column)
    }

    /// The columns that tell series apart; may be none.
    pub(crate) fn entity(&self) -> Result<Vec<ColumnInfo>, Fault> {
        self.file.entity.iter().map(|name| self.named(name, "")).collect()
    }

    pub(crate) fn named(&self, name: &str, field: &str) -> Result<ColumnInfo, Fault> {
        self.table.column(name).cloned().ok_or_else(|| unknown_column(self.table, name, field))
    }

    pub(crate) fn ask<M: Measure>(&mut self, measure: M) -> Asked<M::Answer> {
        self.asks.ask(measure, self.filter)
    }

    pub(crate) fn test(&mut self, column: &ColumnInfo, rule: Rule) -> Asked<Tested> {
        let examples = self.limits.examples;
        self.ask(Test { column: column.clone(), rule, examples })
    }

    pub(crate) fn extent(&mut self, column: &ColumnInfo) -> Asked<Option<Extent>> {
        self.ask(Ends { column: column.clone() })
    }

    pub(crate) fn moments(&mut self, column: &ColumnInfo) -> Asked<Moments> {
        self.ask(Spread { column: column.clone() })
    }

    /// Rows sorted so that those which are equal in the columns stand together.
    pub(crate) fn sorted_over(&mut self, columns: &[ColumnInfo]) -> Asked<Sorted> {
        self.ask(Sorting::over(columns.to_vec(), self.room))
    }

    /// The times of each entity in order.
    pub(crate) fn sorted_times(&mut self, time: &ColumnInfo) -> Result<Asked<Sorted>, Fault> {
        let by = self.entity()?;
        Ok(self.ask(Sorting { by, then: Some(time.clone()), room: Arc::clone(self.room) }))
    }

    /// How many rows there are, those that the filter keeps.
    pub(crate) fn rows(&mut self) -> impl FnOnce(&Answers) -> u64 + Send + use<> {
        let filtered = self.filter.map(|filter| self.asks.ask(Count, Some(filter)));
        move |answers| filtered.map_or(answers.rows, |asked| *answers.get(asked))
    }

    pub(crate) fn predicate(&self, sql: &str, field: &str) -> Result<Predicate, Fault> {
        Predicate::compile(sql, self.table.schema(), field)
    }
}

pub(crate) fn unknown_column(table: &Table, name: &str, field: &str) -> Fault {
    let known = table.columns.iter().map(|info| info.name.as_str());
    Fault::new(field, format!("unknown column `{name}`")).hint(suggest(name, "columns", known))
}

/// What a check judged.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Judged {
    /// Rows, values or steps, one by one; the tolerance decides. The noun is a plural.
    Rows { tested: u64, failed: u64, noun: &'static str },
    /// One number or fact.
    Whole { holds: bool },
    /// Nothing: there is nothing to compare with.
    Nothing,
}

/// What a check says after the scan.
#[derive(Debug)]
pub(crate) struct Finding {
    pub(crate) judged: Judged,
    /// What is allowed, for people.
    pub(crate) allowed: String,
    /// What was seen, for people; for rows what is worth saying beside their counts.
    pub(crate) seen: String,
    /// Whether `seen` shows single values, which must not be told of a personal column.
    pub(crate) reveals: bool,
    pub(crate) examples: Vec<Spot>,
    /// The columns whose values are shown with each example.
    pub(crate) show: Vec<ColumnInfo>,
}

impl Finding {
    pub(crate) fn rows(tested: u64, failed: u64, noun: &'static str, examples: &Examples) -> Self {
        Self {
            judged: Judged::Rows { tested, failed, noun },
            allowed: String::new(),
            seen: String::new(),
            reveals: false,
            examples: examples.list(),
            show: Vec::new(),
        }
    }

    pub(crate) fn tested(tested: &Tested, noun: &'static str) -> Self {
        Self::rows(tested.rows, tested.failed, noun, &tested.examples)
    }

    pub(crate) fn whole(holds: bool, seen: impl Into<String>) -> Self {
        let judged = Judged::Whole { holds };
        Self { judged, seen: seen.into(), ..Self::rows(0, 0, "rows", &Examples::new(0)) }
    }

    /// A number that must lie between bounds; no value has no number.
    pub(crate) fn number(value: Option<f64>, between: Between) -> Self {
        let seen = value.map_or_else(|| "no value".to_owned(), words::number);
        let holds = value.is_some_and(|value| between.holds(value));
        Self::whole(holds, seen).allowed(between.words(words::number))
    }

    /// There is nothing to compare with, because of this.
    pub(crate) fn nothing(why: impl Into<String>) -> Self {
        Self { judged: Judged::Nothing, ..Self::whole(true, why) }
    }

    pub(crate) fn allowed(self, allowed: impl Into<String>) -> Self {
        Self { allowed: allowed.into(), ..self }
    }

    pub(crate) fn seen(self, seen: impl Into<String>) -> Self {
        Self { seen: seen.into(), ..self }
    }

    pub(crate) fn revealing(self) -> Self {
        Self { reveals: true, ..self }
    }

    pub(crate) fn examples(self, examples: &Examples) -> Self {
        Self { examples: examples.list(), ..self }
    }

    pub(crate) fn showing(self, columns: Vec<ColumnInfo>) -> Self {
        Self { show: columns, ..self }
    }
}
