//! Rows that are not landed, and the account of all lines of a source.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Why a row is not landed.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// It has fewer or more cells than there are columns.
    Ragged,
    /// A quote is not closed, or text follows a closed one.
    Quote,
    /// It is not valid in the declared encoding.
    Encoding,
    /// It holds a NUL byte.
    NulByte,
    /// It is not one JSON object.
    NoObject,
    /// A value does not fit its column.
    Value,
    /// It has no event time.
    NoEventTime,
    /// Its local time was never shown, since clocks were set forward.
    SkippedHour,
    /// Its local time was shown twice, since clocks were set back.
    DoubledHour,
}

impl Reason {
    /// The reason in the words of manifests and quarantine files.
    pub fn word(self) -> &'static str {
        match self {
            Self::Ragged => "ragged",
            Self::Quote => "quote",
            Self::Encoding => "encoding",
            Self::NulByte => "nul_byte",
            Self::NoObject => "no_object",
            Self::Value => "value",
            Self::NoEventTime => "no_event_time",
            Self::SkippedHour => "skipped_hour",
            Self::DoubledHour => "doubled_hour",
        }
    }
}

/// One row that is not landed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Reject {
    /// Which source it came from, by its place in the manifest.
    pub source: usize,
    /// The line on which it begins, from 1; the row in a Parquet file.
    pub line: u64,
    /// Why it is not landed.
    pub reason: Reason,
    /// The column, if it is about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<String>,
    /// The reason in words.
    pub detail: String,
    /// The row as it was read, cut after a thousand characters; nothing where columns are personal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

/// The account of a source: what every line was, and what was changed in the rows.
///
/// For texts, `lines = preamble_lines + header_lines + blank_lines + footer_lines + repeated_headers + row_lines`, and rows that
/// were read are landed or rejected: `rows_read = rows + sum(rejected)`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Tally {
    /// Lines in all.
    pub lines: u64,
    /// Lines before the header that are neither header nor row.
    pub preamble_lines: u64,
    /// Lines of the header.
    pub header_lines: u64,
    /// Empty lines among the rows.
    pub blank_lines: u64,
    /// Lines after the last row: notes, totals, blanks.
    pub footer_lines: u64,
    /// Headers that were found again among the rows.
    pub repeated_headers: u64,
    /// Lines that rows take; more than rows where cells hold line ends.
    pub row_lines: u64,
    /// Rows that were found.
    pub rows_read: u64,
    /// Rows that are landed.
    pub rows: u64,
    /// Rows that are not, by reason.
    pub rejected: BTreeMap<Reason, u64>,
    /// Files that begin with a byte-order mark, which is skipped.
    pub marks: u64,
    /// Rows that end in `\r\n`, and in `\n`.
    pub crlf_rows: u64,
    /// Rows that end in `\n` alone.
    pub lf_rows: u64,
    /// Rows with empty cells beyond the last column, which are dropped.
    pub surplus_empty_cells: u64,
    /// Times of which digits below a microsecond were cut off.
    pub times_cut: u64,
    /// Event times that were shown twice and are told apart by the order of the rows.
    pub doubled_by_order: u64,
    /// Times that were shown twice and are taken for the first showing.
    pub doubled_taken_first: u64,
    /// Times that were shown twice and are taken for the second showing.
    pub doubled_taken_second: u64,
    /// Times that were never shown and are moved on by as much as the clock was.
    pub skipped_moved_on: u64,
    /// Footer lines as they are written, the first few.
    pub footer: Vec<String>,
}

impl Tally {
    /// Rows that are not landed.
    pub fn rows_rejected(&self) -> u64 {
        self.rejected.values().sum()
    }

    /// Adds the account of other lines to this one.
    pub fn add(&mut self, other: &Self) {
        const MOST_FOOTER_LINES: usize = 8;
        self.lines += other.lines;
        self.preamble_lines += other.preamble_lines;
        self.header_lines += other.header_lines;
        self.blank_lines += other.blank_lines;
        self.footer_lines += other.footer_lines;
        self.repeated_headers += other.repeated_headers;
        self.row_lines += other.row_lines;
        self.rows_read += other.rows_read;
        self.rows += other.rows;
        for (reason, count) in &other.rejected {
            *self.rejected.entry(*reason).or_default() += count;
        }
        self.marks += other.marks;
        self.crlf_rows += other.crlf_rows;
        self.lf_rows += other.lf_rows;
        self.surplus_empty_cells += other.surplus_empty_cells;
        self.times_cut += other.times_cut;
        self.doubled_by_order += other.doubled_by_order;
        self.doubled_taken_first += other.doubled_taken_first;
        self.doubled_taken_second += other.doubled_taken_second;
        self.skipped_moved_on += other.skipped_moved_on;
        let room = MOST_FOOTER_LINES.saturating_sub(self.footer.len());
        self.footer.extend(other.footer.iter().take(room).cloned());
    }
}
