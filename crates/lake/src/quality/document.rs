//! The checks file.

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::mistake::{Fault, Mistake};
use super::predicate::Predicate;
use crate::checks::{self, Target};
use crate::nearest::suggest;

/// What happens when a check does not hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// The table passes, with a warning.
    Warn,
    /// The table fails.
    #[default]
    Fail,
}

/// One check of a file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CheckItem {
    /// What the report calls it. Made from kind and column where it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The kind of check.
    pub check: String,
    /// The column that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<String>,
    /// Several columns: one check of each, or of all together where the kind is about several.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub columns: Vec<String>,
    /// The parameters of the kind.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub with: Map<String, Value>,
    /// What happens when it does not hold.
    #[serde(default)]
    pub severity: Severity,
    /// The share of rows that must hold, of those that are judged: 1 unless given. Only for kinds that judge rows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub mostly: Option<f64>,
    /// A condition in SQL; only rows for which it is true are looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filter: Option<String>,
}

/// The checks of a table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChecksFile {
    /// What the table is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The column of event times: what checks about time look at, and what examples show.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<String>,
    /// The columns that tell series apart, such as a sensor: order, steps and repeats of time are judged for each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub entity: Vec<String>,
    /// The checks, in the order of the report.
    #[schemars(length(min = 1))]
    pub checks: Vec<CheckItem>,
}

/// The keys of the file and of a check, as the types above have them.
const FILE_KEYS: [&str; 4] = ["description", "time", "entity", "checks"];
const ITEM_KEYS: [&str; 8] =
    ["name", "check", "column", "columns", "with", "severity", "mostly", "filter"];

impl ChecksFile {
    /// Reads a checks file from its document and tells every mistake that can be seen without the table.
    pub fn read(document: &Value) -> Result<Self, Vec<Mistake>> {
        let mut mistakes = Vec::new();
        let Some(keys) = document.as_object() else {
            return Err(vec![
                Fault::new("", "a checks file is a mapping")
                    .hint("start with `checks:`")
                    .at(None, None),
            ]);
        };
        for fault in unknown_keys(keys, &FILE_KEYS, "") {
            mistakes.push(fault.at(None, None));
        }
        let mut outer = keys.clone();
        outer.retain(|key, _| FILE_KEYS.contains(&key.as_str()));
        let items = outer.insert("checks".to_owned(), Value::Array(Vec::new()));
        let mut file = match typed::<Self>(Value::Object(outer), "") {
            Ok(file) => Some(file),
            Err(fault) => {
                mistakes.push(fault.at(None, None));
                None
            }
        };
        match items {
            Some(Value::Array(items)) if !items.is_empty() => {
                for (index, item) in items.iter().enumerate() {
                    match read_item(item) {
                        Ok(item) => file.iter_mut().for_each(|file| file.checks.push(item.clone())),
                        Err((name, faults)) => mistakes.extend(
                            faults.into_iter().map(|fault| fault.at(Some(index), name.as_deref())),
                        ),
                    }
                }
            }
            _ => mistakes.push(
                Fault::new("checks", "there are no checks")
                    .hint("list at least one, as in `- { check: not_null, column: value }`")
                    .at(None, None),
            ),
        }
        match file {
            Some(file) if mistakes.is_empty() => Ok(file),
            _ => Err(mistakes),
        }
    }
}

/// Reads a value as its type; a fault says at which key it is none. `prefix` is the key of the value itself.
pub(crate) fn typed<T: DeserializeOwned>(value: Value, prefix: &str) -> Result<T, Fault> {
    serde_path_to_error::deserialize(value).map_err(|error| {
        let inner = error.path().to_string();
        let field = match (prefix, inner.as_str()) {
            (prefix, ".") => prefix.to_owned(),
            ("", inner) => inner.to_owned(),
            (prefix, inner) => format!("{prefix}.{inner}"),
        };
        Fault::new(field, error.inner().to_string())
    })
}

