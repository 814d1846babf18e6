//! Instants, lengths of time, and reaches in steps or in time.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, NaiveDate, NaiveDateTime, SecondsFormat};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Error as _, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// An instant: microseconds since 1970, UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(pub i64);

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match DateTime::from_timestamp_micros(self.0) {
            Some(time) => f.write_str(&time.to_rfc3339_opts(SecondsFormat::AutoSi, true)),
            None => write!(f, "{} µs", self.0),
        }
    }
}

/// What is wrong with a text of a time or of a length of time.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadTime {
    /// No instant.
    #[error("`{0}` is no time; write `2025-08-31T23:59:59Z` or `2025-08-31`")]
    Timestamp(String),
    /// No length of time.
    #[error(
        "`{0}` is no length of time; write a number and its unit, such as `90s`, `30m`, `1h30m` or `7d`"
    )]
    Span(String),
    /// Neither steps nor a length of time.
    #[error(
        "`{0}` is no reach; write a number of steps, such as 5, or a length of time, such as `30m`"
    )]
    Reach(String),
}

impl FromStr for Timestamp {
    type Err = BadTime;

    fn from_str(text: &str) -> Result<Self, BadTime> {
        if let Ok(time) = DateTime::parse_from_rfc3339(text) {
            return Ok(Self(time.timestamp_micros()));
        }
        let day = NaiveDate::from_str(text).ok().and_then(|day| day.and_hms_opt(0, 0, 0));
        let naive = day.or_else(|| NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S").ok());
        naive
            .map(|time| Self(time.and_utc().timestamp_micros()))
            .ok_or_else(|| BadTime::Timestamp(text.to_owned()))
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(D::Error::custom)
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl JsonSchema for Timestamp {
    fn schema_name() -> Cow<'static, str> {
        "Timestamp".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "description": "A time, such as `2025-08-31T23:59:59Z`." })
    }
}

/// A length of time, in microseconds; never negative.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span(pub i64);

const SECOND: i64 = 1_000_000;
/// Longest first: [`Display`](fmt::Display) takes as much as it can of each.
const UNITS: [(&str, i64); 6] = [
    ("d", 86_400 * SECOND),
    ("h", 3_600 * SECOND),
    ("m", 60 * SECOND),
    ("s", SECOND),
    ("ms", 1_000),
    ("us", 1),
];

impl Span {
    /// So many seconds.
    pub const fn seconds(seconds: i64) -> Self {
        Self(seconds * SECOND)
    }

    /// So many minutes.
    pub const fn minutes(minutes: i64) -> Self {
        Self::seconds(60 * minutes)
    }

    /// The length in seconds.
    pub fn as_seconds(self) -> f64 {
        self.0 as f64 / SECOND as f64
    }
}

impl FromStr for Span {
    type Err = BadTime;

    fn from_str(text: &str) -> Result<Self, BadTime> {
        let bad = || BadTime::Span(text.to_owned());
        let mut rest = text.trim();
        if rest.is_empty() {
            return Err(bad());
        }
        let mut total: i64 = 0;
        while !rest.is_empty() {
            let digits = rest.find(|c: char| !c.is_ascii_digit()).ok_or_else(bad)?;
            let count: i64 = rest[..digits].parse().map_err(|_| bad())?;
            rest = &rest[digits..];
            let letters = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
            let unit = UNITS.iter().find(|(name, _)| *name == &rest[..letters]);
            let (_, micros) = unit.ok_or_else(bad)?;
            let part = count.checked_mul(*micros).ok_or_else(bad)?;
            total = total.checked_add(part).ok_or_else(bad)?;
            rest = &rest[letters..];
        }
        // A thousand years is beyond any window, and sums of such lengths stay in range.
        if total > 365_250 * UNITS[0].1 { Err(bad()) } else { Ok(Self(total)) }
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == 0 {
            return f.write_str("0s");
        }
        let mut rest = self.0;
        for (name, micros) in UNITS {
            if rest >= micros {
                write!(f, "{}{name}", rest / micros)?;
                rest %= micros;
            }
        }
        Ok(())
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(D::Error::custom)
    }
}

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl JsonSchema for Span {
    fn schema_name() -> Cow<'static, str> {
        "Span".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "A length of time.",
            "examples": ["90s", "30m", "1h30m", "7d"],
        })
    }
}

/// How far an operator reaches: steps of the grid, or a length of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// So many steps of the grid.
    Steps(u32),
    /// A length of time.
    Time(Span),
}

impl Reach {
    /// The reach in time; `None` for steps where there is no grid.
    pub fn on(self, step: Option<Span>) -> Option<Span> {
        match self {
            Self::Steps(steps) => {
                step.and_then(|step| step.0.checked_mul(i64::from(steps))).map(Span)
            }
            Self::Time(span) => Some(span),
        }
    }
}

