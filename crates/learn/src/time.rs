//! Moments, lengths of time and stretches between moments.

use std::fmt;
use std::ops::{Add, Sub};
use std::str::FromStr;

use chrono::{DateTime, NaiveDate, NaiveDateTime, SecondsFormat};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A moment: microseconds since the start of 1970 in UTC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// Before everything.
    pub const MIN: Self = Self(i64::MIN);
    /// After everything: what is never known.
    pub const NEVER: Self = Self(i64::MAX);
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match DateTime::from_timestamp_micros(self.0) {
            Some(moment) => f.write_str(&moment.to_rfc3339_opts(SecondsFormat::AutoSi, true)),
            None => write!(f, "{} us", self.0),
        }
    }
}

/// What cannot be read as a moment or a length of time.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TimeError {
    /// No moment.
    #[error(
        "read `{0}` as a moment: it is written as 2026-01-31, 2026-01-31T06:00:00 or 2026-01-31T06:00:00Z"
    )]
    Moment(String),
    /// No length of time.
    #[error("read `{0}` as a length of time: it is written as 90s, 30m, 24h, 7d or 1h30m")]
    Length(String),
}

impl FromStr for Timestamp {
    type Err = TimeError;

    fn from_str(text: &str) -> Result<Self, TimeError> {
        let moment = DateTime::parse_from_rfc3339(text).map(|moment| moment.timestamp_micros());
        let local = || {
            NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S")
                .map(|moment| moment.and_utc().timestamp_micros())
        };
        let day = || {
            NaiveDate::parse_from_str(text, "%Y-%m-%d")
                .map(|day| day.and_time(chrono::NaiveTime::MIN).and_utc().timestamp_micros())
        };
        moment
            .or_else(|_| local())
            .or_else(|_| day())
            .map(Self)
            .map_err(|_| TimeError::Moment(text.to_owned()))
    }
}

/// A length of time in microseconds, never negative where it is read from a text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span(pub i64);

/// The units of lengths of time, longest first.
const UNITS: [(&str, i64); 7] = [
    ("w", 604_800_000_000),
    ("d", 86_400_000_000),
    ("h", 3_600_000_000),
    ("m", 60_000_000),
    ("s", 1_000_000),
    ("ms", 1_000),
    ("us", 1),
];

impl Span {
    /// No time at all.
    pub const ZERO: Self = Self(0);

    /// So many hours.
    pub const fn hours(count: i64) -> Self {
        Self(count.saturating_mul(3_600_000_000))
    }

    /// So many days.
    pub const fn days(count: i64) -> Self {
        Self(count.saturating_mul(86_400_000_000))
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == 0 {
            return f.write_str("0s");
        }
        if self.0 < 0 {
            f.write_str("-")?;
        }
        let mut rest = self.0.unsigned_abs();
        for (unit, micros) in &UNITS[1..] {
            let micros = micros.unsigned_abs();
            if rest >= micros {
                write!(f, "{}{unit}", rest / micros)?;
                rest %= micros;
            }
        }
        Ok(())
    }
}

impl FromStr for Span {
    type Err = TimeError;

    fn from_str(text: &str) -> Result<Self, TimeError> {
        let error = || TimeError::Length(text.to_owned());
        let mut rest = text.trim();
        let mut total = 0_i64;
        if rest.is_empty() {
            return Err(error());
        }
        while !rest.is_empty() {
            let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
            let (count, tail) = rest.split_at(digits);
            let letters = tail.len() - tail.trim_start_matches(char::is_alphabetic).len();
            let (unit, tail) = tail.split_at(letters);
            let (_, micros) = UNITS.iter().find(|(name, _)| *name == unit).ok_or_else(error)?;
            let part = count.parse::<i64>().ok().and_then(|count| count.checked_mul(*micros));
            total = part.and_then(|part| total.checked_add(part)).ok_or_else(error)?;
            rest = tail;
        }
        Ok(Self(total))
    }
}

