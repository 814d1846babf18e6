//! What DAGs say about each other: a task that names another DAG names one that exists, with parameters that it takes.
//!
//! A kind says by the formats `dag` and `dag-params` in the schema of its parameters that it names a DAG, and what it gives it.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value};

use crate::catalog::{Catalog, Signature};
use crate::load::Dag;
use crate::names::ParamName;
use crate::problem::{Problem, Problems, SourceText, suggest};
use crate::spec::DagSpec;
use crate::template::has_template;
use crate::yaml::{self, Node};

/// Checks what the tasks of DAGs say about other DAGs of the repository, and gives the DAGs that say nothing wrong.
///
/// `broken` are the names of DAGs whose files have problems, with their files: they exist, and nothing else is known of
/// them. Those that are refused here are added.
pub fn refuse_dangling(
    dags: Vec<(Arc<SourceText>, Dag)>,
    broken: &mut Vec<(String, String)>,
    catalog: &Catalog,
    problems: &mut Problems,
) -> Vec<(Arc<SourceText>, Dag)> {
    let mut known: BTreeMap<String, Option<DagSpec>> =
        broken.iter().map(|(name, _)| (name.clone(), None)).collect();
    for (_, dag) in &dags {
        known.insert(dag.spec.dag.to_string(), Some(dag.spec.clone()));
    }
    let mut kept = Vec::with_capacity(dags.len());
    for (source, dag) in dags {
        let found = check(&source, &dag, catalog, &known);
        if found.is_empty() {
            kept.push((source, dag));
        } else {
            broken.push((dag.spec.dag.to_string(), source.path.clone()));
        }
        problems.extend(found);
    }
    kept
}

fn check(
    source: &Arc<SourceText>,
    dag: &Dag,
    catalog: &Catalog,
    known: &BTreeMap<String, Option<DagSpec>>,
) -> Problems {
    let mut problems = Problems::default();
    for (name, task) in &dag.spec.tasks {
        let signature = catalog.kinds.get(task.uses.as_str());
        let Some(reference) = signature.and_then(|kind| Reference::of(kind, &task.with)) else {
            continue;
        };
        let with = place_of(source, name.as_str());
        for fault in reference.faults(known) {
            let at = with.as_ref().map(|with| with.at_pointer(&fault.at).span.clone());
            let problem = match at {
                Some(span) => Problem::at(source, span, fault.what),
                None => Problem::of_file(source, fault.what),
            };
            problems.add(problem.hint(fault.hint));
        }
    }
    problems
}

/// The DAGs that the tasks of a DAG name.
pub fn named_by<'a>(dag: &'a Dag, catalog: &'a Catalog) -> impl Iterator<Item = &'a str> {
    dag.spec.tasks.values().filter_map(|task| {
        let kind = catalog.kinds.get(task.uses.as_str())?;
        Some(Reference::of(kind, &task.with)?.dag)
    })
}

/// The tree of a task's `with`; only a file that names another DAG is read again for it.
fn place_of(source: &Arc<SourceText>, task: &str) -> Option<Node> {
    let tree = yaml::parse(source).ok()?;
    Some(tree.get("tasks")?.get(task)?.get("with")?.clone())
}

/// A DAG that a task names, and what it gives it.
struct Reference<'a> {
    field: &'a str,
    dag: &'a str,
    params: Option<(&'a str, &'a Map<String, Value>)>,
}

struct Fault {
    at: String,
    what: String,
    hint: Option<String>,
}

impl<'a> Reference<'a> {
    /// What a kind names by its parameters, if it does, and if that stands there as it is.
    fn of(kind: &'a Signature, with: &'a Map<String, Value>) -> Option<Self> {
        let properties = kind.params.get("properties")?.as_object()?;
        let of_format = |wanted: &str| {
            let mut found = properties.iter().filter(|(_, property)| property["format"] == wanted);
            found.next().map(|(name, _)| name.as_str())
        };
        let field = of_format("dag")?;
        let dag = with.get(field)?.as_str().filter(|name| !has_template(name))?;
        let params = of_format("dag-params");
        let params = params.and_then(|field| Some((field, with.get(field)?.as_object()?)));
        Some(Self { field, dag, params })
    }

    fn faults(&self, known: &BTreeMap<String, Option<DagSpec>>) -> Vec<Fault> {
        let Some(target) = known.get(self.dag) else {
            let hint = suggest(self.dag, "DAGs", known.keys().map(String::as_str));
            let what = format!("there is no DAG `{}` in the repository", self.dag);
            return vec![Fault { at: format!("/{}", self.field), what, hint }];
        };
        let Some(target) = target else { return Vec::new() };
        let nothing = Map::new();
        let (at, given) = match self.params {
            Some((field, given)) => (format!("/{field}"), given),
            None => (format!("/{}", self.field), &nothing),
        };
        let mut faults = Vec::new();
        for (name, value) in given {
            let at = format!("{at}/{}", name.replace('~', "~0").replace('/', "~1"));
            let Some(param) = target.params.get(name.as_str()) else {
                let known = target.params.keys().map(ParamName::as_str);
                let hint = suggest(name, "parameters", known);
                let what = format!("`{}` has no parameter `{name}`", self.dag);
                faults.push(Fault { at, what, hint });
                continue;
            };
            let is_template = value.as_str().is_some_and(has_template);
            if let Some(fault) = param.refuse(value).filter(|_| !is_template) {
                let what = format!("the parameter `{name}` of `{}` {fault}", self.dag);
                faults.push(Fault { at, what, hint: param.description.clone() });
            }
        }
        for (name, param) in &target.params {
            if param.default.is_none() && !given.contains_key(name.as_str()) {
                let what = format!("`{}` needs the parameter `{name}`", self.dag);
                let hint =
                    Some(format!("give it in `params`, or give it a default in `{}`", self.dag));
                faults.push(Fault { at: at.clone(), what, hint });
            }
        }
        faults
    }
}
