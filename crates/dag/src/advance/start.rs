//! The start of a task of the plan: its rule, then its condition, then its list.

use super::board::{Board, End};
use super::expand::members;
use super::rule::{Ruling, ruling};
use super::{Effect, Reason};
use crate::plan::OutputsRead;
use crate::state::{OnChildFailure, TaskIndex, TaskState};
use crate::template::{Scope, TemplateError};

impl Board<'_> {
    /// Starts or ends a blocked node if what it waits for decides that; otherwise it goes on waiting.
    pub(super) fn start_if_allowed(&mut self, node: TaskIndex) {
        let is_blocked = matches!(self.task(node).state, TaskState::Blocked);
        if !is_blocked || !self.is_open(node) {
            return;
        }
        let plan = self.plan.node(node);
        let upstream = plan.upstream.iter().map(|&upstream| (upstream, self.over(upstream)));
        match ruling(plan.rule(), &upstream) {
            Ruling::Wait => {}
            Ruling::Unmet(by) => {
                let upstream = by.map(|by| self.plan.node(by).name.to_string());
                self.end(node, End::skipped(Reason::RuleUnmet { upstream }));
            }
            Ruling::Met => self.start(node),
        }
    }

    fn start(&mut self, node: TaskIndex) {
        let plan = self.plan.node(node);
        if let Some(condition) = plan.condition() {
            match self.scope(node).is_true(condition) {
                Ok(true) => {}
                Ok(false) => return self.end(node, End::skipped(Reason::ConditionFalse)),
                Err(error) => return self.end(node, End::failed(bad_expression(&error))),
            }
        }
        let Some(list) = plan.for_each() else {
            return self.push(Effect::Ready { task: node, phase: 0 });
        };
        match members(&plan.spec.uses, list, || self.scope(node)) {
            Ok(members) if members.is_empty() => {
                self.end(node, End::succeeded(serde_json::json!([]).into()));
            }
            Ok(children) => {
                let on_child_failure = OnChildFailure::Fail;
                self.push(Effect::Expand { task: node, children, state: None, on_child_failure });
            }
            Err(reason) => self.end(node, End::failed(reason)),
        }
    }

    /// What the expressions of a node may read: the run's facts, and outputs of tasks that are over.
    fn scope(&self, node: TaskIndex) -> Scope {
        let scope = Scope::new(self.view.facts.clone());
        match self.plan.reads(node) {
            OutputsRead::Of(tasks) => {
                tasks.iter().fold(scope, |scope, &task| self.with_output(scope, task))
            }
            OutputsRead::All => (0..self.plan.nodes().len())
                .fold(scope, |scope, task| self.with_output(scope, TaskIndex(task))),
        }
    }

    fn with_output(&self, scope: Scope, task: TaskIndex) -> Scope {
        match self.output(task) {
            Some(output) if !self.is_open(task) => {
                scope.with_output(self.plan.node(task).name.clone(), output.clone())
            }
            Some(_) | None => scope,
        }
    }
}

/// What a person reads of an expression that could not be evaluated, with its cause.
pub(super) fn bad_expression(error: &TemplateError) -> Reason {
    Reason::BadExpression { error: format!("{error}: {}", error.source) }
}
