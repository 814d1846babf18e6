//! The quality of a table: checks from a file, judged in one scan.
//!
//! A [`ChecksFile`] lists checks (the kinds are in [`crate::checks`]). [`Audit::plan`] turns it into what must be measured, and says every mistake
//! of the file at once. [`Audit::run`] reads each needed column of the table once, whatever the number of checks, and judges. The
//! [`QualityReport`] is the same to the byte for the same table, file and [`Facts`], with any number of threads and any batch size.
//!
//! What counts as what:
//! - A float that is not a number is *missing*, as null is; `not_null` counts both, all other checks leave both out.
//! - A check over rows holds when at least the share `mostly` (1 unless told) of the rows that it judges hold; no row to judge holds.
//! - A check of one number (a mean, the newest time) over no value does not hold: there is no such number.
//! - `severity: warn` turns a failure into a warning. A check that has nothing to compare with yet (no earlier snapshot) is skipped.
//!
//! The score is the weighted share of what holds, times 100: a check weighs 3, or 1 with `severity: warn`; one that passes earns its
//! weight; a check over rows that does not pass earns half of its weight times the share of rows that hold; any other earns nothing. Skipped checks do not count.
//! The score is rounded down to a tenth, so it is 100 only when everything passed.
//!
//! Memory: each thread holds the compressed columns of one row group and one decoded batch. Sorted keys (uniqueness, time
//! steps) go to the scratch folder beyond [`Limits::memory_bytes`]; quantiles are exact up to four million values of a column, and beyond within
//! 0.025 % of the value (the width of a bucket). Two things grow with the data: `references` holds the different keys of the other data set (some 40
//! bytes each), and `monotone_time` one entry for each entity.
//!
//! ```
//! use std::sync::Arc;
//!
//! use datafusion::arrow::array::{ArrayRef, Float64Array, RecordBatch};
//! use serde_json::json;
//! use tidemill_lake::quality::{Audit, ChecksFile, Facts, Limits, Table, Verdict};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let values: ArrayRef = Arc::new(Float64Array::from(vec![21.5, 22.0, 400.0]));
//! let batch = RecordBatch::try_from_iter([("temperature", values)])?;
//! let table = Table::from_batches(batch.schema(), vec![batch]);
//! let file = ChecksFile::read(&json!({ "checks": [
//!     { "check": "not_null", "column": "temperature" },
//!     { "check": "range", "column": "temperature", "with": { "min": -40, "max": 60 } },
//! ] }))
//! .expect("the file has no mistake");
//!
//! let audit = Audit::plan(&file, &table, Facts::default(), Limits::new(std::env::temp_dir()));
//! let report = audit.expect("the checks fit the table").run().await?;
//!
//! assert_eq!(report.verdict, Verdict::Failed);
//! assert_eq!(report.checks[1].seen, "1 of 3 values does not hold (33.33 %); lowest 21.5, highest 400");
//! assert_eq!(report.checks[1].examples[0].row, 3);
//! # Ok(())
//! # }
//! ```
//!
//! What this module does not do: it reads no YAML (the caller has the document, with the places in the file), lists no files, keeps no
//! history and compares no distributions (drift has its own crate).

mod audit;
mod column;
mod document;
mod error;
pub(crate) mod examples;
mod mistake;
mod object;
pub(crate) mod on;
pub(crate) mod predicate;
mod report;
pub(crate) mod scan;
mod schema;
pub(crate) mod sorter;
mod table;
mod text;
pub(crate) mod words;

pub(crate) mod measure;
pub(crate) mod measures;
pub(crate) mod values;

#[cfg(test)]
pub(crate) mod conformance;
#[cfg(test)]
mod files_tests;
#[cfg(test)]
mod tests;

pub use audit::{Audit, Facts, Limits};
pub use document::{CheckItem, ChecksFile, Severity};
pub use error::AuditError;
pub use mistake::Mistake;
pub use report::{CheckResult, Example, QualityReport, Totals, Verdict};
pub use schema::json_schema;
pub use table::{Table, TableFile};
pub use values::Length;

pub(crate) use column::{Class, Column, ColumnInfo};
pub(crate) use document::typed;
pub(crate) use mistake::Fault;
