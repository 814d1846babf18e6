//! The table that is checked: Parquet files, or batches in memory.

use std::sync::Arc;

use datafusion::arrow::array::{RecordBatch, new_null_array};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::parquet::arrow::ProjectionMask;
use datafusion::parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader, RowSelection,
};
use datafusion::parquet::arrow::async_reader::ParquetRecordBatchStreamBuilder;
use datafusion::parquet::file::metadata::ColumnChunkMetaData;
use object_store::ObjectStore;
use object_store::path::Path;

use super::column::ColumnInfo;
use super::error::AuditError;
use super::object::ObjectReader;

/// A Parquet file of a table.
#[derive(Clone, Debug)]
pub struct TableFile {
    /// Where it lies in the store.
    pub path: Path,
    /// Its size, where it is known: saves a request.
    pub bytes: Option<u64>,
}

/// A table: its rows are those of its files one after another, or of batches in memory.
#[derive(Clone)]
pub struct Table {
    schema: SchemaRef,
    pub(crate) columns: Arc<[ColumnInfo]>,
    source: Source,
    /// The stretches that are read on their own, in the order of the table.
    pub(crate) units: Arc<[Unit]>,
    rows: u64,
}

#[derive(Clone)]
enum Source {
    Files { store: Arc<dyn ObjectStore>, files: Arc<[OpenFile]> },
    Batches(Arc<[RecordBatch]>),
}

struct OpenFile {
    path: Path,
    bytes: Option<u64>,
    metadata: ArrowReaderMetadata,
    first_row: u64,
    rows: u64,
}

/// A row group of a file; all batches in memory are one unit.
pub(crate) struct Unit {
    file: usize,
    row_group: usize,
    pub(crate) first_row: u64,
}

impl std::fmt::Debug for Table {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Table")
            .field("rows", &self.rows)
            .field("columns", &self.columns.len())
            .finish_non_exhaustive()
    }
}

impl Table {
    /// Reads the footers of the files. A column that only some files have is missing in the rows of the others.
    pub async fn open(
        store: Arc<dyn ObjectStore>,
        files: impl IntoIterator<Item = TableFile>,
    ) -> Result<Self, AuditError> {
        let mut open = Vec::new();
        let mut fields: Vec<Arc<Field>> = Vec::new();
        let mut units = Vec::new();
        let mut rows = 0;
        for file in files {
            let metadata = footer(&store, &file).await?;
            for field in metadata.schema().fields() {
                add_field(&mut fields, field, &file)?;
            }
            let first_row = rows;
            for (row_group, group) in metadata.metadata().row_groups().iter().enumerate() {
                units.push(Unit { file: open.len(), row_group, first_row: rows });
                rows += u64::try_from(group.num_rows()).unwrap_or(0);
            }
            let TableFile { path, bytes } = file;
            open.push(OpenFile { path, bytes, metadata, first_row, rows: rows - first_row });
        }
        let source = Source::Files { store, files: open.into() };
        Ok(Self::new(Arc::new(Schema::new(fields)), source, units, rows))
    }

    /// A table of batches that all have this schema.
    pub fn from_batches(schema: SchemaRef, batches: Vec<RecordBatch>) -> Self {
        let rows = batches.iter().map(|batch| batch.num_rows() as u64).sum();
        let units = vec![Unit { file: 0, row_group: 0, first_row: 0 }];
        Self::new(schema, Source::Batches(batches.into()), units, rows)
    }

    fn new(schema: SchemaRef, source: Source, units: Vec<Unit>, rows: u64) -> Self {
        let fields = schema.fields().iter().enumerate();
        let columns = fields.map(|(index, field)| ColumnInfo::new(index, field)).collect();
        Self { schema, columns, source, units: units.into(), rows }
    }

