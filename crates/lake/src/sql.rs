//! Read-only SQL over data sets.
//!
//! A [`Session`] knows data sets by name, each a list of Parquet files with a schema, and nothing else: no file, address or store
//! that was not registered can be reached, and nothing can be changed. [`Session::query`] runs one statement and gives an
//! [`Answer`], a stream of rows, that is written as a [table](TextTable), CSV, JSON lines or Parquet.
//!
//! - Memory is bounded ([`Limits`]); sorts, groups and sort-merge joins that need more go to a folder on disk.
//! - A statement ends at its deadline, when it is cancelled, and when its answer is dropped.
//! - What is wrong with a statement is shown at its place, with a hint: see [`SqlError`].
//!
//! Rows come in a certain order only if the statement says `ORDER BY`, and rows that are equal in it may still change places.
//! Names are in lower case unless they are in double quotes.
//!
//! ```
//! use std::sync::Arc;
//!
//! use datafusion::arrow::datatypes::{DataType, Field, Schema};
//! use object_store::memory::InMemory;
//! use tidemill_lake::sql::{DataSet, Limits, Session};
//! use tokio_util::sync::CancellationToken;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let mut session = Session::new(Limits::new(std::env::temp_dir(), 2))?;
//! session.register(DataSet {
//!     name: "plant_telemetry".to_owned(),
//!     schema: Arc::new(Schema::new(vec![Field::new("load", DataType::Float64, true)])),
//!     store: Arc::new(InMemory::new()),
//!     files: Vec::new(),
//! })?;
//!
//! let cancelled = CancellationToken::new();
//! let answer = session.query("select count(load) as loads from plant_telemetry", &cancelled).await?;
//! assert_eq!(answer.into_table(80).await?.text, "loads\n─────\n    0");
//!
//! let error = session.query("select * from plant_telemtry", &cancelled).await.unwrap_err();
//! assert_eq!(error.hint(), Some("did you mean `plant_telemetry`?"));
//! # Ok(())
//! # }
//! ```
//!
//! # What it does not do
//!
//! There is no DDL, no DML, no `COPY` and no `SET`, and no function that reads files. It keeps nothing: no views, no prepared
//! statements. `now()` and `random()` are what they are, so a task whose results have to be the same when it runs again does not use
//! them. Hash joins do not go to disk: where both sides are too large for the memory the statement fails, and says so.

mod answer;
mod excerpt;
mod files;
mod masked;
mod problem;
mod session;
mod statement;
mod stores;
mod table;
mod write;

pub use answer::Answer;
pub use problem::{Rejected, SqlError};
pub use session::{DataFile, DataSet, Limits, Session};
pub use table::TextTable;
pub use write::{Format, Written};
