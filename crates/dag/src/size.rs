//! Amounts of memory as people write them.

use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// A number of bytes, written `512MiB` or `2GiB`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ByteSize(pub u64);

/// Units from the largest down.
const UNITS: [(&str, u64); 5] =
    [("TiB", 1 << 40), ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("B", 1)];

/// A text that is not an amount of memory.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not an amount of memory")]
pub struct BadSize {
    /// What was given.
    pub text: String,
}

impl BadSize {
    /// What an amount of memory must look like.
    pub const HINT: &str = "write a whole number with its unit: `512MiB`, `2GiB`";
}

impl ByteSize {
    /// For people: three digits at most, in the unit that fits.
    pub fn shown(self) -> String {
        let (unit, bytes) =
            UNITS.into_iter().find(|(_, bytes)| self.0 >= *bytes).unwrap_or(("B", 1));
        let number = self.0 as f64 / bytes as f64;
        if bytes == 1 || number >= 100.0 {
            format!("{number:.0} {unit}")
        } else {
            format!("{number:.1} {unit}")
        }
    }
}

impl FromStr for ByteSize {
    type Err = BadSize;

    fn from_str(text: &str) -> Result<Self, BadSize> {
        let bad = || BadSize { text: text.to_owned() };
        let digits = text.find(|c: char| !c.is_ascii_digit()).ok_or_else(bad)?;
        let count: u64 = text[..digits].parse().map_err(|_| bad())?;
        let (_, bytes) =
            UNITS.into_iter().find(|(unit, _)| *unit == &text[digits..]).ok_or_else(bad)?;
        count.checked_mul(bytes).map(Self).ok_or_else(bad)
    }
}

impl TryFrom<String> for ByteSize {
    type Error = BadSize;

    fn try_from(text: String) -> Result<Self, BadSize> {
        text.parse()
    }
}

impl From<ByteSize> for String {
    fn from(size: ByteSize) -> Self {
        size.to_string()
    }
}

/// As it is written: a whole number of the largest unit that divides it.
impl fmt::Display for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let divides = |bytes: u64| self.0 > 0 && self.0.is_multiple_of(bytes);
        let (unit, bytes) =
            UNITS.into_iter().find(|(_, bytes)| divides(*bytes)).unwrap_or(("B", 1));
        write!(f, "{}{unit}", self.0 / bytes)
    }
}

impl JsonSchema for ByteSize {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "ByteSize".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "size", "examples": ["512MiB", "2GiB"] })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_amount_is_read_with_its_unit() {
        assert_eq!("2GiB".parse(), Ok(ByteSize(2 << 30)));
        assert_eq!("512MiB".parse(), Ok(ByteSize(512 << 20)));
        assert_eq!("7B".parse(), Ok(ByteSize(7)));
    }

    #[test]
    fn an_amount_without_a_unit_that_is_known_is_refused() {
        for text in ["", "2", "GiB", "2GB", "2 GiB", "1.5GiB", "-1MiB", "99999999999TiB"] {
            assert!(text.parse::<ByteSize>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn an_amount_is_shown_in_the_unit_that_fits() {
        let shown = [0, 900, 1536, 3_328_599_654, 250 << 20].map(|bytes| ByteSize(bytes).shown());

        assert_eq!(shown, ["0 B", "900 B", "1.5 KiB", "3.1 GiB", "250 MiB"]);
    }

    proptest! {
        #[test]
        fn an_amount_reads_back_what_it_prints(bytes in any::<u64>()) {
            let size = ByteSize(bytes);

            prop_assert_eq!(size.to_string().parse(), Ok(size));
        }
    }
}