impl fmt::Display for Reach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Steps(steps) => write!(f, "{steps}"),
            Self::Time(span) => write!(f, "{span}"),
        }
    }
}

impl<'de> Deserialize<'de> for Reach {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl Visitor<'_> for Either {
            type Value = Reach;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number of steps, such as 5, or a length of time, such as `30m`")
            }

            fn visit_u64<E: serde::de::Error>(self, steps: u64) -> Result<Reach, E> {
                let bad = || E::custom(BadTime::Reach(steps.to_string()));
                u32::try_from(steps)
                    .ok()
                    .filter(|steps| *steps > 0)
                    .map(Reach::Steps)
                    .ok_or_else(bad)
            }

            fn visit_i64<E: serde::de::Error>(self, steps: i64) -> Result<Reach, E> {
                let bad = |_| E::custom(BadTime::Reach(steps.to_string()));
                u64::try_from(steps).map_err(bad).and_then(|steps| self.visit_u64(steps))
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Reach, E> {
                let span: Span =
                    text.parse().map_err(|_| E::custom(BadTime::Reach(text.into())))?;
                if span.0 == 0 {
                    return Err(E::custom(BadTime::Reach(text.into())));
                }
                Ok(Reach::Time(span))
            }
        }
        deserializer.deserialize_any(Either)
    }
}

impl Serialize for Reach {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Steps(steps) => serializer.serialize_u32(*steps),
            Self::Time(span) => span.serialize(serializer),
        }
    }
}

impl JsonSchema for Reach {
    fn schema_name() -> Cow<'static, str> {
        "Reach".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "Steps of the grid, such as 5, or a length of time, such as `30m`.",
            "anyOf": [{ "type": "integer", "minimum": 1 }, { "type": "string" }],
        })
    }
}

/// The grid that a share of these times keeps to: the most frequent step, if nine of ten steps are that.
///
/// Times are sorted within each run; `starts` says where runs begin, and ends with the count of times.
pub fn infer_step(times: &[i64], starts: &[usize]) -> Option<Span> {
    /// Enough to tell a grid; a panel of millions is not read twice for it.
    const MOST_STEPS: usize = 100_000;
    let mut steps: Vec<i64> = Vec::new();
    for run in starts.windows(2) {
        let room = MOST_STEPS - steps.len();
        let run = &times[run[0]..run[1]];
        steps.extend(run.windows(2).take(room).map(|pair| pair[1] - pair[0]));
        if steps.len() == MOST_STEPS {
            break;
        }
    }
    steps.sort_unstable();
    let longest = steps.chunk_by(|left, right| left == right).max_by_key(|same| same.len())?;
    let is_grid = longest.len() * 10 >= steps.len() * 9 && longest[0] > 0;
    is_grid.then(|| Span(longest[0]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time_are_read_and_printed_alike() {
        for text in ["90s", "30m", "1h30m", "7d", "250ms"] {
            let span: Span = text.parse().unwrap();
            assert_eq!(span.to_string().parse::<Span>().unwrap(), span);
        }
        assert_eq!("90s".parse::<Span>().unwrap().to_string(), "1m30s");
        for bad in ["", "m", "5", "5x", "-3m", "99999999999d"] {
            assert!(bad.parse::<Span>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_reach_is_steps_or_time() {
        let read = |text: &str| serde_json::from_str::<Reach>(text);

        assert_eq!(read("5").unwrap(), Reach::Steps(5));
        assert_eq!(read("\"30m\"").unwrap(), Reach::Time(Span::minutes(30)));
        for bad in ["0", "-1", "\"0s\"", "1.5", "\"soon\"", "null"] {
            assert!(read(bad).is_err(), "{bad}");
        }
        assert_eq!(Reach::Steps(5).on(Some(Span::minutes(1))), Some(Span::minutes(5)));
        assert_eq!(Reach::Steps(5).on(None), None);
    }

    #[test]
    fn a_grid_is_what_nine_of_ten_steps_are() {
        let mut times: Vec<i64> = (0..20).map(|row| row * 60).collect();
        assert_eq!(infer_step(&times, &[0, 20]), Some(Span(60)));

        times.iter_mut().skip(3).step_by(2).for_each(|time| *time += 7);

        assert_eq!(infer_step(&times, &[0, 20]), None);
        assert_eq!(infer_step(&times[..1], &[0, 1]), None);
    }

    #[test]
    fn instants_are_read_with_and_without_a_time_of_day() {
        let day: Timestamp = "2025-09-01".parse().unwrap();
        let time: Timestamp = "2025-08-31T23:59:59Z".parse().unwrap();

        assert_eq!(day.0 - time.0, 1_000_000);
        assert_eq!(time.to_string(), "2025-08-31T23:59:59Z");
        assert!("yesterday".parse::<Timestamp>().is_err());
    }
}
