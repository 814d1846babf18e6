//! Which of our types a type of the server becomes.

use std::collections::BTreeSet;
use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use tokio_postgres::Column;
use tokio_postgres::types::{Kind, Type};

use super::QueryError;

/// How the bytes of a value are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ReadAs {
    Boolean,
    /// Whole numbers of two, four or eight bytes.
    Integer,
    /// Numbers of single or double precision.
    Float,
    /// Decimal numbers with so many digits in all and after the point.
    Decimal {
        precision: u8,
        scale: u8,
    },
    /// Decimal numbers of any precision, as the nearest double.
    Number,
    Text,
    /// Text behind a version of one byte.
    VersionedText,
    Uuid,
    Bytes,
    Date,
    Time {
        has_zone: bool,
    },
}

/// A column of the answer.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    pub(super) name: String,
    pub(super) read_as: ReadAs,
}

impl Answer {
    fn field(&self) -> Field {
        let micros =
            |zone: Option<&str>| DataType::Timestamp(TimeUnit::Microsecond, zone.map(Into::into));
        let data_type = match self.read_as {
            ReadAs::Boolean => DataType::Boolean,
            ReadAs::Integer => DataType::Int64,
            ReadAs::Float | ReadAs::Number => DataType::Float64,
            ReadAs::Decimal { precision, scale } => {
                DataType::Decimal128(precision, i8::try_from(scale).expect("38 at the most"))
            }
            ReadAs::Text | ReadAs::VersionedText | ReadAs::Uuid => DataType::Utf8,
            ReadAs::Bytes => DataType::Binary,
            ReadAs::Date => DataType::Date32,
            ReadAs::Time { has_zone } => micros(has_zone.then_some("UTC")),
        };
        Field::new(&self.name, data_type, true)
    }
}

/// The schema of what is kept.
pub(super) fn schema(answers: &[Answer]) -> SchemaRef {
    Arc::new(Schema::new(answers.iter().map(Answer::field).collect::<Vec<_>>()))
}

/// What the columns of a statement become; all that have no type of ours are told at once.
pub(super) fn answers(columns: &[Column], location: &str) -> Result<Vec<Answer>, QueryError> {
    let wrong = |what: String, hint: &str| QueryError::Request {
        location: location.to_owned(),
        what,
        hint: hint.to_owned(),
    };
    if columns.is_empty() {
        return Err(wrong("the statement gives no rows".into(), "write `SELECT …` or `TABLE …`"));
    }
    let mut names = BTreeSet::new();
    if let Some(twice) = columns.iter().find(|column| !names.insert(column.name())) {
        let what = format!("two columns are named `{}`", twice.name());
        return Err(wrong(what, "give one of them another name with `AS`"));
    }
    let (mut answers, mut misfits, mut hints) = (Vec::new(), Vec::new(), BTreeSet::new());
    for column in columns {
        match read_as(column.type_(), column.type_modifier()) {
            Ok(read_as) => answers.push(Answer { name: column.name().to_owned(), read_as }),
            Err(hint) => {
                misfits.push(format!("`{}` ({})", column.name(), column.type_()));
                hints.insert(hint);
            }
        }
    }
    if misfits.is_empty() {
        return Ok(answers);
    }
    let hint = hints.into_iter().collect::<Vec<_>>().join("; ");
    Err(QueryError::Types { location: location.to_owned(), columns: misfits, hint })
}

/// How a type is read, or what to do instead.
fn read_as(data_type: &Type, modifier: i32) -> Result<ReadAs, &'static str> {
    Ok(match data_type.kind() {
        Kind::Domain(base) => read_as(base, modifier)?,
        Kind::Enum(_) => ReadAs::Text,
        Kind::Array(_) => {
            return Err("a list has no place in a cell: `unnest` it, or write `to_json(…)::text`");
        }
        Kind::Composite(_) => return Err("name the fields that you want: `(column).field`"),
        Kind::Range(_) | Kind::Multirange(_) => {
            return Err("write `lower(…)` and `upper(…)` for its ends");
        }
        _ => match *data_type {
            Type::BOOL => ReadAs::Boolean,
            Type::INT2 | Type::INT4 | Type::INT8 => ReadAs::Integer,
            Type::FLOAT4 | Type::FLOAT8 => ReadAs::Float,
            Type::NUMERIC => decimal(modifier).unwrap_or(ReadAs::Number),
            Type::TEXT | Type::VARCHAR | Type::BPCHAR | Type::NAME | Type::JSON | Type::XML => {
                ReadAs::Text
            }
            Type::JSONB => ReadAs::VersionedText,
            Type::UUID => ReadAs::Uuid,
            Type::BYTEA => ReadAs::Bytes,
            Type::DATE => ReadAs::Date,
            Type::TIMESTAMP => ReadAs::Time { has_zone: false },
            Type::TIMESTAMPTZ => ReadAs::Time { has_zone: true },
            Type::INTERVAL | Type::TIME | Type::TIMETZ => {
                return Err("write `extract(epoch FROM …)` for its seconds, or `…::text`");
            }
            Type::MONEY => return Err("write `…::numeric(19, 2)`"),
            _ if data_type.name() == "citext" => ReadAs::Text,
            _ => return Err("write `…::text` in the query"),
        },
    })
}

/// The digits of a `numeric(precision, scale)`: the modifier of its type has them as the server's `numeric.c` packs them.
fn decimal(modifier: i32) -> Option<ReadAs> {
    let packed = modifier.checked_sub(4).filter(|packed| *packed >= 0)?;
    let precision = u8::try_from(packed >> 16).ok().filter(|digits| *digits <= 38)?;
    // The scale has eleven bits and a sign; one below zero leaves no digits after the point anyway.
    let scale = ((packed & 0x7FF) ^ 0x400) - 0x400;
    let scale = u8::try_from(scale).ok().filter(|scale| *scale <= precision)?;
    Some(ReadAs::Decimal { precision, scale })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_of_decimals_are_in_the_modifier() {
        // numeric(12, 3), numeric, numeric(40, 2), numeric(5, -2).
        let modifier = |precision: i32, scale: i32| (precision << 16 | (scale & 0x7FF)) + 4;

        assert_eq!(decimal(modifier(12, 3)), Some(ReadAs::Decimal { precision: 12, scale: 3 }));
        assert_eq!(decimal(-1), None);
        assert_eq!(decimal(modifier(40, 2)), None);
        assert_eq!(decimal(modifier(5, -2)), None);
    }

    #[test]
    fn types_without_a_place_say_what_to_write() {
        assert!(read_as(&Type::INT4_ARRAY, -1).unwrap_err().contains("unnest"));
        assert!(read_as(&Type::TS_RANGE, -1).unwrap_err().contains("lower"));
        assert!(read_as(&Type::INTERVAL, -1).unwrap_err().contains("epoch"));
        assert!(read_as(&Type::POINT, -1).unwrap_err().contains("::text"));
        assert_eq!(read_as(&Type::JSONB, -1), Ok(ReadAs::VersionedText));
    }
}
