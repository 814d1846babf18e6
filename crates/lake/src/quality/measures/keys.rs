//! Keys of rows: equal values have equal keys.

use std::hash::{DefaultHasher, Hasher};

use datafusion::arrow::array::Array;
use datafusion::arrow::buffer::NullBuffer;
use datafusion::arrow::row::{RowConverter, SortField};

use crate::quality::column::{Column, ColumnInfo};
use crate::quality::error::AuditError;
use crate::quality::measure::Rows;

/// The keys of a batch, and which of them are there: a row with a missing part has none.
pub(crate) struct Keys {
    pub(crate) keys: Vec<u128>,
    pub(crate) present: Option<NullBuffer>,
}

/// One key for each row over the columns together.
///
/// Numbers, times, truth values and texts of up to 15 bytes are their own keys; longer texts, nested values and several columns together are hashed
/// to 120 bits, so that two different ones in a billion meet with a probability below 10⁻¹⁸.
pub(crate) fn keys(rows: &Rows, columns: &[ColumnInfo]) -> Result<Keys, AuditError> {
    let present = columns
        .iter()
        .map(|info| rows.column(info).nulls())
        .fold(None, |all, nulls| NullBuffer::union(all.as_ref(), nulls.as_ref()));
    let keys = match columns {
        [] => vec![0; rows.len()],
        [one] => keys_of(rows.column(one), one)?,
        several => {
            let parts = several
                .iter()
                .map(|info| keys_of(rows.column(info), info))
                .collect::<Result<Vec<_>, _>>()?;
            let mut bytes = Vec::with_capacity(16 * parts.len());
            (0..rows.len())
                .map(|row| {
                    bytes.clear();
                    for part in &parts {
                        bytes.extend_from_slice(&part[row].to_le_bytes());
                    }
                    hashed(&bytes)
                })
                .collect()
        }
    };
    Ok(Keys { keys, present })
}

fn keys_of(column: &Column, info: &ColumnInfo) -> Result<Vec<u128>, AuditError> {
    Ok(match column {
        Column::Integers(array) => {
            array.values().iter().map(|value| u128::from(value.cast_unsigned())).collect()
        }
        // Zero and minus zero are one value.
        Column::Floats(array) => {
            array.values().iter().map(|value| u128::from((value + 0.0).to_bits())).collect()
        }
        Column::Booleans(array) => array.values().iter().map(u128::from).collect(),
        Column::Texts(array) => (0..array.len())
            .map(|row| if array.is_null(row) { 0 } else { text(array.value(row).as_bytes()) })
            .collect(),
        Column::Other(array) => {
            let decode = |source| AuditError::decode(&info.name, source);
            let fields = vec![SortField::new(array.data_type().clone())];
            let converter = RowConverter::new(fields).map_err(decode)?;
            let rows = converter.convert_columns(std::slice::from_ref(array)).map_err(decode)?;
            rows.iter().map(|row| text(row.as_ref())).collect()
        }
    })
}

/// A short text is its own key, with its length in the last byte.
fn text(bytes: &[u8]) -> u128 {
    const LONGEST: usize = 15;
    if bytes.len() > LONGEST {
        return hashed(bytes);
    }
    let mut key = [0; 16];
    key[..bytes.len()].copy_from_slice(bytes);
    key[LONGEST] = u8::try_from(bytes.len()).unwrap_or(u8::MAX);
    u128::from_le_bytes(key)
}

/// 120 bits of two hashes; the last byte keeps them apart from short texts.
fn hashed(bytes: &[u8]) -> u128 {
    let mut first = DefaultHasher::new();
    first.write(bytes);
    let mut second = DefaultHasher::new();
    second.write_u8(1);
    second.write(bytes);
    let both = (u128::from(first.finish()) << 64) | u128::from(second.finish());
    (both >> 8) | (0xff << 120)
}
