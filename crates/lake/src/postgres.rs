//! Rows of a Postgres query, as they were at one moment.
//!
//! All is read in one transaction that only reads and sees one snapshot of the database. What comes is kept as Parquet in the scratch folder until the
//! last row is there, and only then landed like any other file. So a connection that is cut leaves nothing, the transaction is as short as it
//! can be, and the hash of the rows is known before anything is written: the same rows land to no new snapshot.

mod columns;
mod decode;
mod error;
mod fetch;
mod numeric;
mod pages;
mod query;
mod session;
mod spool;

pub use error::QueryError;
pub use query::PostgresQuery;

pub(crate) use fetch::{Fetched, fetch};