impl Add<Span> for Timestamp {
    type Output = Self;

    fn add(self, span: Span) -> Self {
        Self(self.0.saturating_add(span.0))
    }
}

impl Sub<Span> for Timestamp {
    type Output = Self;

    fn sub(self, span: Span) -> Self {
        Self(self.0.saturating_sub(span.0))
    }
}

impl Sub for Timestamp {
    type Output = Span;

    fn sub(self, earlier: Self) -> Span {
        Span(self.0.saturating_sub(earlier.0))
    }
}

macro_rules! as_text {
    ($type:ident, $pattern:literal, $description:literal) => {
        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
            }
        }

        impl schemars::JsonSchema for $type {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($type).into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({
                    "type": "string", "pattern": $pattern, "description": $description
                })
            }
        }
    };
}

as_text!(
    Timestamp,
    r"^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})?)?$",
    "A moment; UTC unless it says otherwise."
);
as_text!(Span, r"^(\d+(w|d|h|m|s|ms|us))+$", "A length of time, such as 30m, 24h or 1d12h.");

/// All moments from `from` on, and before `until`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stretch {
    /// The first moment.
    pub from: Timestamp,
    /// The first moment that is no longer in it.
    pub until: Timestamp,
}

impl Stretch {
    /// From one moment to before another.
    pub const fn new(from: Timestamp, until: Timestamp) -> Self {
        Self { from, until }
    }

    /// Whether a moment lies in it.
    pub fn contains(self, at: Timestamp) -> bool {
        self.from <= at && at < self.until
    }

    /// Whether no moment lies in it.
    pub fn is_empty(self) -> bool {
        self.until <= self.from
    }

    /// Whether some moment lies in both.
    pub fn overlaps(self, other: Self) -> bool {
        self.from < other.until && other.from < self.until
    }
}

/// The same moments as disjoint stretches in their order.
pub fn union(mut stretches: Vec<Stretch>) -> Vec<Stretch> {
    stretches.retain(|stretch| !stretch.is_empty());
    stretches.sort_unstable();
    let mut merged: Vec<Stretch> = Vec::new();
    for stretch in stretches {
        match merged.last_mut() {
            Some(last) if stretch.from <= last.until => last.until = last.until.max(stretch.until),
            _ => merged.push(stretch),
        }
    }
    merged
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time_are_read_and_shown() {
        for (text, shown) in [("90s", "1m30s"), ("1w", "7d"), ("1d12h", "1d12h"), ("0s", "0s")] {
            assert_eq!(text.parse::<Span>().unwrap().to_string(), shown);
        }
        assert_eq!("250ms".parse(), Ok(Span(250_000)));
    }

    #[test]
    fn what_is_no_length_of_time_is_refused() {
        for text in ["", "5", "h", "5y", "-5h", "5 h", "99999999999999999w"] {
            assert!(text.parse::<Span>().is_err(), "{text}");
        }
    }

    #[test]
    fn moments_are_read_with_and_without_a_zone() {
        let noon: Timestamp = "2026-01-31T12:00:00Z".parse().unwrap();

        assert_eq!("2026-01-31T13:00:00+01:00".parse(), Ok(noon));
        assert_eq!("2026-01-31T12:00:00".parse(), Ok(noon));
        assert_eq!("2026-01-31".parse(), Ok(noon - Span::hours(12)));
        assert_eq!(noon.to_string(), "2026-01-31T12:00:00Z");
        assert!("31.01.2026".parse::<Timestamp>().is_err());
    }

    #[test]
    fn the_union_of_stretches_is_disjoint_and_sorted() {
        let stretch = |from, until| Stretch::new(Timestamp(from), Timestamp(until));

        let merged = union(vec![stretch(5, 7), stretch(0, 2), stretch(2, 3), stretch(4, 4)]);

        assert_eq!(merged, [stretch(0, 3), stretch(5, 7)]);
    }
}
