//! Parquet files: the edge of the crate. No type of theirs gets any further.

mod read;
mod write;

pub use read::{BadFile, ReadColumns, read_parquet};
pub use write::write_parquet;