    /// Its columns.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// How many rows it has.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    pub(crate) fn column(&self, name: &str) -> Option<&ColumnInfo> {
        self.columns.iter().find(|info| info.name == name)
    }

    /// About how much work it is to read a column: its bytes when decoded.
    pub(crate) fn weight(&self, column: usize) -> u64 {
        match &self.source {
            Source::Batches(_) => self.rows,
            Source::Files { files, .. } => files
                .iter()
                .filter_map(|file| {
                    let index = file.metadata.schema().index_of(&self.columns[column].name).ok()?;
                    let groups = file.metadata.metadata().row_groups().iter();
                    let chunks = groups.filter_map(|group| group.columns().get(index));
                    Some(chunks.map(ColumnChunkMetaData::uncompressed_size).sum::<i64>())
                })
                .sum::<i64>()
                .unsigned_abs(),
        }
    }

    /// Reads some columns of a unit, in the order of the table.
    pub(crate) async fn read(
        &self,
        unit: &Unit,
        columns: &[usize],
        batch_rows: usize,
    ) -> Result<Reader, AuditError> {
        let wanted = Arc::new(project(&self.schema, columns));
        match &self.source {
            Source::Batches(batches) => Ok(Reader {
                wanted,
                from: From::Batches { batches: Arc::clone(batches), next: 0, batch_rows, row: 0 },
            }),
            Source::Files { store, files } => {
                let file = &files[unit.file];
                let failed = |source| AuditError::Read { file: file.path.to_string(), source };
                let mut stream = file
                    .builder(store, &wanted)
                    .with_row_groups(vec![unit.row_group])
                    .with_batch_size(batch_rows)
                    .build()
                    .map_err(failed)?;
                let reader = stream.next_row_group().await.map_err(failed)?;
                Ok(Reader { wanted, from: From::File(reader.map(Box::new)) })
            }
        }
    }

    /// The name of the file of a row, where there are several, and the number of the row in it, from 0.
    pub(crate) fn place(&self, row: u64) -> (Option<String>, u64) {
        match &self.source {
            Source::Batches(_) => (None, row),
            Source::Files { files, .. } => {
                let holds =
                    |file: &&OpenFile| (file.first_row..file.first_row + file.rows).contains(&row);
                match files.iter().find(holds) {
                    Some(file) if files.len() > 1 => {
                        (Some(file.path.to_string()), row - file.first_row)
                    }
                    _ => (None, row),
                }
            }
        }
    }

    /// Looks up some rows again: only these, and only some columns. `rows` are in order and differ.
    pub(crate) async fn look_up(
        &self,
        rows: &[u64],
        columns: &[usize],
    ) -> Result<Vec<(u64, RecordBatch)>, AuditError> {
        let wanted = Arc::new(project(&self.schema, columns));
        let mut found = Vec::with_capacity(rows.len());
        match &self.source {
            Source::Batches(batches) => {
                let mut first = 0;
                for batch in batches.iter() {
                    let last = first + batch.num_rows() as u64;
                    for row in rows.iter().filter(|row| (first..last).contains(*row)) {
                        let place = usize::try_from(row - first).unwrap_or(usize::MAX);
                        found.push((*row, complete(&batch.slice(place, 1), &wanted)?));
                    }
                    first = last;
                }
            }
            Source::Files { store, files } => {
                for file in files.iter() {
                    let range = file.first_row..file.first_row + file.rows;
                    let here: Vec<u64> =
                        rows.iter().copied().filter(|row| range.contains(row)).collect();
                    let batches = file.look_up(store, &here, &wanted).await?;
                    found.extend(here.into_iter().zip(batches));
                }
            }
        }
        Ok(found)
    }
}

impl OpenFile {
    fn builder(
        &self,
        store: &Arc<dyn ObjectStore>,
        wanted: &Schema,
    ) -> ParquetRecordBatchStreamBuilder<ObjectReader> {
        let (store, path) = (Arc::clone(store), self.path.clone());
        let reader = ObjectReader { store, path, bytes: self.bytes };
        let schema = self.metadata.schema();
        let here = wanted.fields().iter().filter_map(|field| schema.index_of(field.name()).ok());
        let mask = ProjectionMask::roots(self.metadata.parquet_schema(), here.collect::<Vec<_>>());
        ParquetRecordBatchStreamBuilder::new_with_metadata(reader, self.metadata.clone())
            .with_projection(mask)
    }

    async fn look_up(
        &self,
        store: &Arc<dyn ObjectStore>,
        rows: &[u64],
        wanted: &SchemaRef,
    ) -> Result<Vec<RecordBatch>, AuditError> {
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        let failed = |source| AuditError::Read { file: self.path.to_string(), source };
        let place = |row: u64| usize::try_from(row - self.first_row).unwrap_or(usize::MAX);
        let ranges = rows.iter().map(|row| place(*row)..place(*row) + 1);
        let total = usize::try_from(self.rows).unwrap_or(usize::MAX);
        let selection = RowSelection::from_consecutive_ranges(ranges, total);
        let mut stream =
            self.builder(store, wanted).with_row_selection(selection).build().map_err(failed)?;
        let mut found = Vec::with_capacity(rows.len());
        while let Some(reader) = stream.next_row_group().await.map_err(failed)? {
            for batch in reader {
                let batch = batch.map_err(|source| AuditError::Decode { column: None, source })?;
                let batch = complete(&batch, wanted)?;
                found.extend((0..batch.num_rows()).map(|row| batch.slice(row, 1)));
            }
        }
        Ok(found)
    }
}

