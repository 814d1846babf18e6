//! An answer as CSV, JSON lines or Parquet.

use std::io::{self, Write};

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::Schema;
use datafusion::arrow::error::ArrowError;
use datafusion::arrow::{csv, json};
use datafusion::error::DataFusionError;
use datafusion::parquet::arrow::ArrowWriter;
use datafusion::parquet::basic::{Compression, ZstdLevel};
use datafusion::parquet::errors::ParquetError;
use datafusion::parquet::file::properties::WriterProperties;

use super::answer::Answer;
use super::problem::SqlError;

/// How an answer is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Comma-separated, with a header. A null and an empty text look alike.
    Csv,
    /// One object a line, with nulls. What is not a number is null.
    JsonLines,
    /// Parquet, compressed with zstd.
    Parquet,
}

impl Format {
    fn name(self) -> &'static str {
        match self {
            Self::Csv => "CSV",
            Self::JsonLines => "JSON lines",
            Self::Parquet => "Parquet",
        }
    }
}

/// What was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Written {
    /// How many rows.
    pub rows: u64,
    /// Whether there would have been more.
    pub is_cut: bool,
}

impl Answer {
    /// Writes all rows as they come, so that any number of them fits.
    ///
    /// After an error something may have been written; a file then has to be removed.
    pub async fn write(
        mut self,
        format: Format,
        out: &mut (dyn Write + Send),
    ) -> Result<Written, SqlError> {
        fits(self.schema(), format)?;
        let mut out = Watched { out, failure: None };
        let result = self.write_all(format, &mut out).await;
        match (result, out.failure) {
            // The formats make a text of what the file system said.
            (Err(Failure::Format(_)), Some(kind)) => Err(SqlError::Write { source: kind.into() }),
            (Err(Failure::Format(source)), None) => Err(SqlError::Run { source: Box::new(source) }),
            (Err(Failure::Rows(error)), _) => Err(error),
            (Ok(rows), _) => Ok(Written { rows, is_cut: self.is_cut() }),
        }
    }

    async fn write_all(&mut self, format: Format, out: &mut Watched<'_>) -> Result<u64, Failure> {
        let mut writer = Writer::new(format, self.schema(), out)?;
        let mut rows = 0;
        // An answer without rows has columns, too.
        writer.write(&RecordBatch::new_empty(self.schema().clone()))?;
        while let Some(batch) = self.next().await.map_err(Failure::Rows)? {
            rows += batch.num_rows() as u64;
            writer.write(&batch)?;
        }
        writer.finish()?;
        Ok(rows)
    }
}

/// Why writing ended.
enum Failure {
    Rows(SqlError),
    Format(DataFusionError),
}

impl From<ArrowError> for Failure {
    fn from(error: ArrowError) -> Self {
        Self::Format(error.into())
    }
}

impl From<ParquetError> for Failure {
    fn from(error: ParquetError) -> Self {
        Self::Format(error.into())
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Format(error.into())
    }
}

/// Refuses what the format has no way to say, before anything is written.
fn fits(schema: &Schema, format: Format) -> Result<(), SqlError> {
    let refused =
        |message, hint| Err(SqlError::Unwritable { format: format.name(), message, hint });
    for (index, field) in schema.fields().iter().enumerate() {
        let (name, data_type) = (field.name(), field.data_type());
        if format == Format::Csv && (data_type.is_nested() || data_type.is_binary()) {
            let message = format!("column `{name}` is of type {data_type}");
            return refused(message, "write JSON lines or Parquet, or select its parts");
        }
        let is_twice = schema.fields()[..index].iter().any(|other| other.name() == name);
        if format != Format::Csv && is_twice {
            let message = format!("two columns are called `{name}`");
            return refused(message, "give one of them another name with `AS`");
        }
    }
    Ok(())
}

enum Writer<'a, 'b> {
    Csv(Box<csv::Writer<&'a mut Watched<'b>>>),
    JsonLines(json::LineDelimitedWriter<&'a mut Watched<'b>>),
    Parquet(Box<ArrowWriter<&'a mut Watched<'b>>>),
}

impl<'a, 'b> Writer<'a, 'b> {
    fn new(
        format: Format,
        schema: &std::sync::Arc<Schema>,
        out: &'a mut Watched<'b>,
    ) -> Result<Self, ParquetError> {
        Ok(match format {
            Format::Csv => {
                Self::Csv(Box::new(csv::WriterBuilder::new().with_header(true).build(out)))
            }
            Format::JsonLines => {
                Self::JsonLines(json::WriterBuilder::new().with_explicit_nulls(true).build(out))
            }
            Format::Parquet => {
                let compression = Compression::ZSTD(ZstdLevel::default());
                let properties = WriterProperties::builder().set_compression(compression).build();
                Self::Parquet(Box::new(ArrowWriter::try_new(
                    out,
                    schema.clone(),
                    Some(properties),
                )?))
            }
        })
    }

    fn write(&mut self, batch: &RecordBatch) -> Result<(), Failure> {
        // So much of a row group is held in memory.
        const HELD_BYTES: usize = 256 << 20;
        match self {
            Self::Csv(writer) => writer.write(batch)?,
            Self::JsonLines(writer) => writer.write(batch)?,
            Self::Parquet(writer) => {
                writer.write(batch)?;
                if writer.in_progress_size() > HELD_BYTES {
                    writer.flush()?;
                }
            }
        }
        Ok(())
    }

    fn finish(self) -> Result<(), Failure> {
        match self {
            Self::Csv(writer) => writer.into_inner().flush()?,
            Self::JsonLines(mut writer) => {
                writer.finish()?;
                writer.into_inner().flush()?;
            }
            Self::Parquet(writer) => {
                writer.into_inner()?.flush()?;
            }
        }
        Ok(())
    }
}

/// Remembers how writing failed.
struct Watched<'a> {
    out: &'a mut (dyn Write + Send),
    failure: Option<io::ErrorKind>,
}

impl Watched<'_> {
    fn noted<T>(&mut self, result: io::Result<T>) -> io::Result<T> {
        if let Err(error) = &result
            && error.kind() != io::ErrorKind::Interrupted
        {
            self.failure = Some(error.kind());
        }
        result
    }
}

impl Write for Watched<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes);
        self.noted(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        let flushed = self.out.flush();
        self.noted(flushed)
    }
}
