//! Rows of a Parquet file.

use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Int64Array, StringArray, TimestampMicrosecondArray,
    new_null_array,
};
use datafusion::arrow::compute::{CastOptions, cast_with_options, filter_record_batch};
use datafusion::arrow::datatypes::{
    DataType, Int64Type, Schema, TimeUnit, TimestampMicrosecondType, UInt64Type,
};
use datafusion::arrow::error::ArrowError;
use datafusion::arrow::record_batch::RecordBatch;

use super::columns::{Misfit, Origin, Rows};
use super::plan::ordinal;
use super::{Parsed, Plan};
use crate::dialect::{Column, DialectError, Hints, Kind, Stamp, TimeLayout};

/// Rows as they come out of a Parquet file.
#[derive(Debug)]
pub(crate) struct ParquetRows {
    pub(crate) source: usize,
    /// The number of the first row, from 1.
    pub(crate) first_row: u64,
    pub(crate) batch: RecordBatch,
}

/// The columns of a Parquet file; the name of one whose type is not supported is the error.
pub(crate) fn columns_of(
    schema: &Schema,
    hints: &Hints,
    times: &[&str],
) -> Result<Vec<Column>, ParquetColumnError> {
    for column in hints.columns.keys().map(String::as_str).chain(times.iter().copied()) {
        let names: Vec<String> = schema.fields().iter().map(|field| field.name().clone()).collect();
        crate::dialect::require(column, &names)?;
    }
    let mut columns = Vec::new();
    for field in schema.fields() {
        let name = field.name();
        let hint = hints.columns.get(name).cloned().unwrap_or_default();
        let is_time = times.contains(&name.as_str()) || hint.layout.is_some();
        let zone = hint.zone.clone().unwrap_or_else(|| "UTC".to_owned());
        crate::dialect::LocalClock::of(&zone)?;
        let kind = match field.data_type() {
            DataType::Null => Kind::Empty,
            DataType::Boolean => Kind::Boolean,
            DataType::Timestamp(..) => Kind::Time { layout: TimeLayout::Iso, zone },
            DataType::Date32 | DataType::Date64 if is_time => {
                Kind::Time { layout: TimeLayout::Iso, zone }
            }
            DataType::Date32 | DataType::Date64 => Kind::Date { layout: TimeLayout::Iso },
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View if is_time => {
                // What the texts are is known only from reading them, so the layout is declared or ISO.
                Kind::Time { layout: hint.layout.unwrap_or(TimeLayout::Iso), zone }
            }
            data_type if data_type.is_integer() && is_time => {
                let layout = hint.layout.unwrap_or(TimeLayout::EpochSeconds);
                Kind::Time { layout, zone }
            }
            data_type if is_time => {
                return Err(ParquetColumnError::Type {
                    column: name.clone(),
                    data_type: data_type.to_string(),
                });
            }
            data_type => plain_kind(name, data_type)?,
        };
        columns.push(Column { name: name.clone(), kind });
    }
    Ok(columns)
}

/// Why the columns of a Parquet file cannot be landed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ParquetColumnError {
    #[error("column `{column}` has the type {data_type}, which cannot be landed")]
    Type { column: String, data_type: String },
    #[error(transparent)]
    Dialect(#[from] DialectError),
}

fn plain_kind(name: &str, data_type: &DataType) -> Result<Kind, ParquetColumnError> {
    Ok(match data_type {
        data_type if data_type.is_integer() => Kind::Integer,
        DataType::Float16 | DataType::Float32 | DataType::Float64 => Kind::Float,
        DataType::Decimal32(precision, scale)
        | DataType::Decimal64(precision, scale)
        | DataType::Decimal128(precision, scale) => {
            Kind::Decimal { precision: *precision, scale: *scale }
        }
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => Kind::Text,
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView => Kind::Binary,
        DataType::Dictionary(_, values) => plain_kind(name, values)?,
        other => {
            return Err(ParquetColumnError::Type {
                column: name.into(),
                data_type: other.to_string(),
            });
        }
    })
}

/// Turns rows of a file into rows of the plan: columns are cast without loss, times are read as the plan says.
pub(crate) fn parse(plan: &Plan, rows: &ParquetRows) -> Result<Parsed, ArrowError> {
    let times: Vec<usize> =
        (0..plan.columns.len()).filter(|at| matches!(plan.kind(*at), Kind::Time { .. })).collect();
    let mut sub_plan = plan.clone();
    sub_plan.columns = times.iter().map(|at| plan.columns[*at].clone()).collect();
    sub_plan.places = (0..times.len()).collect();
    sub_plan.missing = Vec::new();
    sub_plan.event_time =
        plan.event_time.and_then(|event| times.iter().position(|at| *at == event));
    let mut parsed = read_times(&sub_plan, rows)?;

    let schema = plan.schema();
    let is_kept = kept(&parsed, rows);
    let others = filter_record_batch(&rows.batch, &is_kept)?;
    let mut arrays: Vec<ArrayRef> = Vec::with_capacity(plan.columns.len() + 2);
    for (at, column) in plan.columns.iter().enumerate() {
        let array = match times.iter().position(|time| *time == at) {
            Some(time) => Arc::clone(parsed.batch.column(time)),
            None => cast_column(&others, column)?,
        };
        arrays.push(array);
    }
    arrays.extend(parsed.batch.columns()[times.len()..].iter().cloned());
    parsed.batch = RecordBatch::try_new(schema, arrays)?;
    Ok(parsed)
}