async fn footer(
    store: &Arc<dyn ObjectStore>,
    file: &TableFile,
) -> Result<ArrowReaderMetadata, AuditError> {
    let failed = |source| AuditError::Open { file: file.path.to_string(), source };
    let (store, path) = (Arc::clone(store), file.path.clone());
    let mut reader = ObjectReader { store, path, bytes: file.bytes };
    let metadata = ArrowReaderMetadata::load_async(&mut reader, ArrowReaderOptions::new())
        .await
        .map_err(failed)?;
    // Texts are read as views, which point into the pages instead of copying them.
    let fields: Vec<Field> = metadata.schema().fields().iter().map(|field| viewed(field)).collect();
    let options = ArrowReaderOptions::new().with_schema(Arc::new(Schema::new(fields)));
    ArrowReaderMetadata::try_new(Arc::clone(metadata.metadata()), options).map_err(failed)
}

fn viewed(field: &Field) -> Field {
    match field.data_type() {
        DataType::Utf8 | DataType::LargeUtf8 => field.clone().with_data_type(DataType::Utf8View),
        _ => field.clone(),
    }
}

fn add_field(
    fields: &mut Vec<Arc<Field>>,
    field: &Arc<Field>,
    file: &TableFile,
) -> Result<(), AuditError> {
    match fields.iter_mut().find(|known| known.name() == field.name()) {
        None => fields.push(Arc::new(field.as_ref().clone().with_nullable(true))),
        Some(known) if known.data_type() == field.data_type() => {}
        Some(known) => {
            return Err(AuditError::Differs {
                file: file.path.to_string(),
                column: field.name().clone(),
                found: field.data_type().to_string(),
                expected: known.data_type().to_string(),
            });
        }
    }
    Ok(())
}

fn project(schema: &Schema, columns: &[usize]) -> Schema {
    Schema::new(
        columns.iter().map(|index| Arc::clone(&schema.fields()[*index])).collect::<Vec<_>>(),
    )
}

/// Puts the columns of a batch in order, with nulls for those that its file does not have.
fn complete(batch: &RecordBatch, wanted: &SchemaRef) -> Result<RecordBatch, AuditError> {
    let rows = batch.num_rows();
    let columns = wanted
        .fields()
        .iter()
        .map(|field| match batch.column_by_name(field.name()) {
            Some(array) => Arc::clone(array),
            None => new_null_array(field.data_type(), rows),
        })
        .collect();
    let options = datafusion::arrow::array::RecordBatchOptions::new().with_row_count(Some(rows));
    RecordBatch::try_new_with_options(Arc::clone(wanted), columns, &options)
        .map_err(|source| AuditError::Decode { column: None, source })
}

/// Batches of a unit, decoded one at a time.
pub(crate) struct Reader {
    wanted: SchemaRef,
    from: From,
}

enum From {
    File(Option<Box<ParquetRecordBatchReader>>),
    Batches { batches: Arc<[RecordBatch]>, next: usize, batch_rows: usize, row: usize },
}

impl Reader {
    /// The next batch.
    pub(crate) fn next(&mut self) -> Result<Option<RecordBatch>, AuditError> {
        let batch = match &mut self.from {
            From::File(reader) => match reader.as_mut().and_then(Iterator::next) {
                Some(batch) => {
                    batch.map_err(|source| AuditError::Decode { column: None, source })?
                }
                None => return Ok(None),
            },
            From::Batches { batches, next, batch_rows, row } => {
                while batches.get(*next).is_some_and(|batch| batch.num_rows() <= *row) {
                    *next += 1;
                    *row = 0;
                }
                let Some(batch) = batches.get(*next) else {
                    return Ok(None);
                };
                let rows = (*batch_rows).min(batch.num_rows() - *row);
                let slice = batch.slice(*row, rows);
                *row += rows;
                slice
            }
        };
        complete(&batch, &self.wanted).map(Some)
    }
}
