//! What a task of a rehearsal reads, and whether it is known.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use tidemill_dag::names::TaskName;
use tidemill_dag::state::{Outcome, TaskIndex};
use tidemill_dag::template::{Scope, TemplateError, names_in};
use tidemill_task::{ArtifactRef, Assignment, RunFacts};

use super::Rehearsal;

impl Rehearsal<'_> {
    /// Tells whether all that a task reads is known.
    pub(super) fn is_data_known(&self, task: TaskIndex) -> bool {
        self.sources(task).into_iter().all(|source| self.is_known(source))
    }

    /// The first task that a node waits for and nothing is known of.
    pub(super) fn first_unknown(&self, node: TaskIndex) -> TaskName {
        let upstream = self.plan.node(node).upstream.iter().copied();
        let first = upstream.chain(self.sources(node)).find(|source| !self.is_known(*source));
        self.plan.node(first.unwrap_or(node)).name.clone()
    }

    /// What its kind would be handed.
    pub(super) fn assignment(
        &self,
        task: TaskIndex,
        environment: &BTreeMap<String, String>,
    ) -> Result<Assignment, TemplateError> {
        let node = self.node_of(task);
        let scope = Scope::new(self.view.facts.clone()).with_env(environment.clone());
        let scope = scope.with_item(self.items.get(&task).cloned());
        let readable = node.upstream.iter().copied().chain(self.outputs_named(task));
        let scope = readable.fold(scope, |scope, source| match self.results.get(&source) {
            Some(given) => {
                scope.with_output(self.plan.node(source).name.clone(), given.output.clone())
            }
            None => scope,
        });
        let params = Value::Object(scope.render_map(&node.spec.with)?);
        let inputs = node.spec.inputs.iter().map(|(port, wires)| {
            let artifacts = wires.0.iter().flat_map(|wire| {
                let source = self.plan.index_of(&wire.task);
                self.artifacts(source, wire.port.as_str())
            });
            (port.clone(), artifacts.collect())
        });
        let facts = RunFacts::from(&*self.view.facts);
        let path = self.view.tasks[task.0].path.clone();
        Ok(Assignment {
            params,
            inputs: inputs.collect(),
            ..Assignment::new(facts, path, node.spec.uses.clone())
        })
    }

    fn artifacts(&self, source: Option<TaskIndex>, port: &str) -> Vec<ArtifactRef> {
        let given = source.and_then(|source| self.results.get(&source));
        let artifacts = given.map(|given| given.artifacts.as_slice()).unwrap_or_default();
        artifacts.iter().filter(|artifact| artifact.port.as_str() == port).cloned().collect()
    }

    /// A task that did not succeed gives nothing, which is known, too.
    fn is_known(&self, source: TaskIndex) -> bool {
        match self.view.tasks[source.0].state.outcome() {
            Some(Outcome::Succeeded) | None => self.results.contains_key(&source),
            Some(Outcome::Failed | Outcome::Skipped | Outcome::Cancelled) => true,
        }
    }

    /// The nodes whose artefacts or outputs a task reads.
    fn sources(&self, task: TaskIndex) -> BTreeSet<TaskIndex> {
        let ports = self.node_of(task).spec.inputs.values().flat_map(|wires| &wires.0);
        let wired = ports.filter_map(|wire| self.plan.index_of(&wire.task));
        wired.chain(self.outputs_named(task)).collect()
    }

    /// The nodes whose outputs its templates read; all that it waits for where they read `outputs` as a whole.
    fn outputs_named(&self, task: TaskIndex) -> BTreeSet<TaskIndex> {
        let node = self.node_of(task);
        let mut named = BTreeSet::new();
        for path in node.spec.with.values().flat_map(names_in) {
            match path.as_slice() {
                [root] if root == "outputs" => named.extend(node.upstream.iter().copied()),
                [root, task, ..] if root == "outputs" => {
                    named.extend(
                        TaskName::new(task).ok().and_then(|task| self.plan.index_of(&task)),
                    );
                }
                [] | [_, ..] => {}
            }
        }
        named
    }
}
