//! From Parquet to a table: row groups side by side, straight into our columns.

use std::collections::HashMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::ScopedJoinHandle;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type, TimestampMicrosecondType};
use arrow_array::{Array, ArrayRef};
use arrow_cast::cast;
use arrow_schema::{ArrowError, DataType, TimeUnit};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder,
};
use parquet::errors::ParquetError;

use crate::mistake::suggest;
use crate::panel::{Column, Table};
use crate::run::Limits;

/// Which columns of a file are read.
#[derive(Clone, Debug)]
pub struct ReadColumns {
    /// The column that tells series apart.
    pub entity: String,
    /// The column of event times.
    pub timestamp: String,
    /// The others; numbers and truth values are numbers, texts are categories, times are microseconds.
    pub columns: Vec<String>,
}

/// Why a file cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum BadFile {
    /// It cannot be opened, or is cut off.
    #[error("read `{}`", path.display())]
    File {
        /// Which one.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// It is not Parquet, or damaged.
    #[error("read `{}` as Parquet", path.display())]
    Parquet {
        /// Which one.
        path: PathBuf,
        /// Why.
        #[source]
        source: ParquetError,
    },
    /// A column is not there.
    #[error("`{}` has no column `{column}`; {hint}", path.display())]
    NoColumn {
        /// Which file.
        path: PathBuf,
        /// Which column.
        column: String,
        /// What was meant, or what there is.
        hint: String,
    },
    /// A column is of a type that is neither a number, nor a time, nor a text.
    #[error("column `{column}` of `{}` is {found}, which is neither a number, nor a time, nor a text", path.display())]
    Type {
        /// Which file.
        path: PathBuf,
        /// Which column.
        column: String,
        /// Its type.
        found: String,
        /// Why it does not become one.
        #[source]
        source: Option<ArrowError>,
    },
    /// Rows belong to no entity, or to no time.
    #[error("{count} rows of `{}` have no `{column}`; mend the source, or leave these rows out", path.display())]
    Null {
        /// Which file.
        path: PathBuf,
        /// Which column.
        column: String,
        /// How many.
        count: usize,
    },
}

/// Rows that one thread read.
struct Part {
    /// Consecutive rows of one entity.
    runs: Vec<(Arc<str>, usize)>,
    times: Vec<i64>,
    columns: Vec<PartColumn>,
}

enum PartColumn {
    Numbers(Vec<f64>),
    Texts(Vec<Option<Arc<str>>>),
}

/// Reads the columns of a file.
pub fn read_parquet(path: &Path, wanted: &ReadColumns, limits: Limits) -> Result<Table, BadFile> {
    let file = open(path)?;
    let metadata = ArrowReaderMetadata::load(&file, ArrowReaderOptions::default())
        .map_err(|source| broken(path, source))?;
    let groups: Vec<usize> = (0..metadata.metadata().num_row_groups()).collect();
    let each = groups.len().div_ceil(limits.threads.max(1)).max(1);
    let reader = Reader { path, wanted, metadata: &metadata };
    let parts: Vec<Result<Part, BadFile>> = std::thread::scope(|scope| {
        let read = |groups: &[usize]| {
            let groups = groups.to_vec();
            let reader = &reader;
            scope.spawn(move || reader.part(groups))
        };
        let running: Vec<_> = groups.chunks(each).map(read).collect();
        let joined = running.into_iter().map(ScopedJoinHandle::join);
        joined.map(|part| part.unwrap_or_else(|panic| std::panic::resume_unwind(panic))).collect()
    });
    if parts.is_empty() {
        // Columns are looked for in a file without rows, too.
        return reader.part(Vec::new()).map(|part| join(vec![part], wanted));
    }
    Ok(join(parts.into_iter().collect::<Result<_, _>>()?, wanted))
}

fn open(path: &Path) -> Result<File, BadFile> {
    File::open(path).map_err(|source| BadFile::File { path: path.to_owned(), source })
}

fn broken(path: &Path, source: ParquetError) -> BadFile {
    BadFile::Parquet { path: path.to_owned(), source }
}

struct Reader<'a> {
    path: &'a Path,
    wanted: &'a ReadColumns,
    metadata: &'a ArrowReaderMetadata,
}

