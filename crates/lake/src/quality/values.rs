//! Values in checks files: literals, bounds and lengths of time.

use std::borrow::Cow;

use chrono::{DateTime, NaiveDate, NaiveDateTime};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::column::{Class, ColumnInfo};
use super::mistake::Fault;
use super::words;

/// A number, a text or a truth value; which of them fits is decided by the column.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Literal {
    Number(serde_json::Number),
    Text(String),
    Boolean(bool),
}

impl<'de> Deserialize<'de> for Literal {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match serde_json::Value::deserialize(deserializer)? {
            serde_json::Value::Number(number) => Ok(Self::Number(number)),
            serde_json::Value::String(text) => Ok(Self::Text(text)),
            serde_json::Value::Bool(value) => Ok(Self::Boolean(value)),
            _ => Err(serde::de::Error::custom("expected a number, a text or a truth value")),
        }
    }
}

impl JsonSchema for Literal {
    fn schema_name() -> Cow<'static, str> {
        "Literal".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A number, a text or a truth value. Times are written as 2026-11-21 or 2026-11-21T08:00:00Z, in UTC.",
            "anyOf": [{ "type": "number" }, { "type": "string" }, { "type": "boolean" }],
        })
    }
}

impl std::fmt::Display for Literal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Number(number) => write!(f, "{number}"),
            Self::Text(text) => write!(f, "{text:?}"),
            Self::Boolean(value) => write!(f, "{value}"),
        }
    }
}

impl Literal {
    /// The value as a whole number or as the ticks of a column of times.
    pub(crate) fn integer(&self, column: &ColumnInfo, field: &str) -> Result<i64, Fault> {
        match (self, column.class) {
            (Self::Number(number), Class::Integer) => {
                number.as_i64().ok_or_else(|| self.unfit(column, field))
            }
            (Self::Text(text), Class::Time { ticks_per_second, .. }) => {
                let time = parse_time(text).ok_or_else(|| self.unfit(column, field))?;
                ticks(time, ticks_per_second).ok_or_else(|| self.unfit(column, field))
            }
            (Self::Number(_) | Self::Text(_) | Self::Boolean(_), _) => {
                Err(self.unfit(column, field))
            }
        }
    }

    pub(crate) fn float(&self, column: &ColumnInfo, field: &str) -> Result<f64, Fault> {
        match self {
            Self::Number(number) => number.as_f64().ok_or_else(|| self.unfit(column, field)),
            Self::Text(_) | Self::Boolean(_) => Err(self.unfit(column, field)),
        }
    }

    pub(crate) fn text(&self, column: &ColumnInfo, field: &str) -> Result<String, Fault> {
        match self {
            Self::Text(text) => Ok(text.clone()),
            Self::Number(_) | Self::Boolean(_) => Err(self.unfit(column, field)),
        }
    }

    pub(crate) fn boolean(&self, column: &ColumnInfo, field: &str) -> Result<bool, Fault> {
        match self {
            Self::Boolean(value) => Ok(*value),
            Self::Number(_) | Self::Text(_) => Err(self.unfit(column, field)),
        }
    }

    fn unfit(&self, column: &ColumnInfo, field: &str) -> Fault {
        let label = column.class.label();
        let fault = Fault::new(
            field,
            format!("{self} does not fit the column `{}`, which is {label}", column.name),
        );
        fault.hint(match (self, column.class) {
            (_, Class::Time { .. }) => "write a time as \"2026-11-21\" or \"2026-11-21T08:00:00Z\"",
            (Self::Number(_) | Self::Boolean(_), Class::Text) => "put it in quotes",
            (Self::Text(_), Class::Integer | Class::Float | Class::Boolean) => {
                "write it without quotes"
            }
            (_, Class::Integer) => "write a whole number",
            (_, Class::Boolean) => "write true or false",
            (_, Class::Float | Class::Text | Class::Other) => "see the columns with `dataset show`",
        })
    }
}

/// Ticks since 1970 of a time, if they fit.
pub(crate) fn ticks(time: NaiveDateTime, ticks_per_second: i64) -> Option<i64> {
    let seconds = time.and_utc().timestamp().checked_mul(ticks_per_second)?;
    let part = i64::from(time.and_utc().timestamp_subsec_nanos());
    seconds.checked_add(part / (1_000_000_000 / ticks_per_second))
}

/// Reads a time as ISO 8601 writes it; without a zone it is in UTC.
pub(crate) fn parse_time(text: &str) -> Option<NaiveDateTime> {
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        return Some(time.naive_utc());
    }
    let formats = ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%d %H:%M"];
    formats
        .iter()
        .find_map(|format| NaiveDateTime::parse_from_str(text, format).ok())
        .or_else(|| NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?.and_hms_opt(0, 0, 0))
}

