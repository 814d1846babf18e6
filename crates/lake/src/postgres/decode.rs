//! Values of the wire as arrays.

use std::error::Error;
use std::sync::Arc;

use datafusion::arrow::array::{
    ArrayRef, BinaryArray, BooleanArray, Date32Array, Decimal128Array, Float64Array, Int64Array,
    StringArray, TimestampMicrosecondArray,
};
use tokio_postgres::Row;
use tokio_postgres::types::{FromSql, Type};

use super::columns::ReadAs;
use super::numeric::Numeric;
use crate::read::hex;

/// The bytes of a value as they came.
pub(super) struct Raw<'a>(pub(super) &'a [u8]);

impl<'a> FromSql<'a> for Raw<'a> {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(Self(raw))
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}

/// The bytes of one value; nothing where it is null.
pub(super) fn raw(row: &Row, column: usize) -> Option<&[u8]> {
    let value: Option<Raw<'_>> = row.get(column);
    value.map(|raw| raw.0)
}

/// A row whose value has no place in its column, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Misfit {
    pub(super) row: usize,
    pub(super) what: &'static str,
}

/// One column of some rows.
pub(super) fn array(rows: &[Row], column: usize, read_as: ReadAs) -> Result<ArrayRef, Misfit> {
    Ok(match read_as {
        ReadAs::Boolean => {
            Arc::new(each(rows, column, boolean).collect::<Result<BooleanArray, _>>()?)
        }
        ReadAs::Integer => {
            Arc::new(each(rows, column, integer).collect::<Result<Int64Array, _>>()?)
        }
        ReadAs::Float => Arc::new(each(rows, column, float).collect::<Result<Float64Array, _>>()?),
        ReadAs::Number => {
            let values = each(rows, column, |raw| numeric(raw).map(Numeric::float));
            Arc::new(values.collect::<Result<Float64Array, _>>()?)
        }
        ReadAs::Decimal { precision, scale } => {
            let values = each(rows, column, |raw| {
                numeric(raw)?.scaled(scale).ok_or("it is no finite number")
            });
            let values = values.collect::<Result<Decimal128Array, _>>()?;
            let scale = i8::try_from(scale).expect("38 at the most");
            let typed = values.with_precision_and_scale(precision, scale);
            Arc::new(typed.expect("precision and scale were checked"))
        }
        ReadAs::Text => Arc::new(each(rows, column, text).collect::<Result<StringArray, _>>()?),
        ReadAs::VersionedText => {
            Arc::new(each(rows, column, versioned).collect::<Result<StringArray, _>>()?)
        }
        ReadAs::Uuid => Arc::new(each(rows, column, uuid).collect::<Result<StringArray, _>>()?),
        ReadAs::Bytes => Arc::new(each(rows, column, Ok).collect::<Result<BinaryArray, _>>()?),
        ReadAs::Date => Arc::new(each(rows, column, date).collect::<Result<Date32Array, _>>()?),
        ReadAs::Time { has_zone } => {
            let times =
                each(rows, column, time).collect::<Result<TimestampMicrosecondArray, _>>()?;
            Arc::new(if has_zone { times.with_timezone("UTC") } else { times })
        }
    })
}

const UNKNOWN: &str = "its bytes are of no known form";
const INFINITE: &str = "an infinite time has no place here";

fn each<'a, T>(
    rows: &'a [Row],
    column: usize,
    read: impl Fn(&'a [u8]) -> Result<T, &'static str>,
) -> impl Iterator<Item = Result<Option<T>, Misfit>> {
    rows.iter().enumerate().map(move |(row, values)| {
        raw(values, column).map(&read).transpose().map_err(|what| Misfit { row, what })
    })
}

fn boolean(raw: &[u8]) -> Result<bool, &'static str> {
    match raw {
        [value] => Ok(*value != 0),
        _ => Err(UNKNOWN),
    }
}

