//! Tasks use kinds and pools that exist, and kinds accept their parameters.

use serde_json::Value;

use super::Draft;
use crate::problem::{Problem, Problems, suggest};
use crate::template::has_template;
use crate::yaml::Node;

pub(super) fn check(draft: &Draft<'_>, problems: &mut Problems) {
    let defaults = draft.root.get("defaults");
    if let Some(place) = defaults.and_then(|defaults| defaults.get("pool")) {
        check_pool(draft, problems, draft.spec.defaults.pool.as_str(), place);
    }
    for (name, task) in &draft.spec.tasks {
        let node = draft.task_node(name);
        if let (Some(pool), Some(place)) = (&task.pool, node.get("pool")) {
            check_pool(draft, problems, pool.as_str(), place);
        }
        let limits = draft.spec.defaults.of(task);
        let slots = draft.catalog.pools.get(limits.pool.as_str());
        if let Some(slots) = slots.filter(|slots| **slots < limits.slots) {
            let what = format!(
                "`{name}` takes {} slots, but the pool `{}` has {slots}",
                limits.slots, limits.pool
            );
            let by_default = defaults.and_then(|defaults| defaults.get("slots"));
            let place = node.get("slots").or(by_default).unwrap_or(node);
            let hint = "give the pool more slots in the configuration, or the task fewer";
            let problem = Problem::at(draft.source, place.span.clone(), what);
            problems.add(problem.hint(hint.to_owned()));
        }
    }
    for (name, task) in &draft.spec.tasks {
        let node = draft.task_node(name);
        let Some(kind) = draft.signature(task) else {
            let place = node.get("uses").unwrap_or(node);
            let hint = suggest(task.uses.as_str(), "kinds", draft.catalog.kinds.keys().copied());
            let what = format!("unknown kind of task `{}`", task.uses);
            problems.add(Problem::at(draft.source, place.span.clone(), what).hint(hint));
            continue;
        };
        let with = Value::Object(task.with.clone());
        if !draft.is_sound(name) || holds_template(&with) {
            continue;
        }
        for objection in (kind.check)(&with) {
            let place = node.get("with").unwrap_or(node).at_pointer(&objection.at);
            problems.add(
                Problem::at(draft.source, place.span.clone(), objection.what).hint(objection.hint),
            );
        }
    }
}

fn check_pool(draft: &Draft<'_>, problems: &mut Problems, pool: &str, place: &Node) {
    let pools = &draft.catalog.pools;
    if !pools.contains_key(pool) {
        let problem =
            Problem::at(draft.source, place.span.clone(), format!("unknown pool `{pool}`"));
        problems.add(problem.hint(suggest(pool, "pools", pools.keys().map(String::as_str))));
    }
}

fn holds_template(value: &Value) -> bool {
    match value {
        Value::String(text) => has_template(text),
        Value::Array(list) => list.iter().any(holds_template),
        Value::Object(map) => map.values().any(holds_template),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}
