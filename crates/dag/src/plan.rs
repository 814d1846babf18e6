//! The plan of a DAG: its tasks in an order in which they can run, with who waits for whom.

mod order;
mod paths;
mod reads;

use std::collections::BTreeMap;

pub use order::Cycle;
pub(crate) use reads::OutputsRead;

use crate::names::TaskName;
use crate::spec::{DagSpec, ForEach, Limits, TaskSpec, TriggerRule};
use crate::state::TaskIndex;

/// One task of a [`Plan`].
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// Its name.
    pub name: TaskName,
    /// What the file says of it.
    pub spec: TaskSpec,
    /// What bounds it: its own words, with the DAG's defaults for the rest.
    pub limits: Limits,
    /// The tasks that it waits for: those that it names, and for a finaliser that names none, see [`Plan::new`].
    pub upstream: Vec<TaskIndex>,
    /// The tasks that wait for it.
    pub downstream: Vec<TaskIndex>,
}

impl Node {
    /// The rule that starts it; a finaliser only waits.
    pub fn rule(&self) -> TriggerRule {
        if self.spec.finally { TriggerRule::AllDone } else { self.spec.when.rule }
    }

    /// The expression that must be true when it starts.
    pub fn condition(&self) -> Option<&str> {
        self.spec.when.condition.as_deref()
    }

    /// The list that it is mapped over.
    pub const fn for_each(&self) -> Option<&ForEach> {
        self.spec.for_each.as_ref()
    }
}

/// The tasks of a DAG in topological order; ties are broken by name.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    nodes: Vec<Node>,
    by_name: BTreeMap<TaskName, TaskIndex>,
    reads: Vec<OutputsRead>,
}

impl Plan {
    /// Orders the tasks of `dag`. Names that do not exist are left out: the check of the file reports them.
    ///
    /// A finaliser that names no task waits for all tasks that are not finalisers, except those that wait for a
    /// finaliser themselves.
    pub fn new(dag: &DagSpec) -> Result<Self, Cycle> {
        let upstream = order::upstream_places(dag);
        let order = order::topological(dag, &upstream)?;
        let mut index_at = vec![TaskIndex(0); order.len()];
        for (index, &place) in order.iter().enumerate() {
            index_at[place] = TaskIndex(index);
        }
        let specs: Vec<(&TaskName, &TaskSpec)> = dag.tasks.iter().collect();
        let mut nodes: Vec<Node> = Vec::with_capacity(order.len());
        for place in order {
            let (name, spec) = specs[place];
            let mut upstream: Vec<TaskIndex> =
                upstream[place].iter().map(|&place| index_at[place]).collect();
            upstream.sort();
            let limits = dag.defaults.of(spec);
            nodes.push(Node {
                name: name.clone(),
                spec: spec.clone(),
                limits,
                upstream,
                downstream: Vec::new(),
            });
        }
        for index in 0..nodes.len() {
            for upstream in nodes[index].upstream.clone() {
                nodes[upstream.0].downstream.push(TaskIndex(index));
            }
        }
        let by_name = nodes
            .iter()
            .enumerate()
            .map(|(index, node)| (node.name.clone(), TaskIndex(index)))
            .collect();
        let reads = nodes.iter().map(|node| OutputsRead::of(node, &by_name)).collect();
        Ok(Self { nodes, by_name, reads })
    }

    /// The tasks, in an order in which they can run.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// One task.
    pub fn node(&self, index: TaskIndex) -> &Node {
        &self.nodes[index.0]
    }

    /// The place of a task.
    pub fn index_of(&self, name: &TaskName) -> Option<TaskIndex> {
        self.by_name.get(name).copied()
    }

    /// Whose outputs the condition and the list of a task read.
    pub(crate) fn reads(&self, index: TaskIndex) -> &OutputsRead {
        &self.reads[index.0]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::paths::tests::plan;

    fn upstream_of(plan: &Plan, name: &str) -> Vec<String> {
        let index = plan.index_of(&name.parse().unwrap()).unwrap();
        plan.node(index).upstream.iter().map(|&index| plan.node(index).name.to_string()).collect()
    }

    #[test]
    fn a_finaliser_without_needs_waits_for_all_that_are_none() {
        let plan = plan(&[("clean", "finally"), ("a", ""), ("b", "a"), ("mail", "finally b")]);

        assert_eq!(upstream_of(&plan, "clean"), ["a", "b"]);
        assert_eq!(upstream_of(&plan, "mail"), ["b"]);
    }

    #[test]
    fn a_task_that_waits_for_a_finaliser_is_not_waited_for_by_it() {
        let plan = plan(&[("clean", "finally"), ("a", ""), ("after", "clean")]);

        assert_eq!(upstream_of(&plan, "clean"), ["a"]);
        assert_eq!(upstream_of(&plan, "after"), ["clean"]);
    }
}
