//! What PostgreSQL cannot store: its texts, also inside of JSON, hold every character but NUL.

use std::sync::Arc;

use serde::Serialize;
use serde_json::{Map, Value};
use tidemill_dag::advance::Verdict;
use tidemill_dag::state::Child;

/// What stands in for a NUL: Unicode's replacement character.
const STAND_IN: &str = "\u{fffd}";

/// A value of our own as JSON that can be stored.
pub(crate) fn document(ours: &impl Serialize) -> Value {
    let json = serde_json::to_value(ours).expect("our own types become JSON");
    if is_plain(&json) { json } else { value(&json) }
}

/// The same verdict, as it can be stored: whatever a task prints, its end is accepted.
pub(crate) fn verdict(verdict: &Verdict) -> Verdict {
    match verdict {
        Verdict::Succeeded { output } if is_plain(output) => {
            Verdict::Succeeded { output: Arc::clone(output) }
        }
        Verdict::Succeeded { output } => Verdict::Succeeded { output: Arc::new(value(output)) },
        Verdict::Failed { error, retry } => Verdict::Failed { error: text(error), retry: *retry },
        Verdict::Expanded { children, state, on_child_failure } => Verdict::Expanded {
            children: children.iter().map(child).collect(),
            state: value(state),
            on_child_failure: *on_child_failure,
        },
        Verdict::Awaits { run, state } => Verdict::Awaits { run: *run, state: value(state) },
        Verdict::Cancelled => Verdict::Cancelled,
    }
}

fn child(child: &Child) -> Child {
    Child {
        with: child.with.as_ref().map(value),
        item: child.item.as_ref().map(value),
        ..child.clone()
    }
}

fn is_plain(value: &Value) -> bool {
    match value {
        Value::String(text) => !text.contains('\0'),
        Value::Array(list) => list.iter().all(is_plain),
        Value::Object(map) => map.iter().all(|(key, value)| !key.contains('\0') && is_plain(value)),
        Value::Null | Value::Bool(_) | Value::Number(_) => true,
    }
}

fn value(value: &Value) -> Value {
    match value {
        Value::String(words) => Value::String(text(words)),
        Value::Array(list) => Value::Array(list.iter().map(self::value).collect()),
        Value::Object(map) => {
            let entries = map.iter().map(|(key, value)| (text(key), self::value(value)));
            Value::Object(entries.collect::<Map<_, _>>())
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
    }
}

fn text(text: &str) -> String {
    text.replace('\0', STAND_IN)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_nul_is_replaced_wherever_it_stands() {
        let bad = json!({ "a\0": ["x\0y", { "b": "\0" }], "n": 1.5 });

        assert!(!is_plain(&bad));
        assert_eq!(
            value(&bad),
            json!({ "a\u{fffd}": ["x\u{fffd}y", { "b": "\u{fffd}" }], "n": 1.5 })
        );
    }
}