/// Bounds of a number, both of which belong to what is allowed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Between {
    min: Option<f64>,
    max: Option<f64>,
}

impl Between {
    pub(crate) fn new(min: Option<f64>, max: Option<f64>) -> Result<Self, Fault> {
        match (min, max) {
            (None, None) => {
                Err(Fault::new("with", "allows any value").hint("give `min`, `max` or both"))
            }
            (Some(low), Some(high)) if low > high => {
                Err(Fault::new("with", format!("`min` {low} is above `max` {high}"))
                    .hint("swap the two"))
            }
            _ => Ok(Self { min, max }),
        }
    }

    pub(crate) fn holds(&self, value: f64) -> bool {
        // Written so that what is not a number does not hold.
        self.min.is_none_or(|min| value >= min) && self.max.is_none_or(|max| value <= max)
    }

    pub(crate) fn words(&self, show: impl Fn(f64) -> String) -> String {
        match (self.min, self.max) {
            (Some(min), Some(max)) if min.total_cmp(&max).is_eq() => show(min),
            (Some(min), Some(max)) => format!("from {} to {}", show(min), show(max)),
            (Some(min), None) => format!("at least {}", show(min)),
            (None, Some(max)) => format!("at most {}", show(max)),
            (None, None) => "anything".to_owned(),
        }
    }
}

/// A length of time, such as `90s`, `15m`, `26h` or `7d`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Length {
    milliseconds: i64,
}

impl Length {
    /// Units with their milliseconds, the longest spelling first.
    const UNITS: [(&'static str, i64); 6] = [
        ("ms", 1),
        ("s", 1_000),
        ("m", 60_000),
        ("h", 3_600_000),
        ("d", 86_400_000),
        ("w", 604_800_000),
    ];

    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (unit, factor) = Self::UNITS.iter().find(|(unit, _)| text.ends_with(unit))?;
        let digits = text.strip_suffix(unit)?;
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        Some(Self { milliseconds: digits.parse::<i64>().ok()?.checked_mul(*factor)? })
    }

    /// So many seconds.
    pub const fn from_seconds(seconds: u32) -> Self {
        Self { milliseconds: seconds as i64 * 1_000 }
    }

    pub(crate) fn milliseconds(self) -> i64 {
        self.milliseconds
    }

    pub(crate) fn seconds(self) -> f64 {
        self.milliseconds as f64 / 1e3
    }

    pub(crate) fn is_zero(self) -> bool {
        self.milliseconds == 0
    }

    /// In ticks, rounded down; None where they are too many.
    pub(crate) fn ticks(self, ticks_per_second: i64) -> Option<u64> {
        let ticks = i128::from(self.milliseconds) * i128::from(ticks_per_second) / 1_000;
        u64::try_from(ticks).ok()
    }

    pub(crate) fn words(self) -> String {
        words::length(self.seconds())
    }
}

impl<'de> Deserialize<'de> for Length {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| {
            let message =
                format!("`{text}` is no length of time; write `90s`, `15m`, `26h` or `7d`");
            serde::de::Error::custom(message)
        })
    }
}

impl Serialize for Length {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let whole = |factor: i64| self.milliseconds % factor == 0;
        let longest = Self::UNITS.iter().rfind(|(_, factor)| whole(*factor));
        let (unit, factor) = longest.expect("every length is whole milliseconds");
        serializer.collect_str(&format_args!("{}{unit}", self.milliseconds / factor))
    }
}

impl JsonSchema for Length {
    fn schema_name() -> Cow<'static, str> {
        "Length".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A length of time, such as 90s, 15m, 26h or 7d.",
            "type": "string",
            "pattern": "^[0-9]+(ms|s|m|h|d|w)$",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_have_one_number_and_one_unit() {
        assert_eq!(Length::parse("250ms").unwrap().ticks(1_000), Some(250));
        assert_eq!(Length::parse("15m").unwrap().words(), "15 min");
        for wrong in ["", "h", "-1h", "1.5h", "1h30m", "9999999999999999w", "5 m"] {
            assert_eq!(Length::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn times_without_a_zone_are_in_utc() {
        let noon = parse_time("2026-11-21T12:00:00Z").unwrap();

        assert_eq!(parse_time("2026-11-21 12:00").unwrap(), noon);
        assert_eq!(parse_time("2026-11-21T14:00:00+02:00").unwrap(), noon);
        assert_eq!(ticks(noon, 1_000), Some(1_795_262_400_000));
        assert_eq!(parse_time("21.11.2026"), None);
    }
}
