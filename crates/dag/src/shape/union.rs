//! Schemas with several branches: which of them a value means.

use serde_json::Value;

use super::{Shape, formats};
use crate::problem::Problems;
use crate::yaml::{Content, Node};

/// The branches of a union.
pub(super) fn branches(schema: &Value) -> Option<&Vec<Value>> {
    schema.get("anyOf").or_else(|| schema.get("oneOf")).and_then(Value::as_array)
}

/// Tells whether the schema takes values of this type.
pub(super) fn takes_type(schema: &Value, node: &Node) -> bool {
    match schema.get("type") {
        None => true,
        Some(Value::Array(types)) => {
            types.iter().filter_map(Value::as_str).any(|name| is_type(name, node))
        }
        Some(other) => other.as_str().is_none_or(|name| is_type(name, node)),
    }
}

fn is_type(name: &str, node: &Node) -> bool {
    match (name, &node.content) {
        ("integer", Content::Number(number)) => !number.is_f64(),
        ("null", Content::Null)
        | ("boolean", Content::Bool(_))
        | ("number", Content::Number(_))
        | ("string", Content::Text(_))
        | ("array", Content::List(_))
        | ("object", Content::Map(_)) => true,
        (_, _) => false,
    }
}

/// What values of the schema are called in a sentence.
pub(super) fn nouns(schema: &Value) -> String {
    let noun = |name: &str| match name {
        "integer" => "a whole number",
        "null" => "nothing",
        "boolean" => "`true` or `false`",
        "number" => "a number",
        "string" => "a text",
        "array" => "a list",
        _ => "a mapping",
    };
    let names: Vec<&str> = match schema.get("type") {
        Some(Value::Array(types)) => {
            types.iter().filter_map(Value::as_str).filter(|name| *name != "null").collect()
        }
        Some(Value::String(name)) if name != "null" => vec![name],
        _ => Vec::new(),
    };
    names.into_iter().map(noun).collect::<Vec<_>>().join(" or ")
}

/// Values that would fit, where the schema gives some.
pub(super) fn examples(schema: &Value) -> Option<String> {
    let examples = schema.get("examples").and_then(Value::as_array)?;
    let shown = |example: &Value| match example.as_str() {
        Some(text) => format!("`{text}`"),
        None => format!("`{example}`"),
    };
    let examples: Vec<String> = examples.iter().map(shown).collect();
    (!examples.is_empty()).then(|| format!("write it like {}", examples.join(", ")))
}

impl<'a> Shape<'a> {
    /// Compares with the branch that the value means; where none fits, tells what would.
    pub(super) fn visit_union(&mut self, branches: &'a [Value], node: &Node, name: &str) {
        let resolved: Vec<&'a Value> = branches.iter().map(|branch| self.resolve(branch)).collect();
        let constants: Vec<&str> = resolved.iter().flat_map(|branch| constants(branch)).collect();
        if node.as_text().is_some_and(|text| constants.contains(&text)) {
            return;
        }
        let is_open =
            |branch: &&&'a Value| self::constants(branch).is_empty() && takes_type(branch, node);
        let fitting: Vec<&'a Value> = resolved.iter().filter(is_open).copied().collect();
        match (fitting.as_slice(), node.as_text()) {
            ([], Some(text)) if !constants.is_empty() => {
                let fault = formats::unknown(text, &constants);
                self.refuse(node, fault.what, fault.hint);
            }
            ([], _) => {
                let nouns: Vec<String> = resolved
                    .iter()
                    .map(|branch| nouns(branch))
                    .filter(|noun| !noun.is_empty())
                    .collect();
                let what = format!(
                    "{name} must be {}, but is {}",
                    unique(nouns).join(" or "),
                    node.noun()
                );
                let hint = resolved.iter().find_map(|branch| examples(branch));
                self.refuse(node, what, hint);
            }
            ([only], _) => self.visit(only, node, name),
            (several, _) => self.visit_tagged(several, node, name),
        }
    }

    /// Mappings that tell their branch by the constant of a key.
    fn visit_tagged(&mut self, branches: &[&'a Value], node: &Node, name: &str) {
        let Some((key, _)) = branches.iter().find_map(|branch| tag(branch)) else {
            return self.visit_first_fitting(branches, node, name);
        };
        let Some((_, value)) = node.entry(key) else {
            return self.refuse(node, format!("{name} lacks the key `{key}`"), None);
        };
        let meant =
            branches.iter().find(|branch| tag(branch).map(|(_, value)| value) == value.as_text());
        if let Some(branch) = meant {
            return self.visit(branch, node, name);
        }
        let known: Vec<&str> =
            branches.iter().filter_map(|branch| tag(branch)).map(|(_, value)| value).collect();
        let fault = formats::unknown(value.as_text().unwrap_or_default(), &known);
        self.refuse(value, fault.what, fault.hint);
        self.findings.unfit.insert(node.span.start);
    }

    fn visit_first_fitting(&mut self, branches: &[&'a Value], node: &Node, name: &str) {
        let before = std::mem::take(&mut self.findings);
        for (index, branch) in branches.iter().enumerate() {
            self.findings.problems = Problems::default();
            self.visit(branch, node, name);
            if self.findings.problems.is_empty() || index + 1 == branches.len() {
                break;
            }
            self.findings.unfit.clear();
            self.findings.includes.clear();
        }
        let tried = std::mem::replace(&mut self.findings, before);
        self.findings.problems.extend(tried.problems);
        self.findings.unfit.extend(tried.unfit);
        self.findings.includes.extend(tried.includes);
    }
}

/// The texts that a branch consists of: a constant, an enum, or a union of them.
fn constants(schema: &Value) -> Vec<&str> {
    if let Some(inner) = branches(schema) {
        return inner.iter().flat_map(constants).collect();
    }
    let listed = schema.get("enum").and_then(Value::as_array).into_iter().flatten();
    schema.get("const").into_iter().chain(listed).filter_map(Value::as_str).collect()
}

/// The key and the constant that tell a branch from the others.
fn tag(schema: &Value) -> Option<(&str, &str)> {
    let properties = schema.get("properties")?.as_object()?;
    properties
        .iter()
        .find_map(|(key, property)| Some((key.as_str(), property.get("const")?.as_str()?)))
}

fn unique(mut nouns: Vec<String>) -> Vec<String> {
    nouns.sort();
    nouns.dedup();
    nouns
}
