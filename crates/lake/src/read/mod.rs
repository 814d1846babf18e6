//! Sources as a stream of record batches, with bounded memory and every row accounted for.

mod chunks;
mod columns;
mod decode;
mod delimited;
mod json;
mod parquet;
mod parquet_file;
mod plan;
mod reject;

pub use reject::{Reason, Reject, Tally};

pub(crate) use chunks::{ChunkError, Chunker, Piece};
pub(crate) use columns::Widening;
pub(crate) use decode::{Compression, ObjectBytes, decoded, hex};
pub(crate) use delimited::parse as parse_delimited;
pub(crate) use json::{parse as parse_json, sniff as sniff_json};
pub(crate) use parquet::{
    ParquetColumnError, ParquetRows, columns_of as parquet_columns, parse as parse_parquet,
};
pub(crate) use parquet_file::ParquetFile;
pub(crate) use plan::{ORDINAL, PARTITION, Plan, source_and_line};

use datafusion::arrow::record_batch::RecordBatch;

/// What became of a piece of a source.
#[derive(Debug)]
pub(crate) struct Parsed {
    /// The rows, with the helper columns of [`Plan`].
    pub(crate) batch: RecordBatch,
    pub(crate) rejects: Vec<Reject>,
    pub(crate) tally: Tally,
    /// What must be known about columns before these rows can be landed.
    pub(crate) widenings: Vec<Widening>,
    /// Rows whose event time was shown twice, each with how much later the second showing was.
    pub(crate) doubled: Vec<(usize, i64)>,
}
