//! Lands raw files as Parquet snapshots, checks them and queries them.

pub mod checks;
pub mod personal;
pub mod sql;
