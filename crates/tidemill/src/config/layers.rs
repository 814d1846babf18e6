//! Layers of settings: default < file < environment < flag; the last one that speaks wins.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::Path;
use std::sync::{Arc, LazyLock};

use serde_json::{Map, Value, json};
use tidemill_dag::problem::{Problem, Problems, SourceText};
use tidemill_dag::shape::{NoFiles, Shape};
use tidemill_dag::yaml::{self, Content, Node};

use super::Config;

/// The embedded first layer.
const DEFAULT: &str = include_str!("../../../../configs/default.yaml");

/// The file that is read when no `--config` names one.
const USUAL_FILE: &str = "tidemill.yaml";

/// The JSON Schema of the configuration.
static SCHEMA: LazyLock<Value> = LazyLock::new(|| {
    let mut schema = schemars::schema_for!(Config).to_value();
    drop_required(&mut schema);
    schema
});

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// The embedded reference.
    Default,
    /// A file.
    File {
        /// Its path.
        path: String,
        /// The line.
        line: usize,
    },
    /// An environment variable.
    Environment {
        /// Its name.
        name: String,
    },
    /// A flag of the command line.
    Flag {
        /// Its name.
        name: &'static str,
    },
}

impl std::fmt::Display for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File { path, line } => write!(f, "{path}:{line}"),
            Self::Environment { name } => f.write_str(name),
            Self::Flag { name } => f.write_str(name),
        }
    }
}

/// One value in force.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Setting {
    /// The value.
    pub value: Value,
    /// Where it comes from.
    pub source: Source,
}

/// All values in force, by their dotted key.
#[derive(Debug)]
pub(crate) struct Layers {
    settings: BTreeMap<Vec<String>, Setting>,
    problems: Problems,
}

impl Layers {
    /// The JSON Schema of a configuration file.
    pub(crate) fn schema() -> &'static Value {
        &SCHEMA
    }

    /// The first layer alone.
    pub(crate) fn new() -> Self {
        let mut layers = Self { settings: BTreeMap::new(), problems: Problems::default() };
        let source =
            Arc::new(SourceText::new("configs/default.yaml".to_owned(), DEFAULT.to_owned()));
        layers.add_text(&source, |_| Source::Default);
        layers
    }

    /// Adds a file: the given one, or the usual one where it exists.
    pub(crate) fn add_file(&mut self, path: Option<&Path>) -> Result<(), std::io::Error> {
        let usual = Path::new(USUAL_FILE);
        let path = match path {
            Some(path) => path,
            None if usual.exists() => usual,
            None => return Ok(()),
        };
        let shown = path.display().to_string();
        let source = Arc::new(SourceText::new(shown.clone(), std::fs::read_to_string(path)?));
        let line = |node: &Node| source.line_and_column(node.span.start).0;
        self.add_text(&source, |node| Source::File { path: shown.clone(), line: line(node) });
        Ok(())
    }

    /// Adds `DATABASE_URL` and the variables that begin with `TIDEMILL__`.
    pub(crate) fn add_environment(
        &mut self,
        variables: impl Iterator<Item = (OsString, OsString)>,
    ) {
        let named = variables.filter_map(|(name, value)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        });
        let mut ours: Vec<(String, String)> =
            named.filter(|(name, _)| key_of(name).is_some()).collect();
        // The product's own name wins over the general one, so it comes later.
        ours.sort_by_key(|(name, _)| (name != "DATABASE_URL", name.clone()));
        for (name, value) in ours {
            let key = key_of(&name).expect("others were filtered out");
            self.add_variable(&name, &key, &value);
        }
    }

    /// Adds a flag, if it was given.
    pub(crate) fn add_flag(&mut self, name: &'static str, key: &[&str], value: Option<Value>) {
        if let Some(value) = value {
            let key = key.iter().map(|part| (*part).to_owned()).collect();
            self.settings.insert(key, Setting { value, source: Source::Flag { name } });
        }
    }

    /// The values in force, or all that is wrong with them.
    pub(crate) fn finish(self) -> Result<(Config, BTreeMap<String, Setting>), Problems> {
        if !self.problems.is_empty() {
            return Err(self.problems);
        }
        let mut document = json!({});
        for (key, setting) in &self.settings {
            insert(&mut document, key, setting.value.clone());
        }
        let config = serde_path_to_error::deserialize(document).map_err(|error| {
            let source = Arc::new(SourceText::new(
                format!("configuration key {}", error.path()),
                String::new(),
            ));
            Problems::from(Problem::of_file(&source, error.inner().to_string()))
        })?;
        let settings =
            self.settings.into_iter().map(|(key, setting)| (key.join("."), setting)).collect();
        Ok((config, settings))
    }

    fn add_text(&mut self, text: &Arc<SourceText>, source_of: impl Fn(&Node) -> Source) {
        match yaml::parse(text) {
            Ok(node) if node.content == Content::Null => {}
            Ok(node) => {
                self.problems.extend(Shape::compare_file(text, &NoFiles, &SCHEMA, &node).problems);
                self.add_leaves(&node, &mut Vec::new(), &source_of);
            }
            Err(problem) => self.problems.add(problem),
        }
    }

    fn add_variable(&mut self, name: &str, key: &[String], value: &str) {
        let text = Arc::new(SourceText::new(name.to_owned(), value.to_owned()));
        let source = Source::Environment { name: name.to_owned() };
        let is_text = schema_at(key)
            .is_some_and(|schema| schema["type"] == "string" && schema.get("enum").is_none());
        let node = if is_text || value.is_empty() {
            Ok(Node { span: 0..value.len(), content: Content::Text(value.to_owned()) })
        } else {
            yaml::parse(&text)
        };
        let nested = node.map(|node| {
            key.iter().rev().fold(node, |inner, part| {
                let key = yaml::Key { span: 0..value.len(), text: part.clone() };
                Node { span: 0..value.len(), content: Content::Map(vec![(key, inner)]) }
            })
        });
        match nested {
            Ok(nested) => {
                let found = Shape::compare_file(&text, &NoFiles, &SCHEMA, &nested).problems;
                self.problems
                    .extend(found.into_sorted().into_iter().map(Problem::without_place).collect());
                self.add_leaves(&nested, &mut Vec::new(), &|_| source.clone());
            }
            Err(problem) => self.problems.add(problem.without_place()),
        }
    }

    fn add_leaves(
        &mut self,
        node: &Node,
        key: &mut Vec<String>,
        source_of: &impl Fn(&Node) -> Source,
    ) {
        if let Content::Map(entries) = &node.content
            && !entries.is_empty()
        {
            for (part, value) in entries {
                key.push(part.text.clone());
                self.add_leaves(value, key, source_of);
                key.pop();
            }
        } else {
            let setting = Setting { value: node.to_json(), source: source_of(node) };
            self.settings.insert(key.clone(), setting);
        }
    }
}

