//! Time as values: instants, data intervals, and lengths of time as people write them.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use chrono::{DateTime, Utc};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// An instant.
pub type Timestamp = DateTime<Utc>;

/// The stretch of time that one run is about: from `start`, up to and without `end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct DataInterval {
    /// The first instant inside.
    pub start: Timestamp,
    /// The first instant after it.
    pub end: Timestamp,
}

impl fmt::Display for DataInterval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (start, end) =
            (self.start.format("%Y-%m-%dT%H:%M:%SZ"), self.end.format("%Y-%m-%dT%H:%M:%SZ"));
        write!(f, "{start}..{end}")
    }
}

/// A text that is not a length of time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a length of time")]
pub struct BadLapse {
    /// What was given.
    pub text: String,
}

impl BadLapse {
    /// What a length of time must look like.
    pub const HINT: &str =
        "write whole numbers with units, largest first: `90s`, `15m`, `1h30m`, `7d`, `250ms`";
}

/// A length of elapsed time, written `1h30m`; a day here is 24 hours.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(try_from = "String", into = "String")]
pub struct Lapse(pub Duration);

/// Units from the largest down, in milliseconds.
const UNITS: [(&str, u64); 6] = [
    ("w", 7 * 24 * 60 * 60 * 1000),
    ("d", 24 * 60 * 60 * 1000),
    ("h", 60 * 60 * 1000),
    ("m", 60 * 1000),
    ("s", 1000),
    ("ms", 1),
];

impl Lapse {
    /// A length in milliseconds.
    pub const fn milliseconds(count: u64) -> Self {
        Self(Duration::from_millis(count))
    }

    /// A length in seconds.
    pub const fn seconds(count: u64) -> Self {
        Self(Duration::from_secs(count))
    }

    /// The same length for arithmetic with [`Timestamp`]s; over 10,000 years it is cut there.
    pub fn delta(self) -> chrono::TimeDelta {
        const LONGEST: chrono::TimeDelta = chrono::TimeDelta::days(3_652_500);
        chrono::TimeDelta::from_std(self.0).map_or(LONGEST, |delta| delta.min(LONGEST))
    }
}

impl FromStr for Lapse {
    type Err = BadLapse;

    fn from_str(text: &str) -> Result<Self, BadLapse> {
        let bad = || BadLapse { text: text.to_owned() };
        let mut rest = text;
        let mut units = UNITS.iter();
        let mut total: u64 = 0;
        while !rest.is_empty() {
            let digits = rest.find(|c: char| !c.is_ascii_digit()).ok_or_else(bad)?;
            let count: u64 = rest[..digits].parse().map_err(|_| bad())?;
            rest = &rest[digits..];
            let letters = rest.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(rest.len());
            // Searching on from the last unit keeps the units in order and each at most once.
            let (_, milliseconds) =
                units.find(|(name, _)| *name == &rest[..letters]).ok_or_else(bad)?;
            rest = &rest[letters..];
            total = count
                .checked_mul(*milliseconds)
                .and_then(|part| total.checked_add(part))
                .ok_or_else(bad)?;
        }
        if text.is_empty() { Err(bad()) } else { Ok(Self::milliseconds(total)) }
    }
}

impl fmt::Display for Lapse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.0.as_millis();
        if rest == 0 {
            return f.write_str("0s");
        }
        for (name, milliseconds) in UNITS {
            let count = rest / u128::from(milliseconds);
            rest %= u128::from(milliseconds);
            if count > 0 {
                write!(f, "{count}{name}")?;
            }
        }
        Ok(())
    }
}

impl TryFrom<String> for Lapse {
    type Error = BadLapse;

    fn try_from(text: String) -> Result<Self, BadLapse> {
        text.parse()
    }
}

impl From<Lapse> for String {
    fn from(lapse: Lapse) -> Self {
        lapse.to_string()
    }
}

impl JsonSchema for Lapse {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Lapse".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "lapse", "examples": ["90s", "15m", "1h30m", "7d"] })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_length_is_read_with_its_units() {
        assert_eq!("1h30m".parse(), Ok(Lapse::seconds(5400)));
        assert_eq!("250ms".parse(), Ok(Lapse::milliseconds(250)));
        assert_eq!("90s".parse(), Ok(Lapse::seconds(90)));
    }

    #[test]
    fn a_length_without_unit_or_order_is_refused() {
        for text in [
            "",
            "90",
            "m",
            "1m1h",
            "1h1h",
            "-1s",
            "1.5h",
            "1 h",
            "99999999999999999999s",
            "300000000000w",
        ] {
            assert!(text.parse::<Lapse>().is_err(), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn a_length_reads_back_what_it_prints(count in 0u64..1_000_000_000_000) {
            let lapse = Lapse::milliseconds(count);

            prop_assert_eq!(lapse.to_string().parse(), Ok(lapse));
        }
    }
}
