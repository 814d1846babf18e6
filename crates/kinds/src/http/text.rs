//! Texts that stand in a DAG, or that it only names: an environment variable of the worker.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::Error;
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use tidemill_task::{TaskContext, TaskError};

/// A text, or where it is found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Text {
    /// It is written in the DAG.
    Plain(String),
    /// It is the value of an environment variable that the worker lets DAGs name.
    Env(String),
}

/// Where the text is found.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Named {
    /// An environment variable of the worker, which `dags.env` of its configuration must name.
    env: String,
}

impl Text {
    /// The text itself.
    pub(super) fn resolve<'a>(&'a self, context: &'a TaskContext) -> Result<&'a str, TaskError> {
        match self {
            Self::Plain(text) => Ok(text),
            Self::Env(name) => context.variable(name),
        }
    }

    /// Whether it must not be shown.
    pub(super) const fn is_secret(&self) -> bool {
        matches!(self, Self::Env(_))
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::String(text) => Ok(Self::Plain(text)),
            other => {
                let Named { env } = serde_json::from_value(other).map_err(D::Error::custom)?;
                Ok(Self::Env(env))
            }
        }
    }
}

impl JsonSchema for Text {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Text".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let named = Named::json_schema(generator);
        json_schema!({ "anyOf": [{ "type": "string" }, named] })
    }
}
