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
//! # What it does not do
//!
//! There is no DDL, no DML, no `COPY` and no `SET`, and no function that reads files. It keeps nothing: no views, no prepared
//! statements. `now()` and `random()` are what they are, so a task whose results have to be the same when it runs again does not use
//! them. Hash joins do not go to disk: where both sides are too large for the memory the statement fails, and says so.

mod answer;
mod excerpt;
mod files;
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
