//! Wires go from outputs to inputs that hold the same, and what must be there is there.

use super::Draft;
use crate::catalog::{Arity, Port, Signature};
use crate::names::TaskName;
use crate::problem::{Problem, Problems, suggest};
use crate::spec::{TaskSpec, TriggerRule, Wire};
use crate::yaml::Node;

pub(super) fn check(draft: &Draft<'_>, problems: &mut Problems) {
    for (name, task) in &draft.spec.tasks {
        let Some(kind) = draft.signature(task) else {
            continue;
        };
        check_inputs(draft, problems, (name, task), kind);
        if draft.is_sound(name) {
            check_required(draft, problems, (name, task), kind);
        }
    }
}

fn check_inputs(
    draft: &Draft<'_>,
    problems: &mut Problems,
    (name, task): (&TaskName, &TaskSpec),
    kind: &Signature,
) {
    let inputs = draft.task_node(name).get("inputs");
    for (port_name, wires) in &task.inputs {
        let Some((key, place)) = inputs.and_then(|inputs| inputs.entry(port_name.as_str())) else {
            continue;
        };
        let Some(port) = kind.ports.input(port_name.as_str()) else {
            let known = kind.ports.inputs.iter().map(|port| port.name);
            let what = format!("`{}` has no input `{port_name}`", kind.name);
            let problem = Problem::at(draft.source, key.span.clone(), what);
            problems.add(problem.hint(suggest(port_name.as_str(), "inputs", known)));
            continue;
        };
        for (index, wire) in wires.0.iter().enumerate() {
            let place = place.members().get(index).unwrap_or(place);
            check_wire(draft, problems, (name, port), (wire, place));
        }
        let is_mapped = |wire: &Wire| {
            draft.spec.tasks.get(&wire.task).is_some_and(|task| task.for_each.is_some())
        };
        let gives_many = wires.0.len() > 1 || wires.0.iter().any(is_mapped);
        if gives_many && port.arity != Arity::Many {
            let what = format!(
                "input `{port_name}` of `{name}` takes one artefact, but is wired to several"
            );
            problems.add(Problem::at(draft.source, place.span.clone(), what));
        }
        if task.when.rule != TriggerRule::AllSucceeded && port.arity == Arity::One {
            let what = format!(
                "input `{port_name}` of `{name}` may be missing when its rule is `{}`",
                task.when.rule.label()
            );
            let hint =
                "wire inputs only under `all_succeeded`; order without data by `needs`".to_owned();
            problems.add(Problem::at(draft.source, place.span.clone(), what).hint(hint));
        }
    }
}

fn check_wire(
    draft: &Draft<'_>,
    problems: &mut Problems,
    (name, port): (&TaskName, &Port),
    (wire, place): (&Wire, &Node),
) {
    let Some(maker) = draft.spec.tasks.get(&wire.task).and_then(|task| draft.signature(task))
    else {
        return;
    };
    let outputs = maker.ports.outputs;
    match maker.ports.output(wire.port.as_str()) {
        None => {
            let what = format!("`{}` has no output `{}`", wire.task, wire.port);
            let hint =
                suggest(wire.port.as_str(), "outputs", outputs.iter().map(|output| output.name));
            problems.add(Problem::at(draft.source, place.span.clone(), what).hint(hint));
        }
        Some(output) if output.holds != port.holds => {
            let what = format!(
                "input `{}` of `{name}` takes `{}`, but `{wire}` holds `{}`",
                port.name, port.holds, output.holds
            );
            problems.add(
                Problem::at(draft.source, place.span.clone(), what)
                    .hint(other_source(draft, name, port)),
            );
        }
        Some(_) => {}
    }
}

/// An output elsewhere in the file that would fit.
fn other_source(draft: &Draft<'_>, name: &TaskName, port: &Port) -> Option<String> {
    let others = draft.spec.tasks.iter().filter(|(other, _)| *other != name);
    let mut fitting = others.filter_map(|(other, task)| {
        let output = draft
            .signature(task)?
            .ports
            .outputs
            .iter()
            .find(|output| output.holds == port.holds)?;
        Some(format!("did you mean `{other}.{}`?", output.name))
    });
    fitting.next()
}

fn check_required(
    draft: &Draft<'_>,
    problems: &mut Problems,
    (name, task): (&TaskName, &TaskSpec),
    kind: &Signature,
) {
    for port in kind.ports.inputs.iter().filter(|port| port.arity == Arity::One) {
        if !task.inputs.contains_key(port.name) {
            let what = format!("`{name}` lacks the input `{}`", port.name);
            let hint = other_source(draft, name, port)
                .map(|found| found.replace("did you mean", "wire it, for instance to"));
            problems.add(
                Problem::at(draft.source, draft.task_key(name), what)
                    .hint(hint.map(|hint| hint.replace('?', ""))),
            );
        }
    }
}
