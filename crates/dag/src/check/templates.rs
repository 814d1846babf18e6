//! Templates and expressions read only what is there, and call only what is allowed.

use std::collections::BTreeSet;
use std::ops::Range;

use super::Draft;
use crate::names::TaskName;
use crate::problem::{Problem, Problems, suggest};
use crate::spec::{ForEach, TaskSpec, TriggerRule};
use crate::template::{
    BadTemplate, FILTERS, TESTS, Use, UseKind, has_template, uses_in_expression, uses_in_template,
};
use crate::yaml::{Content, Node};

pub(super) fn check(draft: &Draft<'_>, problems: &mut Problems) {
    for (name, task) in &draft.spec.tasks {
        let node = draft.task_node(name);
        let reader = Reader { draft, name, task };
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
                    if let Some((what, hint)) = self.refuse(&found, item) {
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
    fn refuse(&self, found: &Use, item: Item) -> Option<(String, Option<String>)> {
        let name = found.path[0].as_str();
        match found.kind {
            UseKind::Forbidden => {
                let hint = "use an expression with filters, such as `{{ interval.start | date }}`"
                    .to_owned();
                Some((format!("a {name} has no place in a DAG file"), Some(hint)))
            }
            UseKind::Filter => unknown(name, "filter", "filters", &FILTERS),
            UseKind::Test => unknown(name, "test", "tests", &TESTS),
            UseKind::Name => self.refuse_path(&found.path, item),
        }
    }

    fn refuse_path(&self, path: &[String], item: Item) -> Option<(String, Option<String>)> {
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
                unknown_member("params", key, &params)
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
            ("outputs", Some(task)) => self.refuse_output(task),
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

    fn refuse_output(&self, task: &str) -> Option<(String, Option<String>)> {
        if !self.draft.has_task(task) {
            let what = format!("unknown task `{task}` in `outputs.{task}`");
            return Some((what, suggest(task, "tasks", self.draft.task_names())));
        }
        let is_upstream = self.ancestors().contains(task);
        (!is_upstream).then(|| {
            let what =
                format!("`{}` reads the output of `{task}`, but does not wait for it", self.name);
            (what, Some(format!("add `{task}` to its `needs`")))
        })
    }

    /// All tasks that are over before this one may start.
    fn ancestors(&self) -> BTreeSet<&str> {
        let mut seen: BTreeSet<&str> = BTreeSet::new();
        let mut waiting: Vec<&TaskName> = self.task.upstream();
        while let Some(name) = waiting.pop() {
            if seen.insert(name.as_str()) {
                waiting.extend(
                    self.draft.spec.tasks.get(name).into_iter().flat_map(TaskSpec::upstream),
                );
            }
        }
        seen
    }
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