impl Reader<'_> {
    fn part(&self, groups: Vec<usize>) -> Result<Part, BadFile> {
        const BATCH: usize = 65_536;
        let places = self.places()?;
        let parquet = self.metadata.metadata();
        let mask =
            ProjectionMask::roots(parquet.file_metadata().schema_descr(), places.iter().copied());
        let rows: i64 = groups.iter().map(|group| parquet.row_group(*group).num_rows()).sum();
        let rows = usize::try_from(rows).unwrap_or(0);
        let mut part =
            Part { runs: Vec::new(), times: Vec::with_capacity(rows), columns: Vec::new() };
        for place in &places[2..] {
            let is_text = is_text(self.metadata.schema().field(*place).data_type());
            part.columns.push(if is_text {
                PartColumn::Texts(Vec::with_capacity(rows))
            } else {
                PartColumn::Numbers(Vec::with_capacity(rows))
            });
        }
        let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(
            open(self.path)?,
            self.metadata.clone(),
        );
        let batches = builder
            .with_projection(mask)
            .with_row_groups(groups)
            .with_batch_size(BATCH)
            .build()
            .map_err(|source| broken(self.path, source))?;
        for batch in batches {
            let batch = batch.map_err(|source| broken(self.path, ParquetError::from(source)))?;
            let column = |name: &str| {
                let found = batch.column_by_name(name);
                found.ok_or_else(|| self.no_column(name))
            };
            self.add_entities(column(&self.wanted.entity)?, &mut part.runs)?;
            self.add_times(column(&self.wanted.timestamp)?, &mut part.times)?;
            for (name, values) in self.wanted.columns.iter().zip(&mut part.columns) {
                self.add_values(name, column(name)?, values)?;
            }
        }
        Ok(part)
    }

    /// The places of the entity, the time and the others in the file.
    fn places(&self) -> Result<Vec<usize>, BadFile> {
        let names =
            [&self.wanted.entity, &self.wanted.timestamp].into_iter().chain(&self.wanted.columns);
        let place = |name: &String| {
            let found = self.metadata.schema().index_of(name);
            found.map_err(|_| self.no_column(name))
        };
        names.map(place).collect()
    }

    fn no_column(&self, column: &str) -> BadFile {
        let known = self.metadata.schema().fields().iter().map(|field| field.name().as_str());
        BadFile::NoColumn {
            path: self.path.to_owned(),
            column: column.to_owned(),
            hint: suggest(column, "columns", known),
        }
    }

    fn cast(&self, name: &str, array: &ArrayRef, to: &DataType) -> Result<ArrayRef, BadFile> {
        cast(array, to).map_err(|source| BadFile::Type {
            path: self.path.to_owned(),
            column: name.to_owned(),
            found: array.data_type().to_string(),
            source: Some(source),
        })
    }

    fn refuse_nulls(&self, name: &str, array: &ArrayRef) -> Result<(), BadFile> {
        match array.null_count() {
            0 => Ok(()),
            count => {
                Err(BadFile::Null { path: self.path.to_owned(), column: name.to_owned(), count })
            }
        }
    }

    fn add_entities(
        &self,
        array: &ArrayRef,
        runs: &mut Vec<(Arc<str>, usize)>,
    ) -> Result<(), BadFile> {
        let name = &self.wanted.entity;
        self.refuse_nulls(name, array)?;
        if array.data_type().is_integer() {
            let array = self.cast(name, array, &DataType::Int64)?;
            let values = array.as_primitive::<Int64Type>().values();
            for same in values.chunk_by(|left, right| left == right) {
                add_run(runs, &same[0].to_string(), same.len());
            }
            return Ok(());
        }
        let array = self.cast(name, array, &DataType::Utf8)?;
        let values = array.as_string::<i32>();
        let mut begin = 0;
        for row in 0..values.len() {
            if row + 1 == values.len() || values.value(row + 1) != values.value(row) {
                add_run(runs, values.value(row), row + 1 - begin);
                begin = row + 1;
            }
        }
        Ok(())
    }

    fn add_times(&self, array: &ArrayRef, times: &mut Vec<i64>) -> Result<(), BadFile> {
        let name = &self.wanted.timestamp;
        self.refuse_nulls(name, array)?;
        let array = match array.data_type() {
            DataType::Timestamp(_, _) | DataType::Date32 | DataType::Date64 => {
                self.micros(name, array)?
            }
            other => {
                return Err(BadFile::Type {
                    path: self.path.to_owned(),
                    column: name.clone(),
                    found: format!("{other}, and not a time"),
                    source: None,
                });
            }
        };
        times.extend(array.as_primitive::<TimestampMicrosecondType>().values());
        Ok(())
    }

    fn micros(&self, name: &str, array: &ArrayRef) -> Result<ArrayRef, BadFile> {
        let zone =
            if let DataType::Timestamp(_, zone) = array.data_type() { zone.clone() } else { None };
        self.cast(name, array, &DataType::Timestamp(TimeUnit::Microsecond, zone))
    }

    fn add_values(
        &self,
        name: &str,
        array: &ArrayRef,
        values: &mut PartColumn,
    ) -> Result<(), BadFile> {
        match values {
            PartColumn::Texts(texts) => {
                let array = self.cast(name, array, &DataType::Utf8)?;
                let mut last: Option<Arc<str>> = None;
                for text in array.as_string::<i32>() {
                    // Repeats share their text.
                    last = text.map(|text| match &last {
                        Some(last) if **last == *text => Arc::clone(last),
                        Some(_) | None => Arc::from(text),
                    });
                    texts.push(last.clone());
                }
            }
            PartColumn::Numbers(numbers) => {
                let array = match array.data_type() {
                    DataType::Timestamp(_, _) | DataType::Date32 | DataType::Date64 => {
                        let micros = self.micros(name, array)?;
                        self.cast(name, &micros, &DataType::Int64)?
                    }
                    _ => Arc::clone(array),
                };
                let array = self.cast(name, &array, &DataType::Float64)?;
                let array = array.as_primitive::<Float64Type>();
                if array.null_count() == 0 {
                    numbers.extend_from_slice(array.values());
                } else {
                    numbers.extend(array.iter().map(|value| value.unwrap_or(f64::NAN)));
                }
            }
        }
        Ok(())
    }
}

