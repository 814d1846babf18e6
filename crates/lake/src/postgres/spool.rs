//! Rows that came, kept as Parquet until all are there.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;

use datafusion::arrow::array::ArrayRef;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::parquet::arrow::ArrowWriter;
use datafusion::parquet::basic::{Compression, ZstdLevel};
use datafusion::parquet::errors::ParquetError;
use datafusion::parquet::file::properties::{EnabledStatistics, WriterProperties};
use sha2::{Digest, Sha256};
use tokio_postgres::Row;

use super::columns::{Answer, schema};
use super::decode::{Misfit, array};
use crate::read::hex;

/// The most that a row group holds in memory.
const GROUP_BYTES: usize = 32 << 20;
const GROUP_ROWS: usize = 1 << 17;

/// Rows that came, in a file.
pub(super) struct Spool {
    answers: Arc<Vec<Answer>>,
    schema: SchemaRef,
    writer: ArrowWriter<Hashed>,
}

/// A file that is hashed as it is written.
struct Hashed {
    file: File,
    hash: Sha256,
}

impl Write for Hashed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.file.write(bytes)?;
        self.hash.update(&bytes[..count]);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// Why rows cannot be kept.
pub(super) enum Unkept {
    /// A value of a column has no place, in this row of those that were given.
    Value { column: usize, misfit: Misfit },
    /// The file cannot be written.
    Write(ParquetError),
}

impl From<ParquetError> for Unkept {
    fn from(error: ParquetError) -> Self {
        Self::Write(error)
    }
}

impl Spool {
    pub(super) fn begin(path: &Path, answers: Arc<Vec<Answer>>) -> Result<Self, ParquetError> {
        let level = ZstdLevel::try_new(1).unwrap_or_default();
        let properties = WriterProperties::builder()
            .set_created_by("tidemill".into())
            .set_compression(Compression::ZSTD(level))
            .set_statistics_enabled(EnabledStatistics::None)
            .set_max_row_group_row_count(Some(GROUP_ROWS))
            .build();
        let schema = schema(&answers);
        let file = Hashed { file: File::create(path)?, hash: Sha256::new() };
        let writer = ArrowWriter::try_new(file, Arc::clone(&schema), Some(properties))?;
        Ok(Self { answers, schema, writer })
    }

    pub(super) fn put(&mut self, rows: &[Row]) -> Result<(), Unkept> {
        let mut arrays: Vec<ArrayRef> = Vec::with_capacity(self.answers.len());
        for (column, answer) in self.answers.iter().enumerate() {
            let made = array(rows, column, answer.read_as);
            arrays.push(made.map_err(|misfit| Unkept::Value { column, misfit })?);
        }
        let batch = RecordBatch::try_new(Arc::clone(&self.schema), arrays);
        self.writer.write(&batch.map_err(ParquetError::from)?)?;
        if self.writer.in_progress_size() > GROUP_BYTES {
            self.writer.flush()?;
        }
        Ok(())
    }

    /// The hash of the file.
    pub(super) fn finish(self) -> Result<String, Unkept> {
        Ok(hex(&self.writer.into_inner()?.hash.finalize()))
    }
}
