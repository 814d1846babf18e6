//! Columns in the few forms that the measures know.

use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Float64Array, Int64Array, StringViewArray,
};
use datafusion::arrow::buffer::{BooleanBuffer, NullBuffer};
use datafusion::arrow::compute::{CastOptions, cast_with_options, filter};
use datafusion::arrow::datatypes::{DataType, Field, Float64Type, Int64Type, TimeUnit};

use super::error::AuditError;
use super::words;

/// What a column holds, as far as checks care.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    Integer,
    Float,
    Text,
    Boolean,
    /// Times since 1970, or whole days where `date`.
    Time {
        ticks_per_second: i64,
        date: bool,
    },
    /// Binary, lists, structures and what else there is: only nulls and keys are looked at.
    Other,
}

impl Class {
    pub(crate) fn of(data_type: &DataType) -> Self {
        match data_type {
            DataType::Int8
            | DataType::Int16
            | DataType::Int32
            | DataType::Int64
            | DataType::UInt8
            | DataType::UInt16
            | DataType::UInt32
            | DataType::UInt64 => Self::Integer,
            DataType::Float16
            | DataType::Float32
            | DataType::Float64
            | DataType::Decimal32(..)
            | DataType::Decimal64(..)
            | DataType::Decimal128(..)
            | DataType::Decimal256(..) => Self::Float,
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => Self::Text,
            DataType::Dictionary(_, values) => Self::of(values),
            DataType::Boolean => Self::Boolean,
            DataType::Timestamp(unit, _) => {
                Self::Time { ticks_per_second: ticks_per_second(*unit), date: false }
            }
            DataType::Date32 => Self::Time { ticks_per_second: 1, date: true },
            DataType::Date64 => Self::Time { ticks_per_second: 1_000, date: true },
            _ => Self::Other,
        }
    }

    /// The class with its article: `an integer`.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Integer => "an integer",
            Self::Float => "a float",
            Self::Text => "text",
            Self::Boolean => "a boolean",
            Self::Time { date: false, .. } => "a time",
            Self::Time { date: true, .. } => "a date",
            Self::Other => "a nested or binary value",
        }
    }

    pub(crate) fn is_number(self) -> bool {
        matches!(self, Self::Integer | Self::Float)
    }
}

fn ticks_per_second(unit: TimeUnit) -> i64 {
    match unit {
        TimeUnit::Second => 1,
        TimeUnit::Millisecond => 1_000,
        TimeUnit::Microsecond => 1_000_000,
        TimeUnit::Nanosecond => 1_000_000_000,
    }
}

/// A column of the table by its place in the schema.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ColumnInfo {
    pub(crate) index: usize,
    pub(crate) name: String,
    pub(crate) data_type: DataType,
    pub(crate) class: Class,
}

impl ColumnInfo {
    pub(crate) fn new(index: usize, field: &Field) -> Self {
        let data_type = field.data_type().clone();
        let class = Class::of(&data_type);
        Self { index, name: field.name().clone(), data_type, class }
    }

    /// A value of the column for people.
    pub(crate) fn show_integer(&self, value: i64) -> String {
        match self.class {
            Class::Time { ticks_per_second, date } => words::time(value, ticks_per_second, date),
            Class::Integer | Class::Float | Class::Text | Class::Boolean | Class::Other => {
                value.to_string()
            }
        }
    }
}

/// Values of a column, with a null where a value is missing.
#[derive(Clone, Debug)]
pub(crate) enum Column {
    /// Integers, and ticks of times.
    Integers(Int64Array),
    Floats(Float64Array),
    Texts(StringViewArray),
    Booleans(BooleanArray),
    Other(ArrayRef),
}

