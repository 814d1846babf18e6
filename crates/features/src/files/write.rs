//! From features to Parquet.

use std::fs::File;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use parquet::basic::{Compression, Encoding, LogicalType, Repetition, TimeUnit, Type as Physical};
use parquet::data_type::{ByteArray, ByteArrayType, DoubleType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::Type;

use super::read::BadFile;
use crate::panel::Panel;
use crate::run::Features;

/// Rows of a row group: enough to be read side by side.
const GROUP: usize = 1_000_000;

/// Writes features with the entity and the time of each row, under the names of the pipeline. A missing value is NaN, as inside.
pub fn write_parquet(
    path: &Path,
    (entity, timestamp): (&str, &str),
    panel: &Panel,
    features: &Features,
) -> Result<(), BadFile> {
    let file =
        File::create(path).map_err(|source| BadFile::File { path: path.to_owned(), source })?;
    write(file, (entity, timestamp), panel, features)
        .map_err(|source| BadFile::Parquet { path: path.to_owned(), source })
}

fn write(
    file: File,
    (entity, timestamp): (&str, &str),
    panel: &Panel,
    features: &Features,
) -> Result<(), ParquetError> {
    let time = LogicalType::timestamp(true, TimeUnit::MICROS);
    let mut fields = vec![
        required(entity, Physical::BYTE_ARRAY, Some(LogicalType::String))?,
        required(timestamp, Physical::INT64, Some(time))?,
    ];
    for name in &features.names {
        fields.push(required(name, Physical::DOUBLE, None)?);
    }
    let fields = fields.into_iter().map(Arc::new).collect();
    let schema = Type::group_type_builder("features").with_fields(fields).build()?;
    let properties = WriterProperties::builder()
        // Measurements hardly repeat: what a dictionary or a code would save costs more time than writing it.
        .set_dictionary_enabled(false)
        .set_column_dictionary_enabled(entity.into(), true)
        .set_encoding(Encoding::PLAIN)
        .set_compression(Compression::UNCOMPRESSED)
        .set_statistics_enabled(EnabledStatistics::None)
        .set_data_page_size_limit(1 << 20)
        .set_write_batch_size(131_072)
        .build();
    let mut writer = SerializedFileWriter::new(file, Arc::new(schema), Arc::new(properties))?;
    let mut begin = 0;
    while begin < panel.rows() {
        let rows = begin..(begin + GROUP).min(panel.rows());
        write_group(&mut writer, rows.clone(), panel, features)?;
        begin = rows.end;
    }
    writer.close()?;
    Ok(())
}

/// A column without nulls.
fn required(
    name: &str,
    physical: Physical,
    logical: Option<LogicalType>,
) -> Result<Type, ParquetError> {
    Type::primitive_type_builder(name, physical)
        .with_repetition(Repetition::REQUIRED)
        .with_logical_type(logical)
        .build()
}

fn write_group(
    writer: &mut SerializedFileWriter<File>,
    rows: Range<usize>,
    panel: &Panel,
    features: &Features,
) -> Result<(), ParquetError> {
    let mut group = writer.next_row_group()?;
    let mut place = 0;
    while let Some(mut column) = group.next_column()? {
        match place {
            0 => {
                let names = names(panel, &rows);
                column.typed::<ByteArrayType>().write_batch(&names, None, None)?;
            }
            1 => {
                column.typed::<Int64Type>().write_batch(
                    &panel.times()[rows.clone()],
                    None,
                    None,
                )?;
            }
            feature => {
                let values = &features.columns[feature - 2][rows.clone()];
                column.typed::<DoubleType>().write_batch(values, None, None)?;
            }
        }
        column.close()?;
        place += 1;
    }
    group.close()?;
    Ok(())
}

fn names(panel: &Panel, rows: &Range<usize>) -> Vec<ByteArray> {
    let mut names = Vec::with_capacity(rows.len());
    for (entity, name) in panel.entities().iter().enumerate() {
        let own = panel.rows_of(entity);
        let count = own.end.min(rows.end).saturating_sub(own.start.max(rows.start));
        let name = ByteArray::from(name.as_bytes().to_vec());
        names.extend(std::iter::repeat_n(name, count));
    }
    names
}
