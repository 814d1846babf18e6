//! Parameters of a run have defaults that fit, and scheduled runs need no others.

use super::Draft;
use crate::problem::{Problem, Problems};

pub(super) fn check(draft: &Draft<'_>, problems: &mut Problems) {
    for (name, param) in &draft.spec.params {
        let Some((key, node)) =
            draft.root.get("params").and_then(|params| params.entry(name.as_str()))
        else {
            continue;
        };
        if let Some(fault) = param.contradiction() {
            problems.add(Problem::at(draft.source, node.span.clone(), format!("`{name}` {fault}")));
        }
        let Some(default) = &param.default else {
            if draft.spec.schedule.is_some() {
                let what = format!(
                    "the parameter `{name}` has no default, so a scheduled run cannot start"
                );
                let hint = "give it a `default`, or drop the `schedule`".to_owned();
                problems.add(Problem::at(draft.source, key.span.clone(), what).hint(hint));
            }
            continue;
        };
        let place = node.get("default").unwrap_or(node);
        if let Some(fault) = param.refuse(default) {
            problems.add(Problem::at(
                draft.source,
                place.span.clone(),
                format!("the default of `{name}` {fault}"),
            ));
        }
    }
}
