//! Every task can start in some course of events.

use std::collections::BTreeMap;

use super::Draft;
use crate::names::TaskName;
use crate::plan::{Node, Plan};
use crate::problem::{Problem, Problems};
use crate::spec::TriggerRule;
use crate::template::constant;

/// Which ends a task can come to, whatever its work does.
#[derive(Clone, Copy, Debug, Default)]
struct Ends {
    succeeded: bool,
    failed: bool,
    skipped: bool,
}

pub(super) fn check(draft: &Draft<'_>, plan: &Plan, problems: &mut Problems) {
    let mut ends: BTreeMap<&TaskName, Ends> = BTreeMap::new();
    for node in plan.nodes() {
        let upstream: Vec<Ends> =
            node.upstream.iter().map(|index| ends[&plan.node(*index).name]).collect();
        let can_start = can_start(node, &upstream);
        if let Err(why) = can_start {
            let what = format!("`{}` can never start: {why}", node.name);
            problems.add(Problem::at(draft.source, draft.task_key(&node.name), what));
        }
        ends.insert(&node.name, ends_of(node, can_start.is_ok()));
    }
}

fn can_start(node: &Node, upstream: &[Ends]) -> Result<(), &'static str> {
    let some = |can: fn(&Ends) -> bool| upstream.iter().any(can);
    let all = |can: fn(&Ends) -> bool| upstream.iter().all(can);
    match node.rule() {
        TriggerRule::AllSucceeded if !all(|ends| ends.succeeded) => {
            Err("a task that it needs can never succeed")
        }
        TriggerRule::OneFailed if upstream.is_empty() => {
            Err("its rule is `one_failed`, but it needs no task")
        }
        TriggerRule::OneFailed if !some(|ends| ends.failed) => {
            Err("no task that it needs can fail")
        }
        TriggerRule::OneSucceeded if upstream.is_empty() => {
            Err("its rule is `one_succeeded`, but it needs no task")
        }
        TriggerRule::OneSucceeded if !some(|ends| ends.succeeded) => {
            Err("no task that it needs can succeed")
        }
        TriggerRule::NoneFailed if !all(|ends| ends.succeeded || ends.skipped) => {
            Err("a task that it needs always fails")
        }
        TriggerRule::AllSucceeded
        | TriggerRule::AllDone
        | TriggerRule::OneFailed
        | TriggerRule::NoneFailed
        | TriggerRule::OneSucceeded => match node.condition().and_then(constant) {
            Some(value) if !value.is_true() => Err("its condition is always false"),
            _ => Ok(()),
        },
    }
}

fn ends_of(node: &Node, can_start: bool) -> Ends {
    if !can_start {
        return Ends { skipped: true, ..Ends::default() };
    }
    let may_be_skipped = node.condition().is_some()
        || (node.rule() != TriggerRule::AllDone && !node.upstream.is_empty());
    Ends { succeeded: true, failed: true, skipped: may_be_skipped }
}