fn is_text(kind: &DataType) -> bool {
    match kind {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => true,
        DataType::Dictionary(_, values) => is_text(values),
        _ => false,
    }
}

fn add_run(runs: &mut Vec<(Arc<str>, usize)>, name: &str, rows: usize) {
    match runs.last_mut() {
        Some((last, count)) if **last == *name => *count += rows,
        Some(_) | None => runs.push((Arc::from(name), rows)),
    }
}

fn join(parts: Vec<Part>, wanted: &ReadColumns) -> Table {
    let mut table = Table::default();
    let mut codes: HashMap<Arc<str>, u32> = HashMap::new();
    for (name, rows) in parts.iter().flat_map(|part| &part.runs) {
        let code = *codes.entry(Arc::clone(name)).or_insert_with(|| {
            table.names.push(Arc::clone(name));
            u32::try_from(table.names.len() - 1).expect("a table has fewer than 2^32 entities")
        });
        table.entity.resize(table.entity.len() + rows, code);
    }
    let mut parts = parts;
    table.times = concat(parts.iter_mut().map(|part| std::mem::take(&mut part.times)).collect());
    for (index, name) in wanted.columns.iter().enumerate() {
        let mut numbers = Vec::new();
        let mut texts: Vec<Option<Arc<str>>> = Vec::new();
        let mut is_text = false;
        for part in &mut parts {
            match &mut part.columns[index] {
                PartColumn::Numbers(values) => numbers.push(std::mem::take(values)),
                PartColumn::Texts(values) => {
                    is_text = true;
                    texts.append(values);
                }
            }
        }
        table.columns.push(if is_text {
            Column::categories(name, texts.iter().map(Option::as_deref))
        } else {
            Column::numbers(name, concat(numbers))
        });
    }
    table
}

/// Puts parts together; one alone is not copied.
fn concat<T: Copy>(mut parts: Vec<Vec<T>>) -> Vec<T> {
    if parts.len() == 1 {
        return parts.pop().unwrap_or_default();
    }
    parts.concat()
}
