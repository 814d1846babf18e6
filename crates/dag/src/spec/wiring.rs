//! How tasks hang together: wires between ports, trigger rules, conditions and lists.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use crate::names::{PortName, TaskName};

/// A text that is not an output of a task.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not an output of a task")]
pub struct BadWire {
    /// What was given.
    pub text: String,
}

impl BadWire {
    /// What a wire must look like.
    pub const HINT: &str = "write the task and its output port, such as `ingest.table`";
}

/// An output port of another task, written `ingest.table`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Wire {
    /// The task that makes the artefact.
    pub task: TaskName,
    /// Its output port.
    pub port: PortName,
}

impl FromStr for Wire {
    type Err = BadWire;

    fn from_str(text: &str) -> Result<Self, BadWire> {
        let bad = || BadWire { text: text.to_owned() };
        let (task, port) = text.split_once('.').ok_or_else(bad)?;
        Ok(Self { task: task.parse().map_err(|_| bad())?, port: port.parse().map_err(|_| bad())? })
    }
}

impl fmt::Display for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.task, self.port)
    }
}

impl TryFrom<String> for Wire {
    type Error = BadWire;

    fn try_from(text: String) -> Result<Self, BadWire> {
        text.parse()
    }
}

impl From<Wire> for String {
    fn from(wire: Wire) -> Self {
        wire.to_string()
    }
}

impl JsonSchema for Wire {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Wire".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "wire", "examples": ["ingest.table"] })
    }
}

/// What is wired to one input: an output, or several.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Wires(pub Vec<Wire>);

impl<'de> Deserialize<'de> for Wires {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        let list = if value.is_array() { value } else { Value::Array(vec![value]) };
        serde_json::from_value(list).map(Self).map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for Wires {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Wires".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let wire = Wire::json_schema(generator);
        json_schema!({ "anyOf": [wire, { "type": "array", "items": wire, "minItems": 1 }] })
    }
}

/// Which ends of the tasks that it needs let a task run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TriggerRule {
    /// All of them succeeded.
    #[default]
    AllSucceeded,
    /// All of them are over, however they ended.
    AllDone,
    /// One of them failed; the others may still run.
    OneFailed,
    /// All of them are over, and none failed or was cancelled: skipped ones do not hinder.
    NoneFailed,
    /// One of them succeeded; the others may still run.
    OneSucceeded,
}

impl TriggerRule {
    /// All rules.
    pub const ALL: [Self; 5] =
        [Self::AllSucceeded, Self::AllDone, Self::OneFailed, Self::NoneFailed, Self::OneSucceeded];

    /// The name in files and text.
    pub const fn label(self) -> &'static str {
        match self {
            Self::AllSucceeded => "all_succeeded",
            Self::AllDone => "all_done",
            Self::OneFailed => "one_failed",
            Self::NoneFailed => "none_failed",
            Self::OneSucceeded => "one_succeeded",
        }
    }
}

/// When a task runs: its rule, and an expression that must then be true.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct When {
    /// The rule.
    pub rule: TriggerRule,
    /// The expression over `outputs`, `params`, `interval`, `run` and `dag`.
    #[serde(rename = "if", skip_serializing_if = "Option::is_none")]
    pub condition: Option<String>,
}

/// The long form of [`When`].
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Long {
    /// Which ends of the tasks that it needs let the task run.
    #[serde(default)]
    rule: TriggerRule,
    /// An expression that must then be true, such as `outputs.drift.score > 0.2`.
    #[serde(rename = "if")]
    #[schemars(extend("format" = "expression"))]
    condition: Option<String>,
}

impl When {
    /// Tells whether nothing was asked for.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

impl<'de> Deserialize<'de> for When {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::String(text) => {
                match TriggerRule::ALL.into_iter().find(|rule| rule.label() == text) {
                    Some(rule) => Ok(Self { rule, condition: None }),
                    None => Ok(Self { rule: TriggerRule::default(), condition: Some(text) }),
                }
            }
            value => {
                let Long { rule, condition } =
                    serde_json::from_value(value).map_err(serde::de::Error::custom)?;
                Ok(Self { rule, condition })
            }
        }
    }
}

impl JsonSchema for When {
    fn schema_name() -> Cow<'static, str> {
        "When".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let (rule, long) = (TriggerRule::json_schema(generator), Long::json_schema(generator));
        json_schema!({
            "description": "A trigger rule, an expression over outputs, or both as `{ rule, if }`.",
            "anyOf": [rule, { "type": "string", "format": "expression" }, long],
        })
    }
}

/// The list that a task is mapped over: written out, or an expression that gives it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Value", into = "Value")]
pub enum ForEach {
    /// The members themselves.
    List(Vec<Value>),
    /// An expression such as `outputs.plan.sites` or `params.sites`.
    Expression(String),
}

impl TryFrom<Value> for ForEach {
    type Error = &'static str;

    fn try_from(value: Value) -> Result<Self, Self::Error> {
        match value {
            Value::Array(list) => Ok(Self::List(list)),
            Value::String(text) => Ok(Self::Expression(text)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => {
                Err("expected a list or an expression")
            }
        }
    }
}

impl From<ForEach> for Value {
    fn from(for_each: ForEach) -> Self {
        match for_each {
            ForEach::List(list) => Self::Array(list),
            ForEach::Expression(text) => Self::String(text),
        }
    }
}

impl JsonSchema for ForEach {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "ForEach".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "anyOf": [{ "type": "string", "format": "expression" }, { "type": "array", "items": true }] })
    }
}
