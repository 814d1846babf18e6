//! The values of a column as text, one by one.

use std::borrow::Cow;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, Float32Array, Float64Array, LargeStringArray, StringArray,
    StringViewArray,
};
use datafusion::arrow::buffer::NullBuffer;
use datafusion::arrow::datatypes::{DataType, Float32Type, Float64Type};
use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};

/// A value that has no text, such as a time beyond all calendars.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NoText;

/// A column whose values are read as text.
pub(super) struct Texts<'a> {
    // Of the values: a dictionary's value may be null where its key is not.
    nulls: Option<NullBuffer>,
    reader: Reader<'a>,
}

enum Reader<'a> {
    Small(&'a StringArray),
    Large(&'a LargeStringArray),
    View(&'a StringViewArray),
    Single(&'a Float32Array),
    Double(&'a Float64Array),
    Other(ArrayFormatter<'a>),
}

impl<'a> Texts<'a> {
    /// Reads a column, if its values have a text.
    pub(super) fn of(column: &'a ArrayRef) -> Option<Self> {
        let reader = match column.data_type() {
            DataType::Utf8 => Reader::Small(column.as_string()),
            DataType::LargeUtf8 => Reader::Large(column.as_string()),
            DataType::Utf8View => Reader::View(column.as_string_view()),
            DataType::Float32 => Reader::Single(column.as_primitive::<Float32Type>()),
            DataType::Float64 => Reader::Double(column.as_primitive::<Float64Type>()),
            other if has_text(other) => {
                Reader::Other(ArrayFormatter::try_new(column, &FormatOptions::new()).ok()?)
            }
            _ => return None,
        };
        Some(Self { nulls: column.logical_nulls(), reader })
    }

    /// The value of a row; nothing for a null.
    pub(super) fn get(&self, row: usize) -> Result<Option<Cow<'a, str>>, NoText> {
        if self.nulls.as_ref().is_some_and(|nulls| nulls.is_null(row)) {
            return Ok(None);
        }
        let text = match &self.reader {
            Reader::Small(values) => Cow::Borrowed(values.value(row)),
            Reader::Large(values) => Cow::Borrowed(values.value(row)),
            Reader::View(values) => Cow::Borrowed(values.value(row)),
            // Display writes no exponent, so that a number read as a float is still the number.
            Reader::Single(values) => Cow::Owned(values.value(row).to_string()),
            Reader::Double(values) => Cow::Owned(values.value(row).to_string()),
            Reader::Other(values) => Cow::Owned(text_of(values, row)?),
        };
        Ok(Some(text))
    }
}

/// Tells whether values of a type can be written as text, and so be masked.
pub(super) fn has_text(data_type: &DataType) -> bool {
    match data_type {
        DataType::Dictionary(_, values) => has_text(values),
        DataType::Null | DataType::Interval(_) => false,
        other => !other.is_nested() && !other.is_binary(),
    }
}

// The cause is dropped on purpose: it holds the value.
fn text_of(values: &ArrayFormatter<'_>, row: usize) -> Result<String, NoText> {
    values.value(row).try_to_string().map_err(|_| NoText)
}
