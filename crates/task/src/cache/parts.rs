//! What a result depends on.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tidemill_dag::hash::content_hash;
use tidemill_dag::names::{DagName, KindName, PortName};
use tidemill_dag::state::TaskPath;
use tidemill_dag::template::names_in;
use tidemill_dag::time::DataInterval;

use crate::assignment::Assignment;
use crate::hash::ContentHash;

/// What a result depends on: two tasks with the same parts give the same result.
///
/// The DAG and the path are parts because seeds are drawn from them: a task of another name has other random numbers.
/// What it merely `needs` is none: that is order, and what it reads is in its inputs and parameters.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CacheParts {
    /// The DAG.
    pub dag: DagName,
    /// The task, with the labels of members and children.
    pub path: TaskPath,
    /// Its kind.
    pub kind: KindName,
    /// The version of the kind.
    pub version: u32,
    /// What the run is about, as instants: its zone shows in rendered parameters alone.
    pub interval: DataInterval,
    /// The parameters, rendered; the hash of the value for those in `hidden`.
    pub params: Value,
    /// The parameters whose templates read the environment, which may be secret.
    pub hidden: BTreeSet<String>,
    /// The content of the artefacts that it reads, by port and place.
    pub inputs: BTreeMap<PortName, Vec<ContentHash>>,
    /// The member of a list that it stands for.
    pub item: Option<Value>,
}

/// Stands in each key: raised when keys are made in another way, so that no old one is met by accident.
const FORMAT: u32 = 1;

impl CacheParts {
    /// The parts of an assignment, by the version of its kind, the templates that its parameters were rendered from, and
    /// the member of a list that it stands for.
    pub fn of(
        assignment: &Assignment,
        version: u32,
        templates: Option<&Map<String, Value>>,
        item: Option<Value>,
    ) -> Self {
        let hidden = templates.map(reading_environment).unwrap_or_default();
        let hashes = |(port, artifacts): (&PortName, &Vec<_>)| {
            let hashes = artifacts.iter().map(|artifact: &crate::ArtifactRef| artifact.sha256);
            (port.clone(), hashes.collect())
        };
        Self {
            dag: assignment.run.dag.clone(),
            path: assignment.path.clone(),
            kind: assignment.kind.clone(),
            version,
            interval: assignment.run.interval,
            params: hide(&assignment.params, &hidden),
            hidden,
            inputs: assignment.inputs.iter().map(hashes).collect(),
            // `null` and no item are the same to every reader.
            item: item.filter(|item| !item.is_null()),
        }
    }

    /// The key: the hash of all parts, whatever the order of keys in mappings.
    ///
    /// # Panics
    ///
    /// Never: a content hash is a SHA-256.
    pub fn key(&self) -> ContentHash {
        let hash = content_hash(&(FORMAT, self));
        hash.parse().expect("a content hash is a SHA-256")
    }
}

/// The parameters whose templates read the environment.
fn reading_environment(templates: &Map<String, Value>) -> BTreeSet<String> {
    let reads = |value: &Value| {
        names_in(value).iter().any(|path| path.first().is_some_and(|root| root == "env"))
    };
    let names = templates.iter().filter(|(_, value)| reads(value));
    names.map(|(name, _)| name.clone()).collect()
}

