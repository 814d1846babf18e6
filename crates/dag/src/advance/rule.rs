//! Trigger rules: what the ends of the tasks that it waits for mean for a task.

use crate::spec::TriggerRule;
use crate::state::{Outcome, TaskIndex};

/// What a rule says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ruling {
    /// It is not decided yet.
    Wait,
    /// The task may start.
    Met,
    /// The task can never start; the first task that decided it, where one did.
    Unmet(Option<TaskIndex>),
}

/// Applies `rule` to the tasks that are waited for, each with its outcome once it is over.
///
/// A rule is decided as soon as no later end could change it. Waiting for nothing meets every rule.
pub(super) fn ruling(
    rule: TriggerRule,
    upstream: &(impl Iterator<Item = (TaskIndex, Option<Outcome>)> + Clone),
) -> Ruling {
    let first = |is_it: fn(Outcome) -> bool| {
        upstream.clone().find(|(_, outcome)| outcome.is_some_and(is_it)).map(|(task, _)| task)
    };
    let is_all_over = || upstream.clone().all(|(_, outcome)| outcome.is_some());
    let when_all_over = |end| if is_all_over() { end } else { Ruling::Wait };
    if upstream.clone().next().is_none() {
        return Ruling::Met;
    }
    match rule {
        TriggerRule::AllSucceeded => match first(|outcome| outcome != Outcome::Succeeded) {
            Some(task) => Ruling::Unmet(Some(task)),
            None => when_all_over(Ruling::Met),
        },
        TriggerRule::AllDone => when_all_over(Ruling::Met),
        TriggerRule::OneFailed => match first(|outcome| outcome == Outcome::Failed) {
            Some(_) => Ruling::Met,
            None => when_all_over(Ruling::Unmet(None)),
        },
        TriggerRule::NoneFailed => {
            match first(|outcome| matches!(outcome, Outcome::Failed | Outcome::Cancelled)) {
                Some(task) => Ruling::Unmet(Some(task)),
                None => when_all_over(Ruling::Met),
            }
        }
        TriggerRule::OneSucceeded => match first(|outcome| outcome == Outcome::Succeeded) {
            Some(_) => Ruling::Met,
            None => when_all_over(Ruling::Unmet(None)),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One letter per task that is waited for: succeeded, failed, skipped, cancelled, or `.` while it is not over.
    fn of(rule: TriggerRule, upstream: &str) -> String {
        let outcome = |letter| match letter {
            's' => Some(Outcome::Succeeded),
            'f' => Some(Outcome::Failed),
            'k' => Some(Outcome::Skipped),
            'c' => Some(Outcome::Cancelled),
            _ => None,
        };
        let upstream =
            upstream.chars().enumerate().map(|(index, letter)| (TaskIndex(index), outcome(letter)));
        match ruling(rule, &upstream) {
            Ruling::Wait => "wait".into(),
            Ruling::Met => "met".into(),
            Ruling::Unmet(None) => "unmet".into(),
            Ruling::Unmet(Some(task)) => format!("unmet by {}", task.0),
        }
    }

    #[test]
    fn each_rule_is_decided_as_soon_as_it_can_be() {
        use TriggerRule::{AllDone, AllSucceeded, NoneFailed, OneFailed, OneSucceeded};
        let table = [
            ("", ["met", "met", "met", "met", "met"]),
            ("..", ["wait", "wait", "wait", "wait", "wait"]),
            ("s.", ["wait", "wait", "wait", "wait", "met"]),
            (".f", ["unmet by 1", "wait", "met", "unmet by 1", "wait"]),
            (".k", ["unmet by 1", "wait", "wait", "wait", "wait"]),
            ("c.", ["unmet by 0", "wait", "wait", "unmet by 0", "wait"]),
            ("ss", ["met", "met", "unmet", "met", "met"]),
            ("sf", ["unmet by 1", "met", "met", "unmet by 1", "met"]),
            ("sk", ["unmet by 1", "met", "unmet", "met", "met"]),
            ("kk", ["unmet by 0", "met", "unmet", "met", "unmet"]),
            ("cc", ["unmet by 0", "met", "unmet", "unmet by 0", "unmet"]),
        ];
        for (upstream, expected) in table {
            let rules = [AllSucceeded, AllDone, OneFailed, NoneFailed, OneSucceeded];
            assert_eq!(rules.map(|rule| of(rule, upstream)), expected, "{upstream:?}");
        }
    }
}
