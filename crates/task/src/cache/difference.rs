//! How the parts of two results differ.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tidemill_dag::names::{KindName, PortName};
use tidemill_dag::time::DataInterval;

use super::parts::CacheParts;
use crate::hash::ContentHash;

/// A value before and after, as people read them; `None` where there was or is none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// What it was.
    pub was: Option<String>,
    /// What it is.
    pub is: Option<String>,
}

/// One part in which a task differs from an earlier one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "part", rename_all = "snake_case")]
pub enum Difference {
    /// The kind.
    Kind {
        /// What it was.
        was: KindName,
        /// What it is.
        is: KindName,
    },
    /// The version of the kind.
    Version {
        /// The kind.
        kind: KindName,
        /// What it was.
        was: u32,
        /// What it is.
        is: u32,
    },
    /// A parameter.
    Param {
        /// Its name; that of a value inside of it has dots.
        name: String,
        /// Its values.
        change: Change,
    },
    /// A parameter whose value is not kept.
    HiddenParam {
        /// Its name.
        name: String,
    },
    /// The artefacts of an input.
    Input {
        /// The port.
        port: PortName,
        /// What they were.
        was: Vec<ContentHash>,
        /// What they are.
        is: Vec<ContentHash>,
    },
    /// The member of a list that it stands for.
    Item {
        /// Its values.
        change: Change,
    },
    /// What the run is about.
    Interval {
        /// What it was.
        was: DataInterval,
        /// What it is.
        is: DataInterval,
    },
}

/// How long a value may be in an explanation.
const LONGEST_VALUE: usize = 60;

impl CacheParts {
    /// In which parts this differs from an earlier task of the same path; none if in nothing that a person could name.
    pub fn differences_from(&self, earlier: &Self) -> Vec<Difference> {
        let mut found = Vec::new();
        if self.kind != earlier.kind {
            found.push(Difference::Kind { was: earlier.kind.clone(), is: self.kind.clone() });
        } else if self.version != earlier.version {
            let kind = self.kind.clone();
            found.push(Difference::Version { kind, was: earlier.version, is: self.version });
        }
        self.compare_params(earlier, &mut found);
        let ports = self
            .inputs
            .keys()
            .chain(earlier.inputs.keys().filter(|port| !self.inputs.contains_key(*port)));
        for port in ports {
            let hashes = |parts: &Self| parts.inputs.get(port).cloned().unwrap_or_default();
            let (was, is) = (hashes(earlier), hashes(self));
            if was != is {
                found.push(Difference::Input { port: port.clone(), was, is });
            }
        }
        if !is_same(self.item.as_ref(), earlier.item.as_ref()) {
            let change = Change::of(earlier.item.as_ref(), self.item.as_ref());
            found.push(Difference::Item { change });
        }
        if self.interval != earlier.interval {
            found.push(Difference::Interval { was: earlier.interval, is: self.interval });
        }
        found
    }

    fn compare_params(&self, earlier: &Self, found: &mut Vec<Difference>) {
        let mut changed = Vec::new();
        compare("", Some(&earlier.params), Some(&self.params), &mut changed);
        for (name, change) in changed {
            let is_hidden = self.hidden.contains(&name) || earlier.hidden.contains(&name);
            found.push(if is_hidden {
                Difference::HiddenParam { name }
            } else {
                Difference::Param { name, change }
            });
        }
    }
}

impl Change {
    fn of(was: Option<&Value>, is: Option<&Value>) -> Self {
        Self { was: was.map(shown), is: is.map(shown) }
    }
}

/// Goes down into mappings and lists, so that a change deep inside is told by its own name.
fn compare(name: &str, was: Option<&Value>, is: Option<&Value>, found: &mut Vec<(String, Change)>) {
    match (was, is) {
        (Some(Value::Object(was)), Some(Value::Object(is))) => {
            let gone = was.keys().filter(|key| !is.contains_key(*key));
            for key in is.keys().chain(gone) {
                let inner = if name.is_empty() { key.clone() } else { format!("{name}.{key}") };
                compare(&inner, was.get(key), is.get(key), found);
            }
        }
        // In lists of different lengths nobody knows which member became which.
        (Some(Value::Array(was)), Some(Value::Array(is))) if was.len() == is.len() => {
            for (place, (was, is)) in was.iter().zip(is).enumerate() {
                compare(&format!("{name}[{place}]"), Some(was), Some(is), found);
            }
        }
        (was, is) if is_same(was, is) => {}
        (was, is) => found.push((name.to_owned(), Change::of(was, is))),
    }
}

