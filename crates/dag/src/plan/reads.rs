//! Whose outputs decide what happens next: those that conditions and lists read.

use std::collections::{BTreeMap, BTreeSet};

use super::{Node, Plan};
use crate::names::TaskName;
use crate::spec::ForEach;
use crate::state::TaskIndex;
use crate::template::{UseKind, uses_in_expression};

/// The outputs that the condition and the list of one task read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum OutputsRead {
    /// Those of these tasks.
    Of(BTreeSet<TaskIndex>),
    /// Any: `outputs` is read as a whole or by a computed name.
    All,
}

impl OutputsRead {
    /// Reads the expressions of `node`. One that cannot be parsed reads nothing: it fails when it is evaluated.
    pub(super) fn of(node: &Node, by_name: &BTreeMap<TaskName, TaskIndex>) -> Self {
        let list = match node.for_each() {
            Some(ForEach::Expression(text)) => Some(text.as_str()),
            Some(ForEach::List(_)) | None => None,
        };
        let expressions = node.condition().into_iter().chain(list);
        let uses = expressions.flat_map(|text| uses_in_expression(text).unwrap_or_default());
        let mut tasks = BTreeSet::new();
        for found in uses.filter(|found| found.kind == UseKind::Name) {
            match found.path.as_slice() {
                [root] if root == "outputs" => return Self::All,
                [root, task, ..] if root == "outputs" => tasks.extend(by_name.get(task.as_str())),
                _ => {}
            }
        }
        Self::Of(tasks)
    }
}

impl Plan {
    /// The tasks whose outputs, with those of their children, a [`View`](crate::state::View) must hold.
    ///
    /// Those are the tasks that conditions and lists read, and all mapped tasks: their output is the list of their
    /// members' outputs.
    pub fn outputs_read(&self) -> BTreeSet<TaskIndex> {
        let is_mapped = |index: &TaskIndex| self.node(*index).for_each().is_some();
        let mut all: BTreeSet<TaskIndex> =
            (0..self.nodes.len()).map(TaskIndex).filter(is_mapped).collect();
        for reads in &self.reads {
            match reads {
                OutputsRead::Of(tasks) => all.extend(tasks),
                OutputsRead::All => return (0..self.nodes.len()).map(TaskIndex).collect(),
            }
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read_by(condition: &str) -> Vec<String> {
        let dag = json!({
            "dag": "test",
            "tasks": {
                "a": { "uses": "command" },
                "b-2": { "uses": "command" },
                "c": { "uses": "command", "needs": ["a", "b-2"], "when": condition },
            },
        });
        let plan = Plan::new(&serde_json::from_value(dag).unwrap()).unwrap();
        plan.outputs_read().into_iter().map(|task| plan.node(task).name.to_string()).collect()
    }

    #[test]
    fn a_condition_reads_the_outputs_that_it_names() {
        assert_eq!(read_by("outputs.a.score > 1"), ["a"]);
        assert_eq!(read_by("outputs['b-2'] is defined and not outputs.a"), ["a", "b-2"]);
        assert_eq!(read_by("params.x"), [] as [&str; 0]);
        assert_eq!(read_by("outputs."), [] as [&str; 0]);
    }

    #[test]
    fn a_computed_name_reads_all_outputs() {
        assert_eq!(read_by("outputs[params.x] == 1"), ["a", "b-2", "c"]);
        assert_eq!(read_by("outputs | length"), ["a", "b-2", "c"]);
    }
}
