//! A column of a source, and what its values are.

use datafusion::arrow::datatypes::{DataType, Field, TimeUnit};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::TimeLayout;

/// One column with what its values are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// What its values are.
    pub kind: Kind,
}

/// What the values of a column are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// No value was seen yet.
    Empty,
    /// `true` or `false`.
    Boolean,
    /// Whole numbers of 64 bits.
    Integer,
    /// Numbers of double precision.
    Float,
    /// Exact decimal numbers (from Parquet).
    Decimal {
        /// Digits in all.
        precision: u8,
        /// Digits after the point.
        scale: i8,
    },
    /// Characters.
    Text,
    /// Bytes (from Parquet).
    Binary,
    /// Days.
    Date {
        /// How they are written.
        layout: TimeLayout,
    },
    /// Moments, kept in UTC to the microsecond.
    Time {
        /// How they are written.
        layout: TimeLayout,
        /// The zone of those that state no offset.
        zone: String,
    },
}

impl Kind {
    /// The type of the column in Parquet. A column without values is kept as text.
    pub fn arrow(&self) -> DataType {
        match self {
            Self::Boolean => DataType::Boolean,
            Self::Integer => DataType::Int64,
            Self::Float => DataType::Float64,
            Self::Decimal { precision, scale } => DataType::Decimal128(*precision, *scale),
            Self::Text | Self::Empty => DataType::Utf8,
            Self::Binary => DataType::Binary,
            Self::Date { .. } => DataType::Date32,
            Self::Time { .. } => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        }
    }

    /// The kind in a word, as messages and schemas say it.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::Boolean => "boolean",
            Self::Integer => "integer",
            Self::Float => "float",
            Self::Decimal { .. } => "decimal",
            Self::Text => "text",
            Self::Binary => "binary",
            Self::Date { .. } => "date",
            Self::Time { .. } => "time",
        }
    }

    /// The narrowest kind that holds the values of both without loss, where there is one.
    pub fn widened(&self, other: &Self) -> Option<Self> {
        match (self, other) {
            (Self::Empty, known) | (known, Self::Empty) => Some(known.clone()),
            (Self::Integer, Self::Float) | (Self::Float, Self::Integer) => Some(Self::Float),
            (one, two) if one == two => Some(one.clone()),
            _ => None,
        }
    }
}

impl Column {
    /// The column as a field of an Arrow schema.
    pub fn field(&self) -> Field {
        Field::new(&self.name, self.kind.arrow(), true)
    }
}
