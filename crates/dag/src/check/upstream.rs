//! `needs` and `inputs` name tasks that exist.

use super::Draft;
use crate::names::TaskName;
use crate::problem::{Problem, Problems};
use crate::yaml::Node;

pub(super) fn check(draft: &Draft<'_>, problems: &mut Problems) {
    for (name, task) in &draft.spec.tasks {
        let node = draft.task_node(name);
        let needs = node.get("needs").map_or(&[][..], Node::members);
        for (index, need) in task.needs.iter().enumerate() {
            let place =
                needs.iter().find(|member| member.as_text() == Some(need.as_str())).unwrap_or(node);
            check_name(draft, problems, name, need, place);
            if task.needs[..index].contains(need) {
                problems.add(Problem::at(
                    draft.source,
                    place.span.clone(),
                    format!("`{need}` is needed twice"),
                ));
            }
        }
        for (port, wires) in &task.inputs {
            let place =
                node.get("inputs").and_then(|inputs| inputs.get(port.as_str())).unwrap_or(node);
            for (index, wire) in wires.0.iter().enumerate() {
                check_name(
                    draft,
                    problems,
                    name,
                    &wire.task,
                    place.members().get(index).unwrap_or(place),
                );
            }
        }
    }
}

fn check_name(
    draft: &Draft<'_>,
    problems: &mut Problems,
    task: &TaskName,
    needed: &TaskName,
    place: &Node,
) {
    if needed == task {
        problems.add(Problem::at(
            draft.source,
            place.span.clone(),
            format!("`{task}` waits for itself"),
        ));
    } else if !draft.has_task(needed.as_str()) {
        let hint = draft.suggest_task(needed.as_str(), problems);
        let what = format!("unknown task `{needed}`");
        problems.add(Problem::at(draft.source, place.span.clone(), what).hint(hint));
    }
}
