//! Templates and expressions read only what is there, and call only what is allowed.

use std::ops::Range;

use super::Draft;
use crate::names::TaskName;
use crate::problem::{Problem, Problems, suggest};
use crate::spec::{DagSpec, ForEach, TaskSpec, TriggerRule};
use crate::template::{
    BadTemplate, FILTERS, TESTS, Use, UseKind, has_template, uses_in_expression, uses_in_template,
};
use crate::yaml::{Content, Node};

pub(super) fn check(draft: &Draft<'_>, problems: &mut Problems) {
    let ancestry = Ancestry::new(draft.spec);
    for (name, task) in &draft.spec.tasks {
        let node = draft.task_node(name);
        let reader = Reader { draft, ancestry: &ancestry, name, task };
        if let Some(with) = node.get("with") {
            reader.check_tree(with, problems);
        }
        if task.when.condition.is_some()
            && let Some(when) = node.get("when")
        {
            let place = when.get("if").unwrap_or(when);
            reader.check_expression(place, Item::Absent, problems);
        }
        if let (Some(ForEach::Expression(_)), Some(place)) = (&task.for_each, node.get("for_each"))
        {
            reader.check_expression(place, Item::Absent, problems);
        }
    }
}

/// Whether `item` may be read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Item {
    Present,
    Absent,
}

struct Reader<'a> {
    draft: &'a Draft<'a>,
    ancestry: &'a Ancestry,
    name: &'a TaskName,
    task: &'a TaskSpec,
}

impl Reader<'_> {
    fn check_tree(&self, node: &Node, problems: &mut Problems) {
        match &node.content {
            Content::Text(text) if has_template(text) => {
                let item = if self.task.for_each.is_some() { Item::Present } else { Item::Absent };
                self.check_uses(node, uses_in_template(text), item, problems);
            }
            Content::List(members) => {
                for member in members {
                    self.check_tree(member, problems);
                }
            }
            Content::Map(entries) => {
                for (_, value) in entries {
                    self.check_tree(value, problems);
                }
            }
            Content::Text(_) | Content::Null | Content::Bool(_) | Content::Number(_) => {}
        }
    }

    fn check_expression(&self, node: &Node, item: Item, problems: &mut Problems) {
        if let Some(text) = node.as_text().filter(|text| !has_template(text)) {
            self.check_uses(node, uses_in_expression(text), item, problems);
        }
    }

    fn check_uses(
        &self,
        node: &Node,
        uses: Result<Vec<Use>, BadTemplate>,
        item: Item,
        problems: &mut Problems,
    ) {
        let text = node.as_text().unwrap_or_default();
        match uses {
            Err(error) => {
                let what = format!("`{}` cannot be read: {}", shortened(text), error.what);
                let end = error.offset + 1;
                problems.add(Problem::at(
                    self.draft.source,
                    self.inside(node, error.offset..end),
                    what,
                ));
            }
            Ok(uses) => {
                for found in uses {
                    if let Some((what, hint)) = self.refuse(&found, item, problems) {
                        let part = found.offset..found.offset + found.path[0].len();
                        let span = self.inside(node, part);
                        problems.add(Problem::at(self.draft.source, span, what).hint(hint));
                    }
                }
            }
        }
    }

    /// Where a part of a text stands: exact where the text stands in the file as it is, without escapes or folding.
    fn inside(&self, node: &Node, part: Range<usize>) -> Range<usize> {
        let raw = self.draft.source.text.get(node.span.clone()).unwrap_or_default();
        match raw.find(node.as_text().unwrap_or_default()) {
            Some(start) => {
                let start = node.span.start + start;
                start + part.start..start + part.end
            }
            None => node.span.clone(),
        }
    }

    /// What is wrong with one use, and what to do about it.
    fn refuse(
        &self,
        found: &Use,
        item: Item,
        problems: &Problems,
    ) -> Option<(String, Option<String>)> {
        let name = found.path[0].as_str();
        match found.kind {
            UseKind::Forbidden => {
                let hint = "use an expression with filters, such as `{{ interval.start | date }}`"
                    .to_owned();
                Some((format!("a {name} has no place in a DAG file"), Some(hint)))
            }
            UseKind::Filter => unknown(name, "filter", "filters", &FILTERS),
            UseKind::Test => unknown(name, "test", "tests", &TESTS),
            UseKind::Name => self.refuse_path(&found.path, item, problems),
        }
    }

    fn refuse_path(
        &self,
        path: &[String],
        item: Item,
        problems: &Problems,
    ) -> Option<(String, Option<String>)> {
        let second = path.get(1).map(String::as_str);
        match (path[0].as_str(), second) {
            ("item", _) => match item {
                Item::Present => None,
                Item::Absent => Some((
                    "unknown name `item`".to_owned(),
                    Some("`item` is there inside `with` of a task with `for_each`".to_owned()),
                )),
            },
            ("dag", Some(key)) => unknown_member("dag", key, &["name", "hash"]),
            ("run", Some(key)) => unknown_member("run", key, &["id", "kind"]),
            ("interval", Some(key)) => unknown_member("interval", key, &["start", "end"]),
            ("params", Some(key)) => {
                let params: Vec<&str> = self
                    .draft
                    .root
                    .get("params")
                    .map_or(&[][..], Node::entries)
                    .iter()
                    .map(|(key, _)| key.text.as_str())
                    .collect();
                let (what, hint) = unknown_member("params", key, &params)?;
                Some((what, hyphenated("params", key, params.into_iter()).or(hint)))
            }
            ("env", Some(key)) => {
                let allowed: Vec<&str> =
                    self.draft.catalog.env.iter().map(String::as_str).collect();
                let refused = unknown_member("env", key, &allowed)?;
                let near = refused.1.filter(|hint| hint.starts_with("did you mean"));
                let allow = format!("allow it: add `{key}` to `dags.env` in the configuration");
                Some((
                    format!("the environment variable `{key}` is not allowed in DAG files"),
                    near.or(Some(allow)),
                ))
            }
            ("outputs", Some(task)) => self.refuse_output(task, problems),
            ("dag" | "run" | "interval" | "params" | "env" | "outputs", None) => None,
            (other, _) => {
                let mut known = vec!["dag", "run", "interval", "params", "env", "outputs"];
                if item == Item::Present {
                    known.push("item");
                }
                // A misspelt rule reads as an expression with one name.
                let rules = TriggerRule::ALL.map(TriggerRule::label);
                let near_rule = crate::problem::nearest(other, rules).filter(|_| path.len() == 1);
                let hint = near_rule.map(|rule| format!("did you mean the rule `{rule}`?"));
                Some((
                    format!("unknown name `{other}`"),
                    hint.or_else(|| suggest(other, "names", known)),
                ))
            }
        }
    }

    fn refuse_output(&self, task: &str, problems: &Problems) -> Option<(String, Option<String>)> {
        if !self.draft.has_task(task) {
            let what = format!("unknown task `{task}` in `outputs.{task}`");
            let hint = hyphenated("outputs", task, self.draft.task_names());
            return Some((what, hint.or_else(|| self.draft.suggest_task(task, problems))));
        }
        let waits = self.ancestry.waits_for(self.draft.spec, self.name, task);
        (!waits).then(|| {
            let what =
                format!("`{}` reads the output of `{task}`, but does not wait for it", self.name);
            (what, Some(format!("add `{task}` to its `needs`")))
        })
    }
}

