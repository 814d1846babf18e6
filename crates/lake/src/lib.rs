//! Lands raw files as Parquet snapshots, checks them and queries them.

mod blocking;
pub mod checks;
pub mod dialect;
mod memory;
mod nearest;
pub mod personal;
pub mod read;
pub mod snapshot;
pub mod source;
pub mod sql;
