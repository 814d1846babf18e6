//! How the bytes of a source are to be read: found out once, then pinned in the manifest.

mod cell;
mod column;
mod evidence;
mod hints;
mod lines;
mod resolve;
mod sniff;
mod split;
mod time;
mod zone;

pub use column::{Column, Kind};
pub use hints::{ColumnHint, FooterHint, Hints, KindName};
pub(crate) use sniff::{Opening, evidence_of, open, refuse_what_is_no_text, require};
pub use sniff::{Sample, Sniffed, sniff};
pub use time::{Stamp, TimeLayout};
pub use zone::{LocalClock, Moment};

pub(crate) use cell::{float, integer, truth};
pub(crate) use evidence::{Evidence, shortened};
pub(crate) use lines::{footer_start, is_ruler};
pub(crate) use resolve::{Role, kind_of};
pub(crate) use split::{Field, LineEnd, QuoteFault, Splitter, complete_records};

use std::borrow::Cow;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Everything that is needed to read a source the same way again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Dialect {
    /// How rows and cells are laid out.
    pub layout: Layout,
    /// The columns, in the order of the source.
    pub columns: Vec<Column>,
}

/// How rows and cells are laid out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Layout {
    /// Lines of cells with a delimiter between them.
    Delimited(Delimited),
    /// One JSON object a line.
    JsonLines,
    /// Apache Parquet.
    Parquet,
}

/// The dialect of a delimited text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Delimited {
    /// What stands between two cells.
    pub delimiter: Delimiter,
    /// What encloses a cell that holds the delimiter, a line end or itself (doubled).
    pub quote: Quote,
    /// Whether the first row names the columns.
    pub header: Header,
    /// How characters are encoded.
    pub encoding: Encoding,
    /// What stands before the fraction of a number.
    pub decimal: Decimal,
    /// The words that mean "no value" in columns that are not text.
    pub nulls: Vec<String>,
    /// Whether lines after the last row are told apart from rows.
    pub footer: FooterHint,
}

/// What stands between two cells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Delimiter {
    /// `,`
    Comma,
    /// A tabulator.
    Tab,
    /// `;`
    Semicolon,
    /// `|`
    Pipe,
}

impl Delimiter {
    /// All of them, in the order in which a tie is broken.
    pub const ALL: [Self; 4] = [Self::Comma, Self::Tab, Self::Semicolon, Self::Pipe];

    /// The byte itself.
    pub fn byte(self) -> u8 {
        match self {
            Self::Comma => b',',
            Self::Tab => b'\t',
            Self::Semicolon => b';',
            Self::Pipe => b'|',
        }
    }
}

/// What encloses a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Quote {
    /// `"`
    Double,
    /// `'`
    Single,
    /// Nothing: both characters are content.
    None,
}

impl Quote {
    /// The byte itself, if there is one.
    pub fn byte(self) -> Option<u8> {
        match self {
            Self::Double => Some(b'"'),
            Self::Single => Some(b'\''),
            Self::None => None,
        }
    }
}

/// Whether the first row names the columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Header {
    /// It does.
    Present,
    /// It is data; columns are called `column_1`, `column_2`, and so on.
    Absent,
}

/// How characters are encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Encoding {
    /// UTF-8; a byte-order mark at the start of a file is skipped.
    #[serde(rename = "utf-8")]
    Utf8,
    /// ISO 8859-1. Every text is valid in it, so it is never guessed.
    #[serde(rename = "latin-1")]
    Latin1,
}

impl Encoding {
    /// The text as UTF-8.
    pub(crate) fn decode(self, bytes: &[u8]) -> Cow<'_, [u8]> {
        match self {
            Self::Utf8 => Cow::Borrowed(bytes),
            Self::Latin1 if bytes.is_ascii() => Cow::Borrowed(bytes),
            Self::Latin1 => {
                let text: String = bytes.iter().map(|byte| char::from(*byte)).collect();
                Cow::Owned(text.into_bytes())
            }
        }
    }
}

/// What stands before the fraction of a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Decimal {
    /// `.`
    Point,
    /// `,`
    Comma,
}