fn integer(raw: &[u8]) -> Result<i64, &'static str> {
    if let Ok(bytes) = raw.try_into() {
        return Ok(i64::from_be_bytes(bytes));
    }
    if let Ok(bytes) = raw.try_into() {
        return Ok(i32::from_be_bytes(bytes).into());
    }
    raw.try_into().map(|bytes| i16::from_be_bytes(bytes).into()).map_err(|_| UNKNOWN)
}

fn float(raw: &[u8]) -> Result<f64, &'static str> {
    if let Ok(bytes) = raw.try_into() {
        return Ok(f64::from_be_bytes(bytes));
    }
    raw.try_into().map(|bytes| f32::from_be_bytes(bytes).into()).map_err(|_| UNKNOWN)
}

fn numeric(raw: &[u8]) -> Result<Numeric<'_>, &'static str> {
    Numeric::read(raw).ok_or(UNKNOWN)
}

fn text(raw: &[u8]) -> Result<&str, &'static str> {
    std::str::from_utf8(raw).map_err(|_| "it is not UTF-8")
}

/// `jsonb` of the wire: its version, which is 1 so far, and its text.
fn versioned(raw: &[u8]) -> Result<&str, &'static str> {
    raw.strip_prefix(&[1]).map_or(Err(UNKNOWN), text)
}

fn uuid(raw: &[u8]) -> Result<String, &'static str> {
    let mut text = hex(raw);
    if text.len() != 32 {
        return Err(UNKNOWN);
    }
    for dash in [8, 13, 18, 23] {
        text.insert(dash, '-');
    }
    Ok(text)
}

/// Days since 1970; the server counts from 2000.
fn date(raw: &[u8]) -> Result<i32, &'static str> {
    const DAYS: i32 = 10_957;
    match raw.try_into().map(i32::from_be_bytes) {
        Ok(i32::MIN | i32::MAX) => Err(INFINITE),
        Ok(days) => days.checked_add(DAYS).ok_or("it is out of range"),
        Err(_) => Err(UNKNOWN),
    }
}

/// Microseconds since 1970; the server counts from 2000.
fn time(raw: &[u8]) -> Result<i64, &'static str> {
    const MICROS: i64 = 946_684_800_000_000;
    match raw.try_into().map(i64::from_be_bytes) {
        Ok(i64::MIN | i64::MAX) => Err(INFINITE),
        Ok(micros) => micros.checked_add(MICROS).ok_or("it is out of range"),
        Err(_) => Err(UNKNOWN),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_all_sizes_are_read_and_others_refused() {
        assert_eq!(integer(&(-7_i16).to_be_bytes()), Ok(-7));
        assert_eq!(integer(&(-7_i32).to_be_bytes()), Ok(-7));
        assert_eq!(integer(&i64::MIN.to_be_bytes()), Ok(i64::MIN));
        assert_eq!(integer(&[1]), Err(UNKNOWN));
        assert_eq!(float(&0.5_f32.to_be_bytes()), Ok(0.5));
    }

    #[test]
    fn days_and_moments_count_from_1970() {
        assert_eq!(date(&0_i32.to_be_bytes()), Ok(10_957));
        assert_eq!(time(&0_i64.to_be_bytes()), Ok(946_684_800_000_000));
        assert_eq!(date(&i32::MAX.to_be_bytes()), Err(INFINITE));
        assert_eq!(time(&i64::MIN.to_be_bytes()), Err(INFINITE));
        assert_eq!(time(&(i64::MAX - 1).to_be_bytes()), Err("it is out of range"));
    }

    #[test]
    fn uuids_are_written_as_people_do() {
        let raw: Vec<u8> = (0..16).collect();

        assert_eq!(uuid(&raw).unwrap(), "00010203-0405-0607-0809-0a0b0c0d0e0f");
        assert_eq!(uuid(&raw[1..]), Err(UNKNOWN));
    }
}
