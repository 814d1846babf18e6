//! `tidemill config`.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::App;
use crate::cli::ConfigCommand;
use crate::config::masked;
use crate::exit::Failure;
use crate::output::table;

/// Keys whose values are shown masked.
const SECRETS: [&str; 2] = ["database.url", "artifacts.url"];

/// Prints the values in force, each with its source.
pub(crate) fn run(app: &App<'_>, command: &ConfigCommand) -> Result<(), Failure> {
    let ConfigCommand::Show = command;
    let mut settings: BTreeMap<&str, (Value, String)> = BTreeMap::new();
    for (key, setting) in &app.settings {
        let value = match setting.value.as_str() {
            Some(text) if SECRETS.contains(&key.as_str()) => json!(masked(text)),
            _ => setting.value.clone(),
        };
        settings.insert(key, (value, setting.source.to_string()));
    }
    let document: BTreeMap<_, _> = settings
        .iter()
        .map(|(key, (value, source))| (*key, json!({ "value": value, "source": source })))
        .collect();
    app.output.data(&document, |_| {
        let shown = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let rows = settings
            .iter()
            .map(|(key, (value, source))| [(*key).to_owned(), shown(value), source.clone()]);
        table(["key", "value", "source"], rows)
    })
}