/// Who waits for whom, by place in the file.
struct Ancestry(Vec<Vec<usize>>);

impl Ancestry {
    fn new(spec: &DagSpec) -> Self {
        let places = |task: &TaskSpec| {
            let names = task.upstream().into_iter();
            names.filter_map(|name| spec.tasks.get_index_of(name)).collect()
        };
        Self(spec.tasks.values().map(places).collect())
    }

    /// Tells whether `upstream` is over before `task` may start.
    fn waits_for(&self, spec: &DagSpec, task: &TaskName, upstream: &str) -> bool {
        let (Some(task), Some(wanted)) =
            (spec.tasks.get_index_of(task), spec.tasks.get_index_of(upstream))
        else {
            // What could not be read is told by itself.
            return true;
        };
        if self.0[task].contains(&wanted) {
            return true;
        }
        let mut is_seen = vec![false; self.0.len()];
        let mut open = vec![task];
        while let Some(place) = open.pop() {
            for &above in &self.0[place] {
                if above == wanted {
                    return true;
                }
                if !std::mem::replace(&mut is_seen[above], true) {
                    open.push(above);
                }
            }
        }
        false
    }
}

/// A name with a hyphen reads as a subtraction after a dot.
fn hyphenated<'a>(
    object: &str,
    key: &str,
    mut known: impl Iterator<Item = &'a str>,
) -> Option<String> {
    let start = format!("{key}-");
    let meant = known.find(|name| name.starts_with(&start))?;
    Some(format!("a name with a hyphen is written `{object}[\"{meant}\"]`"))
}

fn unknown(
    name: &str,
    noun: &str,
    nouns: &str,
    known: &[&str],
) -> Option<(String, Option<String>)> {
    (!known.contains(&name))
        .then(|| (format!("unknown {noun} `{name}`"), suggest(name, nouns, known.iter().copied())))
}

fn unknown_member(object: &str, key: &str, known: &[&str]) -> Option<(String, Option<String>)> {
    (!known.contains(&key)).then(|| {
        let hint = suggest(key, &format!("members of `{object}`"), known.iter().copied());
        (format!("unknown name `{object}.{key}`"), hint)
    })
}

fn shortened(text: &str) -> String {
    const LONGEST: usize = 60;
    if text.chars().count() <= LONGEST {
        return text.to_owned();
    }
    text.chars().take(LONGEST).chain(['…']).collect()
}
