//! Why a landing fails.

use datafusion::error::DataFusionError;

use super::ColumnChange;
use crate::dialect::DialectError;
use crate::personal::PersonalDataError;
use crate::postgres::QueryError;
use crate::source::SourceError;

/// Why a landing fails. Nothing of it is visible then.
#[derive(Debug, thiserror::Error)]
pub enum LandError {
    /// The sources cannot be found.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The rows of a query cannot be had.
    #[error(transparent)]
    Query(#[from] QueryError),
    /// What is asked for cannot be.
    #[error("land as asked: {what}")]
    Request {
        /// What is wrong with it.
        what: String,
    },
    /// A source cannot be understood.
    #[error("read {location}: {problem}")]
    Dialect {
        /// The source.
        location: String,
        /// Why, with its line.
        problem: DialectError,
    },
    /// A source ends before it should, or cannot be unpacked.
    #[error("read {location}: line {line}: the file is damaged or cut off here")]
    Damaged {
        /// The source.
        location: String,
        /// How far it was read.
        line: u64,
        /// What the reader said.
        #[source]
        source: std::io::Error,
    },
    /// A row takes more memory than all of them may.
    #[error("read {location}: line {line}: the row is longer than {limit_bytes} bytes")]
    LongRow {
        /// The source.
        location: String,
        /// The line on which it begins.
        line: u64,
        /// The limit.
        limit_bytes: usize,
    },
    /// A Parquet file cannot be read.
    #[error("read {location}: row {row}: not readable as Parquet")]
    Parquet {
        /// The source.
        location: String,
        /// How far it was read.
        row: u64,
        /// What the reader said.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A source became another while it was read.
    #[error("read {location}: it changed while it was read")]
    Changed {
        /// The source.
        location: String,
    },
    /// A source has no row.
    #[error("read {location}: line {line}: there is no row in it")]
    NoRows {
        /// The source.
        location: String,
        /// The line after its header.
        line: u64,
    },
    /// Too many rows do not fit.
    #[error(
        "land the rows: {rejected} of {read} do not fit, first {location}, line {line}: {detail}"
    )]
    Rejects {
        /// Rows that do not fit.
        rejected: u64,
        /// Rows that were read.
        read: u64,
        /// The source of the first.
        location: String,
        /// Its line.
        line: u64,
        /// What is wrong with it.
        detail: String,
        /// How many rows each reason is about, in words.
        reasons: String,
    },
    /// The schema changed in a way that was not declared.
    #[error("land {location}: its schema changed: {}", changes.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "))]
    Schema {
        /// The source.
        location: String,
        /// What changed.
        changes: Vec<ColumnChange>,
    },
    /// Rows cannot be sorted.
    #[error("sort the rows")]
    Sort {
        /// What DataFusion said.
        #[source]
        source: Box<DataFusionError>,
    },
    /// A file cannot be written.
    #[error("write {path}")]
    Write {
        /// The file.
        path: String,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A manifest cannot be understood.
    #[error("read a manifest")]
    Manifest {
        /// Why.
        #[source]
        source: serde_json::Error,
    },
    /// Personal data was found about which nothing is decided.
    #[error("land {location}, line {line}")]
    Personal {
        /// The source of the first row that shows it.
        location: String,
        /// Its line.
        line: u64,
        /// What was found.
        #[source]
        source: Box<PersonalDataError>,
    },
    /// What is said about personal data cannot be done.
    #[error(transparent)]
    Policies(#[from] PersonalDataError),
    /// Personal data cannot be treated.
    #[error("land {location}: treat its personal data")]
    Treat {
        /// The source.
        location: String,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl LandError {
    /// What to do about it, where there is something to say.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Source(error) => error.hint(),
            Self::Query(error) => error.hint()?,
            Self::Dialect { problem, .. } => problem.hint(),
            Self::Damaged { .. } => "have it delivered again".into(),
            Self::LongRow { .. } => {
                "see whether a quote is never closed; else raise `memory`".into()
            }
            Self::Changed { .. } => {
                "land when it is complete, or have it renamed into place".into()
            }
            Self::NoRows { .. } => "write `empty_files: allow` if that may happen".into(),
            Self::Rejects { reasons, .. } => format!(
                "in all {reasons}; declare the column's kind or more `nulls`, or raise `most_rejected`"
            ),
            Self::Schema { .. } => {
                "if that is meant, name the columns under `evolution: { removed: [], retyped: [] }`"
                    .into()
            }
            Self::Write { .. } => "see whether there is room and leave to write".into(),
            Self::Sort { .. } => {
                "see whether there is room for temporary files, or raise `memory`".into()
            }
            // What is undecided comes with the lines to add.
            Self::Personal { source, .. } => source.hint(),
            Self::Policies(source) => source.hint(),
            Self::Request { .. }
            | Self::Parquet { .. }
            | Self::Manifest { .. }
            | Self::Treat { .. } => return None,
        })
    }
}