/// The database keeps the value of a number, not how it was written.
fn is_same(was: Option<&Value>, is: Option<&Value>) -> bool {
    match (was, is) {
        (Some(Value::Number(was)), Some(Value::Number(is))) => {
            was == is || was.as_f64() == is.as_f64()
        }
        (was, is) => was == is,
    }
}

fn shown(value: &Value) -> String {
    let text = match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    if text.chars().count() <= LONGEST_VALUE {
        return text;
    }
    let start: String = text.chars().take(LONGEST_VALUE - 1).collect();
    format!("{start}…")
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kind { was, is } => write!(f, "kind was `{was}`, is `{is}`"),
            Self::Version { kind, was, is } => {
                write!(f, "kind `{kind}` was version {was}, is {is}")
            }
            Self::Param { name, change } if name.is_empty() => write!(f, "params {change}"),
            Self::Param { name, change } => write!(f, "param `{name}` {change}"),
            Self::HiddenParam { name } => {
                write!(f, "param `{name}` changed (it reads the environment and is not shown)")
            }
            Self::Input { port, was, is } => match (was.as_slice(), is.as_slice()) {
                ([was], [is]) => {
                    write!(f, "input `{port}` changed: {} → {}", short(*was), short(*is))
                }
                (was, is) if was.len() == is.len() => {
                    let changed = was.iter().zip(is).filter(|(was, is)| was != is).count();
                    write!(f, "input `{port}` changed in {changed} of {} artefacts", is.len())
                }
                (was, is) => {
                    write!(f, "input `{port}` had {} artefacts, has {}", was.len(), is.len())
                }
            },
            Self::Item { change } => write!(f, "item {change}"),
            Self::Interval { was, is } => write!(f, "interval was {was}, is {is}"),
        }
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.was, &self.is) {
            (Some(was), Some(is)) => write!(f, "was {was}, is {is}"),
            (None, Some(is)) => write!(f, "is new: {is}"),
            (Some(was), None) => write!(f, "is gone, was {was}"),
            (None, None) => f.write_str("is the same"),
        }
    }
}

/// Enough of a hash to tell it from others.
fn short(hash: ContentHash) -> String {
    hash.to_string().chars().take(8).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::Assignment;

    fn parts(params: Value) -> CacheParts {
        CacheParts::of(&Assignment::example("tune", params), 2, None, Some(json!("oslo")))
    }

    fn words(differences: &[Difference]) -> String {
        differences.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn each_part_that_differs_is_named_with_what_it_was() {
        let earlier = parts(
            json!({ "horizon": "60m", "space": { "depth": 4, "rate": 0.1 }, "old": 1, "token": "x", "argv": ["a", "b"] }),
        );
        let mut now = parts(
            json!({ "horizon": "30m", "space": { "depth": 6, "rate": 0.1 }, "new": [1], "token": "y", "argv": ["a", "c"] }),
        );
        now.version = 3;
        now.hidden.insert("token".into());
        now.item = Some(json!("bergen"));
        now.interval.end += chrono::TimeDelta::days(1);
        let hash = |text: &str| ContentHash::of(text.as_bytes());
        let mut earlier = earlier;
        for (port, was, is) in [
            ("table", vec!["a"], vec!["b"]),
            ("parts", vec!["a", "b"], vec!["a", "c"]),
            ("extra", vec![], vec!["a"]),
        ] {
            let hashes = |texts: Vec<&str>| texts.into_iter().map(hash).collect();
            earlier.inputs.insert(port.parse().unwrap(), hashes(was));
            now.inputs.insert(port.parse().unwrap(), hashes(is));
        }

        insta::assert_snapshot!(words(&now.differences_from(&earlier)));
    }

    #[test]
    fn the_same_parts_differ_in_nothing_also_after_a_number_lost_its_writing() {
        let (now, earlier) = (parts(json!({ "rate": 100.0 })), parts(json!({ "rate": 100 })));

        assert_eq!(now.differences_from(&earlier), []);
    }

    #[test]
    fn a_long_value_is_cut() {
        let (earlier, now) =
            (parts(json!({ "sql": "a" })), parts(json!({ "sql": "é".repeat(500) })));

        let told = words(&now.differences_from(&earlier));

        assert_eq!(told.chars().count(), "param `sql` was a, is ".chars().count() + 60, "{told}");
    }
}
