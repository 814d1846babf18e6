//! Lands raw files as Parquet snapshots, checks them and queries them.

pub mod checks;
mod memory;
mod nearest;
pub mod personal;
pub mod sql;
