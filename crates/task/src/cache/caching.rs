//! Whether a task's result may come from the cache at all.

use std::fmt;

use serde::{Deserialize, Serialize};
use tidemill_dag::names::KindName;
use tidemill_dag::plan::Node;
use tidemill_dag::spec::CacheRule;
use tidemill_dag::time::Lapse;

use crate::kind::Policy;

/// Whether a task's result may come from the cache.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Caching {
    /// It may.
    On {
        /// The age at which a result is too old.
        max_age: Option<Lapse>,
    },
    /// It may not, and nobody asks.
    Off(Uncached),
}

/// Why a task's result never comes from the cache.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "because", rename_all = "snake_case")]
pub enum Uncached {
    /// Its kind always runs, and the task does not say that it need not.
    Kind {
        /// The kind.
        kind: KindName,
    },
    /// The task says so.
    Task,
    /// The defaults of its workflow say so.
    Defaults,
}

impl Caching {
    /// What holds for a task of a kind that is, or descends from, a node: the task's own word, then the defaults, then the
    /// kind's policy.
    ///
    /// A word of the task's own is about its own kind: it declares nothing about the kinds of its children.
    pub fn of(node: &Node, kind: &KindName, policy: Policy) -> Self {
        let rule = node.limits.cache;
        let is_own_word = node.spec.cache.is_some();
        let is_declared = is_own_word && node.spec.uses == *kind;
        match rule {
            CacheRule::Off if is_own_word => Self::Off(Uncached::Task),
            CacheRule::Off => Self::Off(Uncached::Defaults),
            CacheRule::On | CacheRule::Within(_) if is_declared || policy.is_cacheable => {
                Self::On { max_age: rule.max_age() }
            }
            CacheRule::On | CacheRule::Within(_) => {
                Self::Off(Uncached::Kind { kind: kind.clone() })
            }
        }
    }
}

impl fmt::Display for Uncached {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kind { kind } => {
                write!(f, "not cacheable: `{kind}` always runs, unless its task says `cache: true`")
            }
            Self::Task => f.write_str("not cached: the task says `cache: false`"),
            Self::Defaults => f.write_str("not cached: the defaults say `cache: false`"),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use tidemill_dag::plan::Plan;
    use tidemill_dag::state::TaskIndex;

    use super::*;

    fn caching(defaults: &Value, task: &Value, kind: &str, is_cacheable: bool) -> String {
        let mut dag =
            json!({ "dag": "test", "defaults": defaults, "tasks": { "a": { "uses": "own" } } });
        if !task.is_null() {
            dag["tasks"]["a"]["cache"] = task.clone();
        }
        let plan = Plan::new(&serde_json::from_value(dag).unwrap()).unwrap();
        let policy = Policy { is_cacheable };
        match Caching::of(plan.node(TaskIndex(0)), &kind.parse().unwrap(), policy) {
            Caching::On { max_age: None } => "on".to_owned(),
            Caching::On { max_age: Some(age) } => format!("on up to {age}"),
            Caching::Off(why) => why.to_string(),
        }
    }

    #[test]
    fn the_task_speaks_before_the_defaults_and_both_before_the_kind() {
        let (none, week) = (json!({}), json!({ "cache": { "max_age": "7d" } }));
        let off = json!({ "cache": false });
        let table = [
            (caching(&none, &Value::Null, "own", true), "on"),
            (caching(&week, &Value::Null, "own", true), "on up to 1w"),
            (caching(&off, &json!(true), "own", true), "on"),
            (
                caching(&off, &Value::Null, "own", true),
                "not cached: the defaults say `cache: false`",
            ),
            (
                caching(&none, &json!(false), "own", true),
                "not cached: the task says `cache: false`",
            ),
        ];
        for (found, expected) in table {
            assert_eq!(found, expected);
        }
    }

    #[test]
    fn a_kind_with_effects_needs_the_word_of_its_own_task() {
        let refused = "not cacheable: `own` always runs, unless its task says `cache: true`";
        let (none, on) = (json!({}), json!({ "cache": true }));

        assert_eq!(caching(&none, &Value::Null, "own", false), refused);
        assert_eq!(caching(&on, &Value::Null, "own", false), refused);
        assert_eq!(caching(&none, &json!({ "max_age": "1h" }), "own", false), "on up to 1h");
        assert!(caching(&none, &json!(true), "child", false).contains("`child` always runs"));
    }
}