impl Decimal {
    /// The byte itself.
    pub fn byte(self) -> u8 {
        match self {
            Self::Point => b'.',
            Self::Comma => b',',
        }
    }
}

/// The words that mean "no value" in columns that are not text, unless others are declared.
pub const NULL_WORDS: [&str; 14] = [
    "NULL", "null", "Null", "NA", "N/A", "n/a", "#N/A", "NaN", "nan", "-nan", "None", "<NA>",
    "(null)", "\\N",
];

/// Words that a sensor or a spreadsheet writes where it has no value: taken as such in a column whose other values are not text.
pub(crate) const LIKELY_NULL_WORDS: [&str; 20] = [
    "-", "--", "---", ".", "?", "*", "missing", "Missing", "unknown", "Unknown", "n.a.", "na",
    "#DIV/0!", "#VALUE!", "#REF!", "Error", "Bad", "No Data", "no data", "<null>",
];

/// Why a dialect cannot be found.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DialectError {
    /// There is not a byte in it, or only blanks.
    #[error("line 1: the file is empty")]
    Empty,
    /// The text is UTF-16 or UTF-32.
    #[error("line 1: the text is UTF-16 or UTF-32")]
    Wide,
    /// The content is no text at all.
    #[error("line {line}: the content is binary, not text: it holds NUL bytes")]
    Binary {
        /// Where the first NUL byte is.
        line: u64,
    },
    /// Lines end in carriage returns alone.
    #[error("line 1: lines end in carriage returns alone")]
    CarriageReturns,
    /// A quoted cell has no end.
    #[error("line {line}: the quote that opens here is never closed")]
    OpenQuote {
        /// Where it opens.
        line: u64,
    },
    /// Every date fits both orders.
    #[error("column `{column}`: `{example}` may be day/month or month/day, and so may all others")]
    AmbiguousDate {
        /// The column.
        column: String,
        /// One of its values.
        example: String,
    },
    /// A declared column is not there.
    #[error("line 1: there is no column `{column}`")]
    NoColumn {
        /// The column that is not there.
        column: String,
        /// The one that is most like it.
        near: Option<String>,
    },
    /// A column that must hold times does not.
    #[error("column `{column}` is declared to hold times, but holds {found}: `{example}`")]
    NoTime {
        /// The column.
        column: String,
        /// What it holds.
        found: &'static str,
        /// One of its values.
        example: String,
    },
    /// A line of JSON is no object.
    #[error("line {line}: not one JSON object: {what}")]
    NoObject {
        /// The line.
        line: u64,
        /// What the parser says.
        what: String,
    },
    /// A time zone does not exist.
    #[error("there is no time zone `{zone}`")]
    NoZone {
        /// Its name.
        zone: String,
    },
}

impl DialectError {
    /// What to do about it.
    pub fn hint(&self) -> String {
        match self {
            Self::Empty => "write `empty_files: allow` if that may happen".into(),
            Self::Wide => "export it as UTF-8, or convert it (`iconv -t utf-8`)".into(),
            Self::Binary { .. } => "if it is compressed or Parquet, its name does not matter, its \
                first bytes do; other binary formats are not read"
                .into(),
            Self::CarriageReturns => "convert them to line feeds (`tr '\\r' '\\n'`)".into(),
            Self::OpenQuote { .. } => {
                "close it, or declare `quote: none` if quotes are content".into()
            }
            Self::AmbiguousDate { column, .. } => format!(
                "declare `columns: {{ {column}: {{ layout: day_first }} }}` or `month_first`"
            ),
            Self::NoColumn { near: Some(near), .. } => format!("did you mean `{near}`?"),
            Self::NoColumn { near: None, .. } => "see what the first line holds".into(),
            Self::NoTime { column, .. } => format!(
                "declare its layout: `columns: {{ {column}: {{ layout: … }} }}`, one of iso, day_first, \
                 month_first, month_name, compact, epoch_seconds, epoch_millis, epoch_micros, epoch_nanos"
            ),
            Self::NoObject { .. } => "each line must hold one whole object".into(),
            Self::NoZone { .. } => "use a name of the IANA data base, such as `Europe/Oslo`".into(),
        }
    }
}
