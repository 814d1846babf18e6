//! Writes sorted rows as Parquet: a file a partition, row groups encoded side by side.

use std::collections::VecDeque;
use std::io::Write;
use std::sync::{Arc, Mutex};

use datafusion::arrow::array::AsArray;
use datafusion::arrow::compute::{concat_batches, max, min};
use datafusion::arrow::datatypes::{DataType, Int32Type, SchemaRef, TimestampMicrosecondType};
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::parquet::arrow::ArrowWriter;
use datafusion::parquet::arrow::arrow_writer::{
    ArrowColumnChunk, ArrowColumnWriter, ArrowRowGroupWriterFactory, compute_leaves,
};
use datafusion::parquet::basic::{Compression, Encoding, ZstdLevel};
use datafusion::parquet::errors::ParquetError;
use datafusion::parquet::file::properties::{EnabledStatistics, WriterProperties};
use datafusion::parquet::file::writer::SerializedFileWriter;
use datafusion::parquet::schema::types::ColumnPath;
use futures::{Stream, TryStreamExt};
use tokio::task::JoinHandle;

use super::destination::Upload;
use super::{DataFile, Destination, LandError, Partition};
use crate::blocking::blocking;

/// Bytes that a Parquet writer made and that wait to be sent.
#[derive(Clone, Default)]
struct Waiting(Arc<Mutex<Vec<u8>>>);

impl Write for Waiting {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().map_err(|_| std::io::Error::other("a writer panicked"))?.extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Waiting {
    fn take(&self) -> Vec<u8> {
        self.0.lock().map(|mut bytes| std::mem::take(&mut *bytes)).unwrap_or_default()
    }
}

type RowGroup = JoinHandle<Result<Vec<ArrowColumnChunk>, ParquetError>>;

/// A file that is being written.
struct OpenFile {
    partition: i32,
    path: String,
    parquet: SerializedFileWriter<Waiting>,
    factory: ArrowRowGroupWriterFactory,
    waiting: Waiting,
    upload: Upload,
    batches: Vec<RecordBatch>,
    batched_rows: usize,
    encoding: VecDeque<RowGroup>,
    row_groups: usize,
    rows: u64,
}

/// Writes the files of a snapshot.
pub(super) struct FileWriter<'a> {
    destination: &'a Destination,
    folder: &'a str,
    /// The columns that are written: the first ones of each batch.
    schema: SchemaRef,
    partition: Partition,
    /// Columns whose range is told: the event time, the known time.
    range_columns: Vec<Option<usize>>,
    pub(super) ranges: Vec<Option<(i64, i64)>>,
    pub(super) files: Vec<DataFile>,
    open: Option<OpenFile>,
    side_by_side: usize,
    group_rows: usize,
}

impl<'a> FileWriter<'a> {
    pub(super) fn new(
        destination: &'a Destination,
        folder: &'a str,
        schema: SchemaRef,
        (partition, group_rows): (Partition, usize),
        range_columns: Vec<Option<usize>>,
    ) -> Self {
        let ranges = vec![None; range_columns.len()];
        let side_by_side = std::thread::available_parallelism().map_or(1, usize::from);
        let (files, open) = (Vec::new(), None);
        Self {
            destination,
            folder,
            schema,
            partition,
            range_columns,
            ranges,
            files,
            open,
            side_by_side,
            group_rows,
        }
    }

    /// Writes all rows. The partition of each is in the column after those that are written.
    pub(super) async fn write(
        &mut self,
        rows: impl Stream<Item = Result<RecordBatch, LandError>>,
    ) -> Result<(), LandError> {
        let mut rows = std::pin::pin!(rows);
        while let Some(batch) = rows.try_next().await? {
            let mut from = 0;
            let width = self.schema.fields().len();
            let partitions = batch.column(width).as_primitive::<Int32Type>().values();
            while from < batch.num_rows() {
                let partition = partitions[from];
                let to = from + partitions[from..].partition_point(|other| *other == partition);
                self.append(partition, &batch.slice(from, to - from)).await?;
                from = to;
            }
        }
        self.close().await
    }

    /// Gives up what is not finished; finished files are for the caller to remove.
    pub(super) async fn abandon(&mut self) {
        if let Some(file) = self.open.take() {
            for group in file.encoding {
                group.abort();
            }
            file.upload.abandon().await;
        }
    }

    async fn append(&mut self, partition: i32, batch: &RecordBatch) -> Result<(), LandError> {
        if self.open.as_ref().is_some_and(|file| file.partition != partition) {
            self.close().await?;
        }
        for (column, range) in self.range_columns.iter().zip(&mut self.ranges) {
            let Some(column) = column else { continue };
            let values = batch.column(*column).as_primitive::<TimestampMicrosecondType>();
            if let (Some(least), Some(most)) = (min(values), max(values)) {
                let (from, to) = range.unwrap_or((least, most));
                *range = Some((from.min(least), to.max(most)));
            }
        }
        let columns = batch.columns()[..self.schema.fields().len()].to_vec();
        let batch = RecordBatch::try_new(Arc::clone(&self.schema), columns)
            .map_err(|source| failed(self.folder, source))?;
        let (mut rest, most) = (batch, self.group_rows);
        while rest.num_rows() > 0 {
            let file = match &mut self.open {
                Some(file) => file,
                None => self.open.insert(begin(
                    self.destination,
                    format!("{}/{}/part-0.parquet", self.folder, self.partition.folder(partition)),
                    (partition, &self.schema),
                )?),
            };
            let count = rest.num_rows().min(most - file.batched_rows);
            file.batches.push(rest.slice(0, count));
            file.batched_rows += count;
            rest = rest.slice(count, rest.num_rows() - count);
            if file.batched_rows == most {
                file.encode_group(&self.schema)?;
                while file.encoding.len() >= self.side_by_side {
                    file.write_group().await?;
                }
            }
        }
        Ok(())
    }