/// The key that an environment variable sets.
fn key_of(name: &str) -> Option<Vec<String>> {
    if name == "DATABASE_URL" {
        return Some(vec!["database".to_owned(), "url".to_owned()]);
    }
    let rest = name.strip_prefix("TIDEMILL__").filter(|rest| !rest.is_empty())?;
    Some(rest.split("__").map(str::to_lowercase).collect())
}

/// The part of the schema that judges a key.
fn schema_at(key: &[String]) -> Option<&'static Value> {
    let resolve = |schema: &'static Value| match schema.get("$ref").and_then(Value::as_str) {
        Some(reference) => SCHEMA.pointer(reference.trim_start_matches('#')),
        None => Some(schema),
    };
    key.iter().try_fold(&*SCHEMA, |schema, part| {
        let property = schema.get("properties").and_then(|properties| properties.get(part));
        resolve(property.or_else(|| schema.get("additionalProperties"))?)
    })
}

/// A layer may set a single key, so none is required.
fn drop_required(schema: &mut Value) {
    match schema {
        Value::Object(map) => {
            map.remove("required");
            map.values_mut().for_each(drop_required);
        }
        Value::Array(list) => list.iter_mut().for_each(drop_required),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn insert(document: &mut Value, key: &[String], value: Value) {
    let Some((last, parents)) = key.split_last() else {
        return;
    };
    let mut place = document;
    for parent in parents {
        if !place[parent].is_object() {
            place[parent] = Value::Object(Map::new());
        }
        place = &mut place[parent];
    }
    place[last] = value;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_environment(
        variables: &[(&str, &str)],
    ) -> Result<(Config, BTreeMap<String, Setting>), Problems> {
        let mut layers = Layers::new();
        layers.add_environment(variables.iter().map(|(name, value)| (name.into(), value.into())));
        layers.finish()
    }

    fn printed(problems: Problems) -> String {
        problems.into_sorted().iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn the_reference_is_a_whole_configuration() {
        let (config, settings) = with_environment(&[]).unwrap();

        assert_eq!(config.dags.folder, Path::new("dags"));
        assert!(settings.values().all(|setting| setting.source == Source::Default));
    }

    #[test]
    fn every_key_of_the_reference_has_a_comment() {
        let mut previous = "";
        for line in DEFAULT.lines() {
            let is_key = !line.trim_start().starts_with('#') && line.contains(':');
            let is_group = line.ends_with(':') || line.contains('{');
            assert!(!is_key || is_group || previous.trim_start().starts_with('#'), "{line}");
            previous = line;
        }
    }

    #[test]
    fn later_layers_win_and_tell_where_values_come_from() {
        let mut layers = Layers::new();
        layers.add_environment(
            [("TIDEMILL__STATE", "/a"), ("TIDEMILL__POOLS__GPU__SLOTS", "2")]
                .iter()
                .map(|(name, value)| (name.into(), value.into())),
        );
        layers.add_flag("--state", &["state"], Some(json!("/b")));

        let (config, settings) = layers.finish().unwrap();

        assert_eq!(config.state, Path::new("/b"));
        assert_eq!(settings["state"].source, Source::Flag { name: "--state" });
        assert_eq!(config.pools["gpu"].slots, 2);
        assert_eq!(config.pools["default"].slots, 8);
    }

    #[test]
    fn the_products_own_variable_wins_over_the_general_one() {
        let (config, _) = with_environment(&[
            ("TIDEMILL__DATABASE__URL", "postgres://b"),
            ("DATABASE_URL", "postgres://a"),
        ])
        .unwrap();

        assert_eq!(config.database.url.reveal(), "postgres://b");
    }

    #[test]
    fn wrong_variables_are_told_all_at_once() {
        let problems = with_environment(&[
            ("TIDEMILL__DATABASE__CONECTIONS", "8"),
            ("TIDEMILL__DATABASE__CONNECTIONS", "many"),
            ("TIDEMILL__LOGGING__FORMAT", "jsn"),
        ])
        .unwrap_err();

        insta::assert_snapshot!(printed(problems), @r"
        error: TIDEMILL__DATABASE__CONECTIONS: unknown key `conections` in `database`
        hint: did you mean `connections`?
        error: TIDEMILL__DATABASE__CONNECTIONS: `connections` must be a whole number, but is a text
        error: TIDEMILL__LOGGING__FORMAT: unknown value `jsn`
        hint: did you mean `json`?
        ");
    }
}