fn cast_column(batch: &RecordBatch, column: &Column) -> Result<ArrayRef, ArrowError> {
    let wanted = column.kind.arrow();
    match batch.column_by_name(&column.name) {
        Some(array) => {
            let options = CastOptions { safe: false, ..CastOptions::default() };
            cast_with_options(array, &wanted, &options)
        }
        None => Ok(new_null_array(&wanted, batch.num_rows())),
    }
}

/// Which rows have a place in what was read.
fn kept(parsed: &Parsed, rows: &ParquetRows) -> BooleanArray {
    let last = parsed.batch.num_columns() - 1;
    let ordinals = parsed.batch.column(last).as_primitive::<UInt64Type>().values();
    let mut kept = ordinals.iter().peekable();
    let is_kept = |row: usize| {
        let here = ordinal(rows.source, rows.first_row + row as u64);
        kept.next_if(|ordinal| **ordinal == here).is_some()
    };
    (0..rows.batch.num_rows()).map(is_kept).map(Some).collect()
}

/// Reads the columns that hold times row by row, since a time may be one that no clock ever showed.
fn read_times(plan: &Plan, rows: &ParquetRows) -> Result<Parsed, ArrowError> {
    let mut made = Rows::new(plan, rows.source, rows.batch.num_rows());
    let mut columns = Vec::new();
    for column in &plan.columns {
        columns.push(Times::of(rows.batch.column_by_name(&column.name))?);
    }
    for row in 0..rows.batch.num_rows() {
        let line = rows.first_row + row as u64;
        let mut misfit = None;
        for (at, times) in columns.iter().enumerate() {
            if let Err(found) = times.push(&mut made, at, row) {
                misfit = Some(found);
                break;
            }
        }
        match misfit {
            Some(misfit) => made.reject(line, b"", misfit),
            None => made.keep(line),
        }
    }
    Ok(made.finish())
}

/// A column that holds times in one of the ways of Parquet.
enum Times {
    Missing,
    Micros { values: TimestampMicrosecondArray, has_zone: bool },
    Numbers(Int64Array),
    Texts(StringArray),
}

impl Times {
    fn of(array: Option<&ArrayRef>) -> Result<Self, ArrowError> {
        let Some(array) = array else { return Ok(Self::Missing) };
        let options = CastOptions { safe: false, ..CastOptions::default() };
        let cast = |to: &DataType| cast_with_options(array, to, &options);
        Ok(match array.data_type() {
            DataType::Timestamp(_, zone) => {
                let micros = cast(&DataType::Timestamp(TimeUnit::Microsecond, zone.clone()))?;
                let values = micros.as_primitive::<TimestampMicrosecondType>().clone();
                Self::Micros { values, has_zone: zone.is_some() }
            }
            DataType::Date32 | DataType::Date64 => {
                let micros = cast(&DataType::Timestamp(TimeUnit::Microsecond, None))?;
                let values = micros.as_primitive::<TimestampMicrosecondType>().clone();
                Self::Micros { values, has_zone: false }
            }
            data_type if data_type.is_integer() => {
                Self::Numbers(cast(&DataType::Int64)?.as_primitive::<Int64Type>().clone())
            }
            _ => Self::Texts(cast(&DataType::Utf8)?.as_string::<i32>().clone()),
        })
    }

    fn push(&self, made: &mut Rows<'_>, column: usize, row: usize) -> Result<(), Misfit> {
        match self {
            Self::Micros { values, has_zone } if values.is_valid(row) => {
                let stamp = Stamp {
                    local_micros: values.value(row),
                    offset_seconds: has_zone.then_some(0),
                    has_time: true,
                    is_cut: false,
                };
                made.push_time(column, &stamp, b"the time")
            }
            Self::Numbers(values) if values.is_valid(row) => {
                made.push(column, values.value(row).to_string().as_bytes(), Origin::Bare)
            }
            Self::Texts(values) if values.is_valid(row) => {
                made.push(column, values.value(row).as_bytes(), Origin::Bare)
            }
            Self::Missing | Self::Micros { .. } | Self::Numbers(_) | Self::Texts(_) => {
                made.push(column, b"", Origin::Bare)
            }
        }
    }
}