    async fn close(&mut self) -> Result<(), LandError> {
        let Some(mut file) = self.open.take() else { return Ok(()) };
        file.encode_group(&self.schema)?;
        while !file.encoding.is_empty() {
            file.write_group().await?;
        }
        let path = file.path.clone();
        file.parquet.close().map_err(|source| failed(&path, source))?;
        file.upload.put(file.waiting.take()).await?;
        let (size_bytes, sha256) = file.upload.finish().await?;
        self.files.push(DataFile { path, rows: file.rows, size_bytes, sha256 });
        Ok(())
    }
}

impl OpenFile {
    /// Begins to encode the rows that are gathered.
    fn encode_group(&mut self, schema: &SchemaRef) -> Result<(), LandError> {
        if self.batched_rows == 0 {
            return Ok(());
        }
        let batches = std::mem::take(&mut self.batches);
        self.rows += self.batched_rows as u64;
        self.batched_rows = 0;
        let writers = self.factory.create_column_writers(self.row_groups);
        let writers = writers.map_err(|source| failed(&self.path, source))?;
        self.row_groups += 1;
        let schema = Arc::clone(schema);
        self.encoding.push_back(blocking(move || encode(&schema, &batches, writers)));
        Ok(())
    }

    /// Waits for the oldest row group and sends it.
    async fn write_group(&mut self) -> Result<(), LandError> {
        let Some(group) = self.encoding.pop_front() else { return Ok(()) };
        let chunks = group.await.map_err(|source| failed(&self.path, source))?;
        let chunks = chunks.map_err(|source| failed(&self.path, source))?;
        let appended = append(&mut self.parquet, chunks);
        appended.map_err(|source| failed(&self.path, source))?;
        self.upload.put(self.waiting.take()).await
    }
}

fn append(
    parquet: &mut SerializedFileWriter<Waiting>,
    chunks: Vec<ArrowColumnChunk>,
) -> Result<(), ParquetError> {
    let mut group = parquet.next_row_group()?;
    for chunk in chunks {
        chunk.append_to_row_group(&mut group)?;
    }
    group.close().map(drop)
}

fn encode(
    schema: &SchemaRef,
    batches: &[RecordBatch],
    mut writers: Vec<ArrowColumnWriter>,
) -> Result<Vec<ArrowColumnChunk>, ParquetError> {
    let batch = concat_batches(schema, batches)?;
    let mut leaf_writers = writers.iter_mut();
    for (field, column) in schema.fields().iter().zip(batch.columns()) {
        for leaf in compute_leaves(field, column)? {
            let writer = leaf_writers.next();
            writer
                .ok_or_else(|| ParquetError::General("a leaf has no writer".into()))?
                .write(&leaf)?;
        }
    }
    writers.into_iter().map(ArrowColumnWriter::close).collect()
}

fn begin(
    destination: &Destination,
    path: String,
    (partition, schema): (i32, &SchemaRef),
) -> Result<OpenFile, LandError> {
    let waiting = Waiting::default();
    let writer =
        ArrowWriter::try_new(waiting.clone(), Arc::clone(schema), Some(properties(schema)));
    let split = writer.and_then(ArrowWriter::into_serialized_writer);
    let (parquet, factory) = split.map_err(|source| failed(&path, source))?;
    let upload = destination.begin(&path);
    let (batches, encoding) = (Vec::new(), VecDeque::new());
    let (batched_rows, row_groups, rows) = (0, 0, 0);
    Ok(OpenFile {
        partition,
        path,
        parquet,
        factory,
        waiting,
        upload,
        batches,
        batched_rows,
        encoding,
        row_groups,
        rows,
    })
}

/// Encodings by what they are good at: deltas for times and whole numbers, dictionaries for words. No clock and no host is written.
fn properties(schema: &SchemaRef) -> WriterProperties {
    let level = ZstdLevel::try_new(1).unwrap_or_default();
    let mut properties = WriterProperties::builder()
        .set_created_by("tidemill".into())
        .set_compression(Compression::ZSTD(level))
        .set_statistics_enabled(EnabledStatistics::Page);
    for field in schema.fields() {
        let column = ColumnPath::new(vec![field.name().clone()]);
        match field.data_type() {
            DataType::Timestamp(..) => {
                properties = properties
                    .set_column_dictionary_enabled(column.clone(), false)
                    .set_column_encoding(column, Encoding::DELTA_BINARY_PACKED);
            }
            DataType::Float64 => {
                properties = properties.set_column_dictionary_enabled(column, false);
            }
            _ => {}
        }
    }
    properties.build()
}

fn failed(path: &str, source: impl std::error::Error + Send + Sync + 'static) -> LandError {
    LandError::Write { path: path.to_owned(), source: Box::new(source) }
}
