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

/// What the cells so far may be.
///
/// A column is what nineteen of twenty of its cells are: a few that are not are rejected by line, which is loud, where a column
/// that becomes text because of them would be silent.
#[derive(Clone, Debug)]
pub(crate) struct Evidence {
    /// Cells with a value.
    pub(crate) values: u64,
    /// How many fit: `true` and `false`, whole numbers, numbers with a point, numbers with a comma.
    truths: u64,
    integers: u64,
    points: u64,
    commas: u64,
    /// Digits with a zero before them, or too many: such a column is one of codes.
    codes: u64,
    /// Whether a comma was seen where it cannot separate thousands.
    pub(crate) has_clear_comma: bool,
    /// How many fit each of [`LAYOUTS`], and how many have a time of day.
    layouts: [u64; LAYOUTS.len()],
    times: u64,
    /// The range of whole numbers.
    least: i64,
    most: i64,
    /// Words that stand for "no value" if all other cells are not text.
    pub(crate) odd_words: BTreeSet<String>,
    /// The first value, for messages.
    pub(crate) example: String,
}

impl Default for Evidence {
    fn default() -> Self {
        Self {
            values: 0,
            truths: 0,
            integers: 0,
            points: 0,
            commas: 0,
            codes: 0,
            has_clear_comma: false,
            layouts: [0; LAYOUTS.len()],
            times: 0,
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
        if !is_string {
            self.truths += u64::from(truth(cell).is_some());
            self.see_number(cell);
        }
        let mut has_time = false;
        for (layout, count) in LAYOUTS.iter().zip(&mut self.layouts) {
            if let Some(stamp) = layout.parse(cell) {
                *count += 1;
                has_time |= stamp.has_time;
            }
        }
        self.times += u64::from(has_time);
    }

    fn see_number(&mut self, cell: &[u8]) {
        let digits = cell.strip_prefix(b"-").unwrap_or(cell);
        if let Some(value) = integer(cell) {
            self.integers += 1;
            self.least = self.least.min(value);
            self.most = self.most.max(value);
        } else if digits.iter().all(u8::is_ascii_digit) {
            self.codes += 1;
            return;
        }
        self.points += u64::from(float(cell, Decimal::Point).is_some());
        if float(cell, Decimal::Comma).is_some() {
            self.commas += 1;
            if let Some(at) = cell.iter().position(|byte| *byte == b',') {
                self.has_clear_comma |=
                    cell.len() - at != 4 || at > 3 + usize::from(cell[0] == b'-');
            }
        }
    }

    /// Whether nineteen of twenty values are among as many as given.
    fn is_most(&self, count: u64) -> bool {
        self.values > 0 && count * 20 >= self.values * 19
    }

    pub(crate) fn is_truth(&self) -> bool {
        self.is_most(self.truths)
    }

    /// Whole numbers, and none with a fraction.
    pub(crate) fn is_integer(&self) -> bool {
        self.codes == 0
            && self.is_most(self.integers)
            && self.integers == self.points
            && self.integers == self.commas
    }

    pub(crate) fn is_point_number(&self) -> bool {
        self.codes == 0 && self.is_most(self.points)
    }

    pub(crate) fn is_comma_number(&self) -> bool {
        self.codes == 0 && self.is_most(self.commas)
    }

    /// The layouts that fit best, if they fit most values.
    pub(crate) fn layouts(&self) -> Vec<TimeLayout> {
        let best = self.layouts.iter().copied().max().unwrap_or(0);
        if !self.is_most(best) {
            return Vec::new();
        }
        let all = LAYOUTS.iter().zip(self.layouts);
        all.filter(|(_, count)| *count == best).map(|(layout, _)| *layout).collect()
    }

    pub(crate) fn has_time(&self) -> bool {
        self.times > 0
    }

    /// The unit since 1970 in which all whole numbers lie between 2000 and 2100.
    pub(crate) fn epoch(&self) -> Option<TimeLayout> {
        const START: i64 = 946_684_800;
        const END: i64 = 4_102_444_800;
        if !self.is_integer() {
            return None;
        }
        let units = [
            (TimeLayout::EpochSeconds, 1),
            (TimeLayout::EpochMillis, 1_000),
            (TimeLayout::EpochMicros, 1_000_000),
            (TimeLayout::EpochNanos, 1_000_000_000),
        ];
        let fits =
            |scale: i64| self.least >= START * scale && self.most < END.saturating_mul(scale);
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
