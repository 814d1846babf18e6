//! Tables as tasks hand them to each other, and data sets as they were published.
//!
//! The artefacts of a port that holds `table` are, for each table: its [`TableInfo`] as JSON, its Parquet files in the order of their rows, and
//! the quarantine of its landing where rows were rejected.

mod asked;
mod handed;
mod info;
mod published;
mod talk;

pub use asked::{mentions, unasked};
pub use handed::Table;
pub use info::{FileInfo, LandingInfo, SourceInfo, TableInfo};
pub use published::{Published, open_dataset, personal_columns, read_published};

pub(crate) use handed::tables_of;
pub(crate) use info::counted;
pub(crate) use talk::say;

/// The media type of a table's files.
pub(crate) const PARQUET: &str = "application/vnd.apache.parquet";
/// The media type of descriptions, manifests and reports.
pub(crate) const JSON: &str = "application/json";
/// The media type of quarantines.
pub(crate) const JSON_LINES: &str = "application/x-ndjson";
