//! What a user declares about a source; all else is found out.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Decimal, Delimiter, Encoding, Header, Quote, TimeLayout};

/// What is declared about how a source is read. What is left out is found out and pinned.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Hints {
    /// What stands between two cells.
    pub delimiter: Option<Delimiter>,
    /// What encloses a cell.
    pub quote: Option<Quote>,
    /// Whether the first row names the columns.
    pub header: Option<Header>,
    /// How characters are encoded: UTF-8 unless declared.
    pub encoding: Option<Encoding>,
    /// What stands before the fraction of a number.
    pub decimal: Option<Decimal>,
    /// More words that mean "no value".
    pub nulls: Vec<String>,
    /// Whether lines after the last row are told apart from rows.
    pub footer: FooterHint,
    /// What is known about single columns.
    pub columns: BTreeMap<String, ColumnHint>,
}

/// What is declared about one column.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ColumnHint {
    /// What its values are.
    pub kind: Option<KindName>,
    /// How its times are written.
    pub layout: Option<TimeLayout>,
    /// The zone of times that state no offset (an IANA name); UTC unless declared.
    pub zone: Option<String>,
}

/// What the values of a column are, in a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum KindName {
    /// `true` or `false`.
    Boolean,
    /// Whole numbers.
    Integer,
    /// Numbers.
    Float,
    /// Characters, as they stand.
    Text,
    /// Days.
    Date,
    /// Moments.
    Time,
}

/// Whether lines after the last row are told apart from rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FooterHint {
    /// Blank lines, row counts, notes and totals at the end are no rows; each is counted.
    #[default]
    Detect,
    /// Every line is a row, and refused if it does not fit.
    None,
}
