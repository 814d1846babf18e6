//! A suggestion as YAML, with its reasons as comments.

use serde_json::Value;

use super::Suggestion;
use crate::quality::{CheckItem, Severity, words};

impl Suggestion {
    /// The checks file as YAML with the reason of each check above it.
    pub fn to_yaml(&self) -> String {
        let rows = words::counted(self.rows, "rows");
        let mut lines = vec![format!(
            "# Suggested from {rows}: what held, with a little room. Tighten what you know better."
        )];
        lines.extend(self.file.time.iter().map(|time| format!("time: {}", text(time))));
        if !self.file.entity.is_empty() {
            lines.push(format!("entity: {}", names(&self.file.entity)));
        }
        lines.push("checks:".to_owned());
        for (item, reason) in self.file.checks.iter().zip(&self.reasons) {
            lines.push(format!("  # {}", one_line(reason)));
            lines.extend(item_lines(item));
        }
        lines.join("\n") + "\n"
    }
}

fn names(names: &[String]) -> String {
    format!("[{}]", names.iter().map(|name| text(name)).collect::<Vec<_>>().join(", "))
}

fn one_line(text: &str) -> String {
    text.chars().map(|letter| if breaks(letter) { ' ' } else { letter }).collect()
}

/// Tells whether some reader of YAML takes a character for the end of a line, or for none at all.
fn breaks(letter: char) -> bool {
    letter.is_control() || matches!(letter, '\u{2028}' | '\u{2029}' | '\u{feff}')
}

fn item_lines(item: &CheckItem) -> Vec<String> {
    let keys = [
        ("name", item.name.as_deref().map(text)),
        ("column", item.column.as_deref().map(text)),
        ("columns", (!item.columns.is_empty()).then(|| names(&item.columns))),
        ("with", (!item.with.is_empty()).then(|| flow(&Value::Object(item.with.clone())))),
        ("severity", (item.severity == Severity::Warn).then(|| "warn".to_owned())),
        ("mostly", item.mostly.map(|mostly| mostly.to_string())),
        ("filter", item.filter.as_deref().map(text)),
    ];
    let mut lines = vec![format!("  - check: {}", item.check)];
    lines.extend(keys.into_iter().filter_map(|(key, value)| {
        let value = value?;
        let gap = if value.starts_with('\n') { "" } else { " " };
        Some(format!("    {key}:{gap}{value}"))
    }));
    lines
}

/// Keys that people expect first.
const FIRST: [&str; 6] = ["name", "is", "longest", "at_most", "min", "max"];

/// A value on one line; lists of mappings stand below each other.
fn flow(value: &Value) -> String {
    match value {
        Value::Object(fields) if fields.values().any(is_table) => {
            let lines = fields.iter().map(|(key, value)| match value {
                Value::Array(rows) if is_table(value) => {
                    let rows = rows.iter().map(|row| format!("\n        - {}", flow(row)));
                    format!("\n      {key}:{}", rows.collect::<String>())
                }
                other => format!("\n      {key}: {}", flow(other)),
            });
            lines.collect()
        }
        Value::Object(fields) => {
            let mut fields: Vec<_> = fields.iter().collect();
            fields.sort_by_key(|(key, _)| {
                (FIRST.iter().position(|first| first == key).unwrap_or(FIRST.len()), *key)
            });
            let shown = fields.iter().map(|(key, value)| format!("{key}: {}", flow(value)));
            format!("{{ {} }}", shown.collect::<Vec<_>>().join(", "))
        }
        Value::Array(values) => {
            format!("[{}]", values.iter().map(flow).collect::<Vec<_>>().join(", "))
        }
        Value::String(value) => text(value),
        Value::Number(number) => {
            let shown = number.to_string();
            // YAML 1.1 takes `1e-9` for a text.
            if shown.contains('.') { shown } else { shown.replace('e', ".0e") }
        }
        Value::Null | Value::Bool(_) => value.to_string(),
    }
}

fn is_table(value: &Value) -> bool {
    value.as_array().is_some_and(|rows| rows.iter().any(Value::is_object))
}

/// A text plain where YAML takes it for a text, else quoted.
fn text(value: &str) -> String {
    /// Words that some reader of YAML takes for something else.
    const WORDS: [&str; 9] = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"];
    let mut letters = value.chars();
    let plain = letters.next().is_some_and(|first| first.is_ascii_alphabetic())
        && letters.all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
        && !WORDS.contains(&value.to_ascii_lowercase().as_str());
    if plain {
        return value.to_owned();
    }
    let simple = value.chars().all(|letter| !letter.is_control() && letter.is_ascii());
    if simple && value.contains('\\') {
        return format!("'{}'", value.replace('\'', "''"));
    }
    let quoted = Value::from(value).to_string();
    quoted
        .chars()
        .map(|letter| match letter {
            letter if breaks(letter) => format!("\\u{:04x}", u32::from(letter)),
            letter => letter.to_string(),
        })
        .collect()
}
