//! How two snapshots differ.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Manifest, SchemaColumn, TimeRange};

/// How a snapshot differs from an earlier one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Difference {
    /// What changed about columns, in the order of the earlier one, then of the later.
    pub columns: Vec<ColumnChange>,
    /// Rows before.
    pub rows_before: u64,
    /// Rows after.
    pub rows_after: u64,
    /// The range of event times, if it changed.
    pub event_time: Option<RangeChange>,
    /// Whether both hold the same.
    pub is_same_content: bool,
}

/// What changed about a column.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum ColumnChange {
    /// It is new.
    Added {
        /// Its name.
        name: String,
        /// What its values are.
        kind: String,
    },
    /// It is gone.
    Removed {
        /// Its name.
        name: String,
        /// What its values were.
        kind: String,
    },
    /// Its values are of another kind that holds the earlier ones without loss.
    Widened {
        /// Its name.
        name: String,
        /// What its values were.
        from: String,
        /// What they are.
        to: String,
    },
    /// Its values are of another kind.
    Retyped {
        /// Its name.
        name: String,
        /// What its values were.
        from: String,
        /// What they are.
        to: String,
    },
}

impl std::fmt::Display for ColumnChange {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Added { name, kind } => write!(formatter, "`{name}` is new ({kind})"),
            Self::Removed { name, kind } => write!(formatter, "`{name}` is gone (was {kind})"),
            Self::Widened { name, from, to } => {
                write!(formatter, "`{name}` was {from}, is {to}, which holds the same values")
            }
            Self::Retyped { name, from, to } => write!(formatter, "`{name}` was {from}, is {to}"),
        }
    }
}

/// How a range of times moved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RangeChange {
    /// Before.
    pub before: Option<TimeRange>,
    /// After.
    pub after: Option<TimeRange>,
}

impl Difference {
    /// Compares two snapshots.
    pub fn between(before: &Manifest, after: &Manifest) -> Self {
        let is_same_range = before.event_time == after.event_time;
        Self {
            columns: column_changes(&before.columns, &after.columns),
            rows_before: before.rows,
            rows_after: after.rows,
            event_time: (!is_same_range).then(|| RangeChange {
                before: before.event_time.clone(),
                after: after.event_time.clone(),
            }),
            is_same_content: before.content_hash == after.content_hash,
        }
    }
}

/// What changed between two lists of columns.
pub(super) fn column_changes(before: &[SchemaColumn], after: &[SchemaColumn]) -> Vec<ColumnChange> {
    let mut changes = Vec::new();
    for old in before {
        let (name, from) = (old.name.clone(), old.kind.clone());
        match after.iter().find(|column| column.name == old.name) {
            None => changes.push(ColumnChange::Removed { name, kind: from }),
            Some(new) if new.kind == old.kind => {}
            Some(new) => {
                let to = new.kind.clone();
                let is_wider = from == "empty" || (from == "integer" && to == "float");
                changes.push(if is_wider {
                    ColumnChange::Widened { name, from, to }
                } else {
                    ColumnChange::Retyped { name, from, to }
                });
            }
        }
    }
    let is_new = |column: &&SchemaColumn| !before.iter().any(|old| old.name == column.name);
    changes.extend(after.iter().filter(is_new).map(|column| ColumnChange::Added {
        name: column.name.clone(),
        kind: column.kind.clone(),
    }));
    changes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(name: &str, kind: &str) -> SchemaColumn {
        SchemaColumn { name: name.into(), kind: kind.into() }
    }

    #[test]
    fn changes_of_columns_are_named() {
        let before = [
            column("a", "integer"),
            column("b", "float"),
            column("c", "text"),
            column("d", "empty"),
        ];
        let after =
            [column("a", "float"), column("b", "text"), column("d", "time"), column("e", "date")];

        let said: Vec<String> =
            column_changes(&before, &after).iter().map(ToString::to_string).collect();

        assert_eq!(
            said,
            [
                "`a` was integer, is float, which holds the same values",
                "`b` was float, is text",
                "`c` is gone (was text)",
                "`d` was empty, is time, which holds the same values",
                "`e` is new (date)",
            ]
        );
    }
}
