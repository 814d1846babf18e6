//! The JSON Schema that editors check and complete DAG files with: the grammar, and the parameters of each kind.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::catalog::Signature;
use crate::load::SCHEMA;

/// Joins the grammar with the parameters of all kinds, each under `with` where `uses` names it.
pub fn schema_for_editors(kinds: &BTreeMap<&'static str, Signature>) -> Value {
    let mut schema = SCHEMA.clone();
    let mut choices = Vec::new();
    for kind in kinds.values() {
        let definition = format!("with_{}", kind.name);
        let mut params = (*kind.params).clone();
        move_references(&mut params, &format!("#/$defs/{definition}"));
        allow_templates(&mut params);
        let needs_with =
            params.get("required").and_then(Value::as_array).is_some_and(|keys| !keys.is_empty());
        let required = if needs_with { json!(["with"]) } else { json!([]) };
        choices.push(json!({
            "if": { "properties": { "uses": { "const": kind.name } }, "required": ["uses"] },
            "then": { "properties": { "with": { "$ref": format!("#/$defs/{definition}") } }, "required": required },
        }));
        schema["$defs"][definition] = params;
    }
    let task = &mut schema["$defs"]["TaskSpec"];
    let named =
        kinds.values().map(|kind| json!({ "const": kind.name, "description": kind.summary }));
    task["properties"]["uses"]["oneOf"] = named.collect();
    task["allOf"] = Value::Array(choices);
    schema
}

/// Definitions of a kind's schema move below that kind's own definition.
fn move_references(schema: &mut Value, to: &str) {
    match schema {
        Value::Object(map) => {
            map.remove("$schema");
            if let Some(Value::String(reference)) = map.get_mut("$ref")
                && let Some(rest) = reference.strip_prefix('#')
            {
                *reference = format!("{to}{rest}");
            }
            map.values_mut().for_each(|inner| move_references(inner, to));
        }
        Value::Array(list) => list.iter_mut().for_each(|inner| move_references(inner, to)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Any parameter may be written as a template, which becomes its real type when it is rendered.
fn allow_templates(schema: &mut Value) {
    let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) else {
        return;
    };
    for property in properties.values_mut() {
        let is_plain_text =
            property.get("type") == Some(&json!("string")) && property.get("enum").is_none();
        if is_plain_text || property.is_boolean() {
            continue;
        }
        let mut outer = Map::new();
        if let Some(description) = property.get("description") {
            outer.insert("description".to_owned(), description.clone());
        }
        let original = property.take();
        let template = json!({ "type": "string", "pattern": "\\{\\{" });
        outer.insert("anyOf".to_owned(), json!([original, template]));
        *property = Value::Object(outer);
    }
}
