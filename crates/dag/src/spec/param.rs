//! Parameters of a run: declared with a type, or by their default alone.

use std::borrow::Cow;
use std::sync::Arc;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use crate::problem::SourceText;
use crate::time::{Lapse, Timestamp};
use crate::yaml;

/// The type of a parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ParamType {
    /// Text.
    String,
    /// A whole number.
    Integer,
    /// A number.
    Number,
    /// `true` or `false`.
    Boolean,
    /// A length of time such as `60m`.
    Duration,
    /// An instant such as `2026-11-20T00:00:00Z`.
    Timestamp,
    /// A list of any values.
    List,
    /// A mapping of names to any values.
    Map,
}

impl ParamType {
    /// The type that a default alone declares.
    fn of(value: &Value) -> Self {
        match value {
            Value::Bool(_) => Self::Boolean,
            Value::Number(number) if number.is_f64() => Self::Number,
            Value::Number(_) => Self::Integer,
            Value::String(text) if text.parse::<Lapse>().is_ok() => Self::Duration,
            Value::String(text) if text.parse::<Timestamp>().is_ok() => Self::Timestamp,
            Value::Null | Value::String(_) => Self::String,
            Value::Array(_) => Self::List,
            Value::Object(_) => Self::Map,
        }
    }

    /// Tells whether `value` is of this type.
    pub fn takes(self, value: &Value) -> bool {
        match self {
            Self::String => value.is_string(),
            Self::Integer => value.is_i64() || value.is_u64(),
            Self::Number => value.is_number(),
            Self::Boolean => value.is_boolean(),
            Self::Duration => value.as_str().is_some_and(|text| text.parse::<Lapse>().is_ok()),
            Self::Timestamp => value.as_str().is_some_and(|text| text.parse::<Timestamp>().is_ok()),
            Self::List => value.is_array(),
            Self::Map => value.is_object(),
        }
    }

    /// What a value of this type is called in a sentence.
    pub const fn noun(self) -> &'static str {
        match self {
            Self::String => "a text",
            Self::Integer => "a whole number",
            Self::Number => "a number",
            Self::Boolean => "`true` or `false`",
            Self::Duration => "a length of time such as `60m`",
            Self::Timestamp => "an instant such as `2026-11-20T00:00:00Z`",
            Self::List => "a list",
            Self::Map => "a mapping",
        }
    }
}

/// A value that a run may be started with.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ParamSpec {
    /// Its type.
    #[serde(rename = "type")]
    pub of_type: ParamType,
    /// Its value where a run gives none; without it a run must give one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default: Option<Value>,
    /// What it is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The only values that it takes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub choices: Vec<Value>,
    /// The smallest number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min: Option<f64>,
    /// The largest number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max: Option<f64>,
}

/// The long form of [`ParamSpec`].
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Long {
    /// Its type.
    #[serde(rename = "type")]
    of_type: ParamType,
    /// Its value where a run gives none; without it a run must give one.
    default: Option<Value>,
    /// What it is for.
    description: Option<String>,
    /// The only values that it takes.
    #[serde(default)]
    choices: Vec<Value>,
    /// The smallest number.
    min: Option<f64>,
    /// The largest number.
    max: Option<f64>,
}

impl ParamSpec {
    /// Tells what no value could fulfil, as a fragment such as "has a `min` above its `max`".
    pub fn contradiction(&self) -> Option<String> {
        let has_bound = self.min.is_some() || self.max.is_some();
        if has_bound && !matches!(self.of_type, ParamType::Integer | ParamType::Number) {
            return Some(format!("has a `min` or `max`, but is {}", self.of_type.noun()));
        }
        if let (Some(min), Some(max)) = (self.min, self.max)
            && min > max
        {
            return Some("has a `min` above its `max`".to_owned());
        }
        let odd = self.choices.iter().find(|choice| !self.of_type.takes(choice))?;
        Some(format!("has the choice `{odd}`, which is not {}", self.of_type.noun()))
    }

    /// Tells what is wrong with `value`, as a fragment such as "is not a number".
    pub fn refuse(&self, value: &Value) -> Option<String> {
        if !self.of_type.takes(value) {
            return Some(format!("is not {}", self.of_type.noun()));
        }
        if !self.choices.is_empty() && !self.choices.contains(value) {
            let choices: Vec<String> =
                self.choices.iter().map(|choice| format!("`{choice}`")).collect();
            return Some(format!("is none of {}", choices.join(", ")));
        }
        let number = value.as_f64()?;
        match (self.min, self.max) {
            (Some(min), _) if number < min => Some(format!("is less than {min}")),
            (_, Some(max)) if number > max => Some(format!("is more than {max}")),
            (_, _) => None,
        }
    }
}

impl ParamSpec {
    /// Reads a value that a person typed: as text where the type is one, as YAML otherwise. The fault is a fragment
    /// such as "is not a number".
    pub fn read(&self, text: &str) -> Result<Value, String> {
        let value = match self.of_type {
            ParamType::String | ParamType::Duration | ParamType::Timestamp => {
                Value::String(text.to_owned())
            }
            ParamType::Integer
            | ParamType::Number
            | ParamType::Boolean
            | ParamType::List
            | ParamType::Map => {
                let source = Arc::new(SourceText::new("parameter".to_owned(), text.to_owned()));
                yaml::parse(&source)
                    .map_err(|problem| format!("cannot be read: {}", problem.what))?
                    .to_json()
            }
        };
        match self.refuse(&value) {
            Some(fault) => Err(fault),
            None if text.contains('\0') => Err("holds a NUL character".to_owned()),
            None => Ok(value),
        }
    }
}

impl<'de> Deserialize<'de> for ParamSpec {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        if !value.is_object() {
            return Ok(Self {
                of_type: ParamType::of(&value),
                default: Some(value),
                description: None,
                choices: Vec::new(),
                min: None,
                max: None,
            });
        }
        let Long { of_type, default, description, choices, min, max } =
            serde_json::from_value(value).map_err(serde::de::Error::custom)?;
        Ok(Self { of_type, default, description, choices, min, max })
    }
}

impl JsonSchema for ParamSpec {
    fn schema_name() -> Cow<'static, str> {
        "ParamSpec".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let long = Long::json_schema(generator);
        json_schema!({
            "description": "A default, whose type is then the parameter's type, or a declaration.",
            "anyOf": [{ "type": ["string", "number", "boolean", "array"] }, long],
        })
    }
}