fn unknown_keys(keys: &Map<String, Value>, known: &[&str], prefix: &str) -> Vec<Fault> {
    keys.keys()
        .filter(|key| !known.contains(&key.as_str()))
        .map(|key| {
            Fault::new(format!("{prefix}{key}"), format!("unknown key `{key}`")).hint(suggest(
                key,
                "keys",
                known.iter().copied(),
            ))
        })
        .collect()
}

type Faulty = (Option<String>, Vec<Fault>);

fn read_item(document: &Value) -> Result<CheckItem, Faulty> {
    let Some(keys) = document.as_object() else {
        let fault = Fault::new("", "a check is a mapping")
            .hint("write `- { check: not_null, column: value }`");
        return Err((None, vec![fault]));
    };
    let named = |key: &str| keys.get(key).and_then(Value::as_str).map(str::to_owned);
    let name = named("name").or_else(|| named("check"));
    let mut faults = unknown_keys(keys, &ITEM_KEYS, "");
    let mut rest = keys.clone();
    rest.retain(|key, _| ITEM_KEYS.contains(&key.as_str()));
    match typed::<CheckItem>(Value::Object(rest), "") {
        Err(fault) => faults.push(fault),
        Ok(item) => {
            faults.extend(examine(&item));
            if faults.is_empty() {
                return Ok(item);
            }
        }
    }
    Err((name, faults))
}

/// What is wrong with a check, whatever its table.
fn examine(item: &CheckItem) -> Vec<Fault> {
    let mut faults = Vec::new();
    let Some(kind) = checks::find(&item.check) else {
        let known = checks::all().iter().map(|kind| kind.name);
        faults.push(Fault::new("check", format!("unknown check `{}`", item.check)).hint(suggest(
            &item.check,
            "checks",
            known,
        )));
        return faults;
    };
    faults.extend(wrong_target(item, kind.target));
    if let Some(mostly) = item.mostly {
        if !kind.tolerance {
            faults.push(
                Fault::new("mostly", format!("`{}` judges no rows", kind.name))
                    .hint("leave `mostly` out and widen the bounds in `with`"),
            );
        } else if !(0.0..=1.0).contains(&mostly) {
            faults.push(
                Fault::new("mostly", format!("{mostly} is no share"))
                    .hint("write a number from 0 to 1, such as 0.99"),
            );
        }
    }
    if let Some(filter) = &item.filter {
        if kind.target == Target::Schema {
            faults.push(
                Fault::new("filter", format!("`{}` looks at no rows", kind.name))
                    .hint("leave `filter` out"),
            );
        }
        faults.extend(Predicate::parse(filter, "filter").err());
    }
    let known = kind.parameters();
    let unknown =
        unknown_keys(&item.with, &known.iter().map(String::as_str).collect::<Vec<_>>(), "with.");
    if unknown.is_empty() {
        faults.extend((kind.examine)(&item.with));
    } else {
        faults.extend(unknown);
    }
    faults
}

fn wrong_target(item: &CheckItem, target: Target) -> Option<Fault> {
    let kind = &item.check;
    let given = usize::from(item.column.is_some()) + item.columns.len();
    let both = item.column.is_some() && !item.columns.is_empty();
    match target {
        _ if both => {
            Some(Fault::new("columns", "`column` and `columns` are both given").hint("keep one"))
        }
        Target::Schema | Target::Table if given > 0 => Some(
            Fault::new("column", format!("`{kind}` is about the whole table"))
                .hint("leave the column out"),
        ),
        Target::Column if given == 0 => Some(
            Fault::new("column", format!("`{kind}` needs a column"))
                .hint("add `column: NAME`, or `columns: [A, B]` for one check of each"),
        ),
        Target::Time if given > 1 => Some(
            Fault::new("columns", format!("`{kind}` is about one column of times"))
                .hint("give it as `column`, or for the whole file as `time`"),
        ),
        Target::Columns if given == 0 => Some(
            Fault::new("columns", format!("`{kind}` needs columns")).hint("add `columns: [A, B]`"),
        ),
        Target::Schema | Target::Table | Target::Column | Target::Columns | Target::Time => None,
    }
}
