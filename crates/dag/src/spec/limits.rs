//! What bounds a task: its pool, retries and timeouts, and where it takes them from.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use super::{CacheRule, Retries, TaskSpec};
use crate::names::PoolName;
use crate::time::Lapse;

/// What tasks take where they say nothing themselves.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// The pool of worker slots.
    #[serde(default = "default_pool")]
    pub pool: PoolName,
    /// How many slots of the pool a task takes.
    #[serde(default = "one")]
    #[schemars(range(min = 1, max = 1024))]
    pub slots: u32,
    /// Higher goes first among the ready tasks of a pool.
    #[serde(default)]
    #[schemars(range(min = -1000, max = 1000))]
    pub priority: i32,
    /// How often a task is tried again after a failure of its own, and after which pause.
    #[serde(default)]
    pub retries: Retries,
    /// How long a task may take.
    #[serde(default)]
    pub timeout: Timeouts,
    /// Whether an earlier result for the same inputs may stand in for a new run: `true`, `false`, or `max_age`. It holds
    /// for kinds that are functions of their inputs; others must say so at the task.
    #[serde(default = "on")]
    pub cache: CacheRule,
}

fn default_pool() -> PoolName {
    PoolName::new("default").expect("`default` is a name")
}

const fn one() -> u32 {
    1
}

const fn on() -> CacheRule {
    CacheRule::On
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            pool: default_pool(),
            slots: one(),
            priority: 0,
            retries: Retries::default(),
            timeout: Timeouts::default(),
            cache: on(),
        }
    }
}

impl Limits {
    /// What holds for `task`: its own words first, these defaults for the rest.
    #[must_use]
    pub fn of(&self, task: &TaskSpec) -> Self {
        let timeout = task.timeout.clone().unwrap_or_default();
        Self {
            pool: task.pool.as_ref().unwrap_or(&self.pool).clone(),
            slots: task.slots.unwrap_or(self.slots),
            priority: task.priority.unwrap_or(self.priority),
            retries: task.retries.as_ref().unwrap_or(&self.retries).clone(),
            timeout: Timeouts {
                queued: timeout.queued.or(self.timeout.queued),
                running: timeout.running.or(self.timeout.running),
                heartbeat: timeout.heartbeat.or(self.timeout.heartbeat),
            },
            cache: task.cache.unwrap_or(self.cache),
        }
    }
}

/// How long a task may wait, run, and stay silent. Written as one length, it is the time to run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Timeouts {
    /// From ready to claimed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub queued: Option<Lapse>,
    /// From claimed to finished, for one attempt.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub running: Option<Lapse>,
    /// Between two signs of progress of the task's own work.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub heartbeat: Option<Lapse>,
}

/// The long form of [`Timeouts`].
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Long {
    /// From ready to claimed.
    queued: Option<Lapse>,
    /// From claimed to finished, for one attempt.
    running: Option<Lapse>,
    /// Between two signs of progress of the task's own work.
    heartbeat: Option<Lapse>,
}

impl<'de> Deserialize<'de> for Timeouts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        let read = |value| serde_json::from_value(value).map_err(serde::de::Error::custom);
        if value.is_string() {
            let running = serde_json::from_value(value).map_err(serde::de::Error::custom)?;
            return Ok(Self { running: Some(running), ..Self::default() });
        }
        let Long { queued, running, heartbeat } = read(value)?;
        Ok(Self { queued, running, heartbeat })
    }
}

impl JsonSchema for Timeouts {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Timeouts".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let (short, long) = (Lapse::json_schema(generator), Long::json_schema(generator));
        json_schema!({
            "description": "How long a task may take: a length of time for one attempt, or each of queued, running and heartbeat.",
            "anyOf": [short, long],
        })
    }
}
