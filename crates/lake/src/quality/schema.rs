//! The JSON Schema that editors complete and check a checks file with.

use serde_json::{Map, Value, json};

use super::document::ChecksFile;
use crate::checks;

/// The schema of checks files: the keys of [`ChecksFile`], and for each kind of check its parameters.
pub fn json_schema() -> Value {
    let mut schema = schemars::schema_for!(ChecksFile).to_value();
    let mut definitions = Map::new();
    let mut choices = Vec::new();
    let mut named = Vec::new();
    for kind in checks::all() {
        let mut parameters = kind.schema();
        if let Some(inner) = parameters.as_object_mut() {
            inner.remove("$schema");
            inner.remove("title");
            if let Some(Value::Object(shared)) = inner.remove("$defs") {
                definitions.extend(shared);
            }
        }
        let needed = parameters.get("required").is_some();
        let definition = format!("with_{}", kind.name);
        definitions.insert(definition.clone(), parameters);
        let required = if needed { json!(["with"]) } else { json!([]) };
        choices.push(json!({
            "if": { "properties": { "check": { "const": kind.name } }, "required": ["check"] },
            "then": {
                "properties": { "with": { "$ref": format!("#/$defs/{definition}") } },
                "required": required,
            },
        }));
        named.push(json!({ "const": kind.name, "description": kind.about }));
    }
    let item = &mut schema["$defs"]["CheckItem"];
    item["properties"]["check"]["oneOf"] = Value::Array(named);
    item["allOf"] = Value::Array(choices);
    if let Some(known) = schema["$defs"].as_object_mut() {
        known.extend(definitions);
    }
    schema
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn references(value: &Value, found: &mut BTreeSet<String>) {
        match value {
            Value::Object(fields) => {
                found.extend(fields.get("$ref").and_then(Value::as_str).map(str::to_owned));
                fields.values().for_each(|value| references(value, found));
            }
            Value::Array(values) => values.iter().for_each(|value| references(value, found)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }

    #[test]
    fn every_kind_has_its_parameters_and_nothing_points_nowhere() {
        let schema = json_schema();

        let mut found = BTreeSet::new();
        references(&schema, &mut found);
        for reference in &found {
            let path = reference.strip_prefix('#').unwrap();
            assert!(schema.pointer(path).is_some(), "{reference}");
        }
        for kind in checks::all() {
            assert!(found.contains(&format!("#/$defs/with_{}", kind.name)), "{}", kind.name);
        }
        assert_eq!(schema["$defs"]["CheckItem"]["additionalProperties"], json!(false));
    }
}
