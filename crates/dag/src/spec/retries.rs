//! How often a task is tried again, and after which pause.

use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use crate::time::Lapse;

/// Retries after failures of the task's own; attempts lost with their worker do not count.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("examples" = [{ "max": 3 }]))]
pub struct Retries {
    /// How often it is tried again.
    #[serde(default)]
    #[schemars(range(min = 0, max = 100))]
    pub max: u32,
    /// The pause before a retry: from the first length, doubled each time up to the second, then drawn evenly below that.
    #[serde(default)]
    pub backoff: BackoffRange,
}

/// A text that is not a range of pauses.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a range of pauses")]
pub struct BadBackoff {
    /// What was given.
    pub text: String,
}

impl BadBackoff {
    /// What a range of pauses must look like.
    pub const HINT: &str = "write the first and the longest pause, such as `30s..10m`, or one length for a fixed pause";
}

/// The pauses between retries, written `30s..10m`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct BackoffRange {
    /// The bound of the first pause.
    pub first: Lapse,
    /// The bound that later pauses double up to.
    pub longest: Lapse,
}

impl Default for BackoffRange {
    fn default() -> Self {
        Self { first: Lapse::seconds(30), longest: Lapse::seconds(600) }
    }
}

impl FromStr for BackoffRange {
    type Err = BadBackoff;

    fn from_str(text: &str) -> Result<Self, BadBackoff> {
        let bad = || BadBackoff { text: text.to_owned() };
        let (first, longest) = text.split_once("..").unwrap_or((text, text));
        let range = Self {
            first: first.parse().map_err(|_| bad())?,
            longest: longest.parse().map_err(|_| bad())?,
        };
        if range.first <= range.longest { Ok(range) } else { Err(bad()) }
    }
}

impl fmt::Display for BackoffRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}..{}", self.first, self.longest)
    }
}

impl TryFrom<String> for BackoffRange {
    type Error = BadBackoff;

    fn try_from(text: String) -> Result<Self, BadBackoff> {
        text.parse()
    }
}

impl From<BackoffRange> for String {
    fn from(range: BackoffRange) -> Self {
        range.to_string()
    }
}

impl JsonSchema for BackoffRange {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "BackoffRange".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "backoff", "examples": ["30s..10m"] })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_runs_from_the_first_pause_to_the_longest() {
        let range = BackoffRange { first: Lapse::seconds(30), longest: Lapse::seconds(600) };

        assert_eq!("30s..10m".parse(), Ok(range));
        assert!("10m..30s".parse::<BackoffRange>().is_err());
        assert!("30s...10m".parse::<BackoffRange>().is_err());
    }
}