impl Column {
    /// Brings an array into the form of its class. A float that is not a number becomes a null.
    pub(crate) fn of(array: &ArrayRef, info: &ColumnInfo) -> Result<Self, AuditError> {
        let to = |wanted: &DataType| {
            let options = CastOptions { safe: false, ..CastOptions::default() };
            if array.data_type() == wanted {
                return Ok(Arc::clone(array));
            }
            cast_with_options(array, wanted, &options)
                .map_err(|source| AuditError::decode(&info.name, source))
        };
        Ok(match info.class {
            Class::Integer => {
                Self::Integers(to(&DataType::Int64)?.as_primitive::<Int64Type>().clone())
            }
            Class::Time { .. } => Self::Integers(ticks(array, info)?),
            Class::Float => Self::Floats(without_nan(
                to(&DataType::Float64)?.as_primitive::<Float64Type>().clone(),
            )),
            Class::Text => Self::Texts(to(&DataType::Utf8View)?.as_string_view().clone()),
            Class::Boolean => Self::Booleans(to(&DataType::Boolean)?.as_boolean().clone()),
            Class::Other => Self::Other(Arc::clone(array)),
        })
    }

    pub(crate) fn array(&self) -> &dyn Array {
        match self {
            Self::Integers(array) => array,
            Self::Floats(array) => array,
            Self::Texts(array) => array,
            Self::Booleans(array) => array,
            Self::Other(array) => array,
        }
    }

    pub(crate) fn nulls(&self) -> Option<NullBuffer> {
        self.array().logical_nulls().filter(|nulls| nulls.null_count() > 0)
    }

    pub(crate) fn keep(&self, rows: &BooleanArray, info: &ColumnInfo) -> Result<Self, AuditError> {
        let kept =
            filter(self.array(), rows).map_err(|source| AuditError::decode(&info.name, source))?;
        Ok(match self {
            Self::Integers(_) => Self::Integers(kept.as_primitive::<Int64Type>().clone()),
            Self::Floats(_) => Self::Floats(kept.as_primitive::<Float64Type>().clone()),
            Self::Texts(_) => Self::Texts(kept.as_string_view().clone()),
            Self::Booleans(_) => Self::Booleans(kept.as_boolean().clone()),
            Self::Other(_) => Self::Other(kept),
        })
    }

    /// One value for people.
    pub(crate) fn show(&self, info: &ColumnInfo, row: usize) -> String {
        /// Longer values are cut: an example says what it is like, not all of it.
        const LONGEST: usize = 60;
        if self.array().is_null(row) {
            return "missing".to_owned();
        }
        match self {
            Self::Integers(array) => info.show_integer(array.value(row)),
            Self::Floats(array) => words::number(array.value(row)),
            Self::Texts(array) => format!("{:?}", words::cut(array.value(row), LONGEST)),
            Self::Booleans(array) => array.value(row).to_string(),
            Self::Other(array) => {
                let shown = datafusion::arrow::util::display::array_value_to_string(array, row);
                words::cut(&shown.unwrap_or_else(|_| "not printable".to_owned()), LONGEST)
            }
        }
    }
}

fn ticks(array: &ArrayRef, info: &ColumnInfo) -> Result<Int64Array, AuditError> {
    const DAY_SECONDS: i64 = 86_400;
    let cast = |array: &ArrayRef, wanted: &DataType| {
        cast_with_options(array, wanted, &CastOptions::default())
            .map_err(|source| AuditError::decode(&info.name, source))
    };
    let plain = match array.data_type() {
        DataType::Dictionary(_, values) => cast(array, values)?,
        _ => Arc::clone(array),
    };
    if *plain.data_type() == DataType::Date32 {
        let days = cast(&cast(&plain, &DataType::Int32)?, &DataType::Int64)?;
        return Ok(days.as_primitive::<Int64Type>().unary(|day| day * DAY_SECONDS));
    }
    Ok(cast(&plain, &DataType::Int64)?.as_primitive::<Int64Type>().clone())
}

fn without_nan(array: Float64Array) -> Float64Array {
    if !array.values().iter().any(|value| value.is_nan()) {
        return array;
    }
    let (_, values, nulls) = array.into_parts();
    let numbers = BooleanBuffer::collect_bool(values.len(), |row| !values[row].is_nan());
    let nulls = NullBuffer::union(nulls.as_ref(), Some(&NullBuffer::new(numbers)));
    Float64Array::new(values, nulls)
}