fn hide(params: &Value, hidden: &BTreeSet<String>) -> Value {
    match params {
        Value::Null => Value::Object(Map::new()),
        Value::Object(map) => {
            let shown = map.iter().map(|(name, value)| {
                let is_hidden = hidden.contains(name);
                let value = if is_hidden { content_hash(value).into() } else { value.clone() };
                (name.clone(), value)
            });
            Value::Object(shown.collect())
        }
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn parts(params: Value) -> CacheParts {
        CacheParts::of(&Assignment::example("noop", params), 1, None, None)
    }

    #[test]
    fn no_parameters_and_an_empty_mapping_are_the_same() {
        assert_eq!(parts(Value::Null).key(), parts(json!({})).key());
    }

    /// A key that changes makes every result of every installation run again.
    #[test]
    fn the_key_of_a_task_never_changes_between_releases() {
        let key = parts(json!({ "horizon": "60m" })).key();

        assert_eq!(
            key.to_string(),
            "62af6f62afce10a50e03b499b48d7517fce9b2e61cc1c2804dc775b79df86db1"
        );
    }

    #[test]
    fn the_run_and_the_attempt_are_no_parts() {
        let mut assignment = Assignment::example("noop", json!({}));
        assignment.attempt = assignment.attempt.next();
        assignment.run.run = tidemill_dag::ids::RunId::generate();
        assignment.run.kind = tidemill_dag::state::RunKind::Backfill;

        let other = CacheParts::of(&assignment, 1, None, None);

        assert_eq!(other.key(), parts(json!({})).key());
    }

    #[test]
    fn what_comes_from_the_environment_counts_and_is_not_kept() {
        let templates = json!({ "token": "Bearer {{ env.TOKEN }}", "site": "{{ params.site }}" });
        let templates = templates.as_object().unwrap();
        let with = |token: &str| {
            let params = json!({ "token": token, "site": "oslo" });
            CacheParts::of(&Assignment::example("http", params), 1, Some(templates), None)
        };

        let kept = serde_json::to_string(&with("Bearer s3cret")).unwrap();

        assert!(!kept.contains("s3cret") && kept.contains("oslo"), "{kept}");
        assert_eq!(with("a").key(), with("a").key());
        assert_ne!(with("a").key(), with("b").key());
    }

    #[test]
    fn the_place_of_an_artefact_in_its_port_counts() {
        let with = |hashes: &[&str]| {
            let hashes = hashes.iter().map(|text| ContentHash::of(text.as_bytes())).collect();
            CacheParts { inputs: [("parts".parse().unwrap(), hashes)].into(), ..parts(json!({})) }
        };

        assert_ne!(with(&["a", "b"]).key(), with(&["b", "a"]).key());
        assert_ne!(with(&[]).key(), parts(json!({})).key());
    }

    fn json_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            "[a-z]{0,4}".prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 16, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map("[a-z]{1,3}", inner, 0..4)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    /// The same value with the keys of all mappings put in the other way round.
    fn reversed(value: &Value) -> String {
        match value {
            Value::Object(map) => {
                let entries = map.iter().rev();
                let entries = entries.map(|(key, value)| format!("{key:?}: {}", reversed(value)));
                format!("{{{}}}", entries.collect::<Vec<_>>().join(", "))
            }
            Value::Array(list) => {
                format!("[{}]", list.iter().map(reversed).collect::<Vec<_>>().join(", "))
            }
            leaf => leaf.to_string(),
        }
    }

    proptest! {
        #[test]
        fn the_order_of_keys_does_not_matter(params in json_value()) {
            let other: Value = serde_json::from_str(&reversed(&params)).unwrap();

            prop_assert_eq!(parts(params).key(), parts(other).key());
        }

        #[test]
        fn parts_that_were_kept_have_the_key_that_they_had(params in json_value(), item in json_value()) {
            let parts = CacheParts { item: Some(item), ..parts(params) };

            let kept: CacheParts =
                serde_json::from_value(serde_json::to_value(&parts).unwrap()).unwrap();

            prop_assert_eq!(kept.key(), parts.key());
        }

        #[test]
        fn any_change_of_a_part_changes_the_key(
            one in json_value(), other in json_value(), number in 0usize..7
        ) {
            prop_assume!(one != other);
            let base = CacheParts { item: Some(one.clone()), ..parts(json!({ "a": one })) };
            let hash = |value: &Value| ContentHash::of(value.to_string().as_bytes());
            let mut changed = base.clone();
            match number {
                0 => changed.params = json!({ "a": other }),
                1 => changed.item = Some(other),
                2 => changed.version += 1,
                3 => changed.kind = "sleep".parse().unwrap(),
                4 => changed.path = changed.path.child("0"),
                5 => changed.interval.end += chrono::TimeDelta::microseconds(1),
                _ => {
                    changed.inputs.insert("table".parse().unwrap(), vec![hash(&other)]);
                }
            }

            prop_assert_ne!(base.key(), changed.key());
        }
    }
}
