//! From the text of a DAG file to a checked [`Dag`], or to all that is wrong with it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, LazyLock};

use serde_json::{Value, json};

use crate::catalog::Catalog;
use crate::check::{self, Draft};
use crate::hash::content_hash;
use crate::plan::Plan;
use crate::problem::{Problem, Problems, SourceText};
use crate::shape::{Files, Findings, Included, Shape};
use crate::spec::DagSpec;
use crate::yaml::{self, Node};

/// A DAG file without mistakes, with all that it includes.
#[derive(Clone, Debug, PartialEq)]
pub struct Dag {
    /// What it says; included files stand in `with` as path and content.
    pub spec: DagSpec,
    /// The hash of its content and of all that it includes; comments and the order of keys do not count.
    pub hash: String,
    /// Its path from the repository's root.
    pub path: String,
    /// The files that it includes, sorted.
    pub includes: Vec<String>,
    /// Its tasks, ordered.
    pub plan: Plan,
}

/// The JSON Schema of DAG files, for editors and for the check itself.
pub static SCHEMA: LazyLock<Value> = LazyLock::new(|| {
    let mut schema = schemars::schema_for!(DagSpec).to_value();
    schema["title"] = json!("A tidemill DAG");
    schema
});

/// Reads and checks one file.
pub fn read_dag(
    source: &Arc<SourceText>,
    catalog: &Catalog,
    files: &dyn Files,
) -> Result<Dag, Problems> {
    let root = yaml::parse(source)?;
    if root.content == yaml::Content::Null {
        let hint =
            "it begins with `dag: NAME` and `tasks:`; `dags/demo_tides.yaml` shows how".to_owned();
        return Err(Problem::of_file(source, "the file is empty").hint(hint).into());
    }
    let mut findings = Shape::compare_file(source, files, &SCHEMA, &root);
    compare_params(source, &root, catalog, files, &mut findings);
    let Findings { mut problems, unfit, includes } = findings;
    let includes: BTreeMap<usize, Included<Value>> = includes.into_iter().collect();

    // What does not fit is left out, so that one slip does not hide the others.
    let document = document(&root, &unfit, &includes);
    let spec: DagSpec = match serde_path_to_error::deserialize(document) {
        Ok(spec) => spec,
        Err(error) => return Err(or_internal(problems, source, &root, &error)),
    };
    let draft = Draft::new(source, &root, &spec, &unfit, catalog);
    let plan = Plan::new(&spec);
    problems.extend(check::all(&draft, &plan));
    let Ok(plan) = plan else {
        return Err(problems);
    };
    if !problems.is_empty() {
        return Err(problems);
    }
    let includes: BTreeSet<String> = includes.into_values().map(|file| file.path).collect();
    let path = source.path.clone();
    Ok(Dag {
        hash: content_hash(&spec),
        spec,
        path,
        includes: includes.into_iter().collect(),
        plan,
    })
}

/// Holds each task's `with` against the schema of its kind.
fn compare_params(
    source: &Arc<SourceText>,
    root: &Node,
    catalog: &Catalog,
    files: &dyn Files,
    findings: &mut Findings,
) {
    for (_, task) in root.get("tasks").map_or(&[][..], Node::entries) {
        let kind =
            task.get("uses").and_then(Node::as_text).and_then(|name| catalog.kinds.get(name));
        let Some(kind) = kind else {
            continue;
        };
        let nothing = Node { span: task.span.clone(), content: yaml::Content::Map(Vec::new()) };
        let with = task.get("with").unwrap_or(&nothing);
        let mut found = Shape::compare_params(source, files, &kind.params, with);
        if task.get("with").is_none() {
            // The place stands for the task, which is not itself at fault.
            found.unfit.clear();
        }
        findings.problems.extend(found.problems);
        findings.unfit.extend(found.unfit);
        findings.includes.extend(found.includes);
    }
}

/// The file as JSON, without what does not fit, and with included files in the place of their names.
fn document(
    root: &Node,
    unfit: &BTreeSet<usize>,
    includes: &BTreeMap<usize, Included<Value>>,
) -> Value {
    let mut document = root.to_json_with(&|node| {
        if unfit.contains(&node.span.start) {
            return yaml::Turn::LeaveOut;
        }
        match includes.get(&node.span.start).filter(|_| node.as_text().is_some()) {
            Some(file) => {
                yaml::Turn::Replace(json!({ "path": file.path, "content": file.content }))
            }
            None => yaml::Turn::Keep,
        }
    });
    if let Value::Object(map) = &mut document {
        // What every file must have stands in when it is missing: that is told already.
        map.entry("dag").or_insert_with(|| json!("unnamed"));
        map.entry("tasks").or_insert_with(|| json!({}));
    }
    document
}

/// The problems found so far, or, if there were none, the one that the types still found.
fn or_internal(
    mut problems: Problems,
    source: &Arc<SourceText>,
    root: &Node,
    error: &serde_path_to_error::Error<serde_json::Error>,
) -> Problems {
    if problems.is_empty() {
        let parts: Vec<String> = error.path().iter().map(|segment| format!("/{segment}")).collect();
        let pointer = parts.concat();
        problems.add(Problem::at(
            source,
            root.at_pointer(&pointer).span.clone(),
            error.inner().to_string(),
        ));
    }
    problems
}

/// Leaves out DAGs that another file defines already: each file but the first one is refused.
pub fn refuse_twins(dags: Vec<(Arc<SourceText>, Dag)>, problems: &mut Problems) -> Vec<Dag> {
    let mut owners: BTreeMap<String, String> = BTreeMap::new();
    let mut kept = Vec::new();
    for (source, dag) in dags {
        let name = dag.spec.dag.to_string();
        if let Some(owner) = owners.get(&name) {
            let what = format!("the DAG `{name}` is already defined in {owner}");
            problems.add(
                Problem::of_file(&source, what).hint("give one of them another name".to_owned()),
            );
        } else {
            owners.insert(name, source.path.clone());
            kept.push(dag);
        }
    }
    kept
}
