//! Parameters of a kind: from JSON to its type, with every mistake in its place.

use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_path_to_error::{Path, Segment};
use tidemill_dag::catalog::{Objection, Objections};
use tidemill_dag::problem::suggest;
use tidemill_dag::template::has_template;

/// Reads parameters; unknown names are all reported, before anything else.
pub(crate) fn read<P: DeserializeOwned>(
    schema: &Value,
    params: Value,
) -> Result<P, Vec<Objection>> {
    let mut objections = Objections::default();
    object_to_unknown_names(schema, &params, &mut objections);
    let objections = objections.into_vec();
    if !objections.is_empty() {
        return Err(objections);
    }
    serde_path_to_error::deserialize(params).map_err(|error| {
        let at = pointer(error.path());
        vec![Objection { at, what: error.into_inner().to_string(), hint: None }]
    })
}

/// Tells whether some text inside `value` is still a template.
pub(crate) fn holds_template(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
        Value::String(text) => has_template(text),
        Value::Array(list) => list.iter().any(holds_template),
        Value::Object(map) => map.values().any(holds_template),
    }
}

/// All objections in one line, each with its place and hint.
pub(crate) fn in_one_line(objections: &[Objection]) -> String {
    let lines = objections.iter().map(|Objection { at, what, hint }| {
        let place = if at.is_empty() { String::new() } else { format!("at `{at}`: ") };
        let hint = hint.as_ref().map(|hint| format!(" ({hint})")).unwrap_or_default();
        format!("{place}{what}{hint}")
    });
    lines.collect::<Vec<_>>().join("; ")
}

fn object_to_unknown_names(schema: &Value, params: &Value, objections: &mut Objections) {
    let (Some(known), Some(given)) = (schema["properties"].as_object(), params.as_object()) else {
        return;
    };
    for name in given.keys().filter(|name| !known.contains_key(*name)) {
        let hint = suggest(name, "parameters", known.keys().map(String::as_str));
        objections.add(format!("/{}", escape(name)), format!("unknown parameter `{name}`"), hint);
    }
}

/// A path as a JSON pointer (RFC 6901).
fn pointer(path: &Path) -> String {
    let step = |segment: &Segment| match segment {
        Segment::Seq { index } => format!("/{index}"),
        Segment::Map { key } => format!("/{}", escape(key)),
        Segment::Enum { variant } => format!("/{}", escape(variant)),
        Segment::Unknown => String::new(),
    };
    path.iter().map(step).collect()
}

fn escape(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde_json::json;

    use super::*;

    #[derive(Debug, Deserialize, schemars::JsonSchema)]
    #[serde(deny_unknown_fields)]
    struct Params {
        #[expect(dead_code, reason = "only its place is of interest")]
        sources: Vec<u8>,
    }

    fn mistakes(params: Value) -> String {
        let schema = schemars::schema_for!(Params).to_value();
        in_one_line(&read::<Params>(&schema, params).unwrap_err())
    }

    #[test]
    fn a_mistake_says_where_it_is() {
        let mistakes = mistakes(json!({ "sources": [1, "two"] }));

        assert_eq!(mistakes, "at `/sources/1`: invalid type: string \"two\", expected u8");
    }

    #[test]
    fn all_unknown_names_are_told_with_a_hint_each() {
        let mistakes = mistakes(json!({ "source": [], "a/b": 1 }));

        assert_eq!(
            mistakes,
            "at `/a~1b`: unknown parameter `a/b` (known parameters are `sources`); \
             at `/source`: unknown parameter `source` (did you mean `sources`?)"
        );
    }

    #[test]
    fn templates_are_found_at_any_depth() {
        assert!(holds_template(&json!({ "a": [1, { "b": "x{{ params.y }}" }] })));
        assert!(!holds_template(&json!({ "a": [1, { "b": "x" }] })));
    }
}
