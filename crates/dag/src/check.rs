//! What must hold in a DAG file beyond its shape; one file for each concern.

mod kinds;
mod params;
mod ports;
mod reach;
mod schedule;
mod templates;
mod upstream;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

use crate::catalog::{Catalog, Signature};
use crate::names::TaskName;
use crate::plan::{Cycle, Plan};
use crate::problem::{Problem, Problems, SourceText, suggest};
use crate::secrets;
use crate::spec::{DagSpec, TaskSpec};
use crate::yaml::{Key, Node};

/// The most tasks that a file may hold.
pub const MOST_TASKS: usize = 5_000;

/// A file on its way to a DAG: the tree with places, and what of it could be read.
#[derive(Clone, Debug)]
pub struct Draft<'a> {
    /// The text.
    pub source: &'a Arc<SourceText>,
    /// The tree.
    pub root: &'a Node,
    /// What could be read.
    pub spec: &'a DagSpec,
    /// Where values begin that could not.
    pub unfit: &'a BTreeSet<usize>,
    /// What exists beside the file.
    pub catalog: &'a Catalog,
    tasks: BTreeMap<&'a str, &'a (Key, Node)>,
    /// Where the names of tasks begin: a task ends where the next one's does.
    ends: BTreeSet<usize>,
}

/// Problems of a file after which names are no longer guessed: comparing each with all is for a few slips.
const MOST_GUESSES: usize = 50;

type Check = fn(&Draft<'_>, &mut Problems);

const CHECKS: [Check; 8] = [
    size,
    upstream::check,
    kinds::check,
    ports::check,
    params::check,
    schedule::check,
    templates::check,
    secrets,
];

/// All problems of the file beyond its shape.
pub fn all(draft: &Draft<'_>, plan: &Result<Plan, Cycle>) -> Problems {
    let mut problems = Problems::default();
    for check in CHECKS {
        check(draft, &mut problems);
    }
    match plan {
        Ok(plan) => reach::check(draft, plan, &mut problems),
        Err(ring) => problems.add(cycle(draft, ring)),
    }
    problems
}

/// The problem of tasks that wait for each other.
fn cycle(draft: &Draft<'_>, cycle: &Cycle) -> Problem {
    let first = cycle.path.first();
    let span = first.map_or_else(|| draft.root.span.clone(), |first| draft.task_key(first));
    Problem::at(draft.source, span, cycle.to_string())
        .hint("remove one of these needs or inputs".to_owned())
}

/// Secrets stay out of files that are committed.
fn secrets(draft: &Draft<'_>, problems: &mut Problems) {
    secrets::tell_in_tree(draft.source, draft.root, problems);
}

fn size(draft: &Draft<'_>, problems: &mut Problems) {
    let count = draft.root.get("tasks").map_or(0, |tasks| tasks.entries().len());
    if count > MOST_TASKS {
        let what = format!("{count} tasks in one file; at most {MOST_TASKS} are read");
        let hint = "map one task over a list with `for_each` instead of writing each".to_owned();
        problems.add(Problem::of_file(draft.source, what).hint(hint));
    }
}

impl<'a> Draft<'a> {
    /// Puts a file together for the checks.
    pub fn new(
        source: &'a Arc<SourceText>,
        root: &'a Node,
        spec: &'a DagSpec,
        unfit: &'a BTreeSet<usize>,
        catalog: &'a Catalog,
    ) -> Self {
        let entries = root.get("tasks").map_or(&[][..], Node::entries);
        let tasks = entries.iter().map(|entry| (entry.0.text.as_str(), entry)).collect();
        let ends = entries.iter().map(|(key, _)| key.span.start).collect();
        Draft { source, root, spec, unfit, catalog, tasks, ends }
    }

    /// The tree of a task.
    fn task_node(&self, task: &TaskName) -> &'a Node {
        self.tasks.get(task.as_str()).map_or(self.root, |(_, node)| node)
    }

    /// Where the name of a task stands.
    fn task_key(&self, task: &TaskName) -> Range<usize> {
        self.tasks
            .get(task.as_str())
            .map_or_else(|| self.root.span.clone(), |(key, _)| key.span.clone())
    }

    /// Tells whether the file has a task of this name, also one that could not be read.
    fn has_task(&self, name: &str) -> bool {
        self.tasks.contains_key(name)
    }

    /// The names of all tasks in the file.
    fn task_names(&self) -> impl Iterator<Item = &'a str> + Clone {
        self.tasks.keys().copied()
    }

    /// The task that was most likely meant, or the list of them.
    fn suggest_task(&self, name: &str, problems: &Problems) -> Option<String> {
        let is_few = problems.len() < MOST_GUESSES;
        is_few.then(|| suggest(name, "tasks", self.task_names())).flatten()
    }

    /// The kind of a task, if there is one of that name.
    fn signature(&self, task: &TaskSpec) -> Option<&'a Signature> {
        self.catalog.kinds.get(task.uses.as_str())
    }

    /// Tells whether nothing of a task was left out.
    fn is_sound(&self, task: &TaskName) -> bool {
        let span = &self.task_node(task).span;
        let end = self.ends.range(span.start + 1..).next().copied().unwrap_or(usize::MAX);
        self.unfit.range(span.start..end).next().is_none()
    }
}
