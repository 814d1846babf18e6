//! What the cells of a column may be, judged cell by cell.

use std::collections::BTreeSet;

use super::{Decimal, LIKELY_NULL_WORDS, TimeLayout, float, integer, truth};

/// The layouts that are tried, in the order in which a tie is broken.
const LAYOUTS: [TimeLayout; 5] = [
    TimeLayout::Iso,
    TimeLayout::DayFirst,
    TimeLayout::MonthFirst,
    TimeLayout::MonthName,
    TimeLayout::Compact,
];

/// What all cells so far may be.
#[derive(Clone, Debug)]
pub(crate) struct Evidence {
    /// Cells with a value.
    pub(crate) values: u64,
    /// Whether all fit: `true` and `false`, whole numbers, numbers with a point, numbers with a comma.
    pub(crate) truths: bool,
    pub(crate) integers: bool,
    pub(crate) points: bool,
    pub(crate) commas: bool,
    /// Whether a comma was seen where it cannot separate thousands.
    pub(crate) has_clear_comma: bool,
    /// Layouts that all cells fit, and whether one of them has a time of day.
    pub(crate) layouts: Vec<TimeLayout>,
    pub(crate) has_time: bool,
    /// The range of whole numbers.
    pub(crate) least: i64,
    pub(crate) most: i64,
    /// Words that stand for "no value" if all other cells are not text.
    pub(crate) odd_words: BTreeSet<String>,
    /// The first value, for messages.
    pub(crate) example: String,
}

impl Default for Evidence {
    fn default() -> Self {
        Self {
            values: 0,
            truths: true,
            integers: true,
            points: true,
            commas: true,
            has_clear_comma: false,
            layouts: LAYOUTS.to_vec(),
            has_time: false,
            least: i64::MAX,
            most: i64::MIN,
            odd_words: BTreeSet::new(),
            example: String::new(),
        }
    }
}

impl Evidence {
    /// Takes a cell into account. `is_string` says that the source calls it a string, so it is no number.
    pub(crate) fn see(&mut self, cell: &[u8], nulls: &[String], is_string: bool) {
        let cell = cell.trim_ascii();
        if cell.is_empty() || nulls.iter().any(|null| null.as_bytes() == cell) {
            return;
        }
        if let Some(word) = LIKELY_NULL_WORDS.iter().find(|word| word.as_bytes() == cell) {
            self.odd_words.insert((*word).to_owned());
            return;
        }
        if self.values == 0 {
            self.example = shortened(cell);
        }
        self.values += 1;
        self.truths = self.truths && !is_string && truth(cell).is_some();
        self.see_number(cell, is_string);
        self.see_time(cell);
    }

    fn see_number(&mut self, cell: &[u8], is_string: bool) {
        if is_string {
            (self.integers, self.points, self.commas) = (false, false, false);
            return;
        }
        // Digits with a zero before them are a code, as is what does not fit 64 bits.
        let digits = cell.strip_prefix(b"-").unwrap_or(cell);
        let is_whole = digits.iter().all(u8::is_ascii_digit);
        if self.integers {
            match integer(cell) {
                Some(value) => {
                    self.least = self.least.min(value);
                    self.most = self.most.max(value);
                }
                None => self.integers = false,
            }
        }
        if is_whole && integer(cell).is_none() {
            (self.points, self.commas) = (false, false);
            return;
        }
        self.points = self.points && float(cell, Decimal::Point).is_some();
        self.commas = self.commas && float(cell, Decimal::Comma).is_some();
        if let Some(at) = cell.iter().position(|byte| *byte == b',') {
            self.has_clear_comma |= cell.len() - at != 4 || at > 3 + usize::from(cell[0] == b'-');
        }
    }

    fn see_time(&mut self, cell: &[u8]) {
        let mut has_time = false;
        self.layouts.retain(|layout| {
            let stamp = layout.parse(cell);
            has_time |= stamp.is_some_and(|stamp| stamp.has_time);
            stamp.is_some()
        });
        self.has_time |= has_time;
    }

    /// The unit since 1970 in which all whole numbers lie between 2000 and 2100.
    pub(crate) fn epoch(&self) -> Option<TimeLayout> {
        const START: i64 = 946_684_800;
        const END: i64 = 4_102_444_800;
        if !self.integers || self.values == 0 {
            return None;
        }
        let units = [
            (TimeLayout::EpochSeconds, 1),
            (TimeLayout::EpochMillis, 1_000),
            (TimeLayout::EpochMicros, 1_000_000),
            (TimeLayout::EpochNanos, 1_000_000_000),
        ];
        let fits = |scale: i64| self.least >= START * scale && self.most < END.saturating_mul(scale);
        units.into_iter().find(|(_, scale)| fits(*scale)).map(|(layout, _)| layout)
    }
}

pub(crate) fn shortened(cell: &[u8]) -> String {
    const MOST: usize = 60;
    let text = String::from_utf8_lossy(cell);
    if text.chars().count() <= MOST {
        return text.into_owned();
    }
    text.chars().take(MOST).chain(['…']).collect()
}
