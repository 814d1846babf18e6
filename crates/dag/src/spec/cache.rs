//! Whether an earlier result may stand in for a new run of a task.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use crate::time::Lapse;

/// Whether an earlier result for the same inputs may stand in for a new run. Written `true`, `false` or
/// `{ max_age: 7d }`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CacheRule {
    /// It never may.
    Off,
    /// It may, whatever its age.
    On,
    /// It may until it is this old.
    Within(Lapse),
}

impl CacheRule {
    /// Tells whether a result of some age may stand in.
    pub const fn is_on(self) -> bool {
        !matches!(self, Self::Off)
    }

    /// The age at which a result is too old.
    pub const fn max_age(self) -> Option<Lapse> {
        match self {
            Self::Off | Self::On => None,
            Self::Within(max_age) => Some(max_age),
        }
    }
}

/// The long form of [`CacheRule`].
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("examples" = [{ "max_age": "7d" }]))]
struct Long {
    /// The age at which a result is too old to stand in.
    max_age: Lapse,
}

impl Serialize for CacheRule {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match *self {
            Self::Off => serializer.serialize_bool(false),
            Self::On => serializer.serialize_bool(true),
            Self::Within(max_age) => Long { max_age }.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for CacheRule {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::Bool(true) => Ok(Self::On),
            Value::Bool(false) => Ok(Self::Off),
            long => {
                let Long { max_age } =
                    serde_json::from_value(long).map_err(serde::de::Error::custom)?;
                Ok(Self::Within(max_age))
            }
        }
    }
}

impl JsonSchema for CacheRule {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "CacheRule".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let long = Long::json_schema(generator);
        json_schema!({
            "description": "Whether an earlier result for the same inputs may stand in: yes, no, or up to an age.",
            "anyOf": [{ "type": "boolean" }, long],
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_rule_reads_back_what_it_writes() {
        for text in [json!(true), json!(false), json!({ "max_age": "1w" })] {
            let rule: CacheRule = serde_json::from_value(text.clone()).unwrap();

            assert_eq!(serde_json::to_value(rule).unwrap(), text);
        }
    }

    #[test]
    fn an_age_without_a_unit_and_other_keys_are_refused() {
        for text in [json!("7d"), json!({ "max_age": 7 }), json!({ "age": "7d" }), json!({})] {
            assert!(serde_json::from_value::<CacheRule>(text.clone()).is_err(), "{text}");
        }
    }
}
