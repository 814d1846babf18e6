//! Reruns: which tasks of an earlier run are carried out again, and which keep what they made.
//!
//! A rerun is a run of its own over the same interval. What it keeps it takes over from the earlier run, so history is
//! never rewritten, and the earlier run can still be read as it was.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::names::TaskName;
use crate::plan::Plan;
use crate::slots::Slots;
use crate::state::{Outcome, TaskIndex, TaskPath, TaskState, TaskView, View};
use crate::template::Facts;
use crate::time::Timestamp;

/// Which tasks to carry out again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Selection {
    /// Those that failed or were cancelled, with all that waits for them.
    Failed,
    /// These, with all that waits for them.
    From(Vec<TaskName>),
    /// These alone; members of mapped tasks by their label, as in `score[3]`.
    Only(Vec<TaskPath>),
}

/// What a rerun does with one task, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Turn {
    /// It runs: it did not succeed.
    Unfinished,
    /// It runs: it was named.
    Named,
    /// It runs: something that it waits for runs.
    Downstream,
    /// It runs: the earlier run did not have it.
    New,
    /// Some of its members run; the others keep what they made.
    Members,
    /// It keeps how it ended, and what it made.
    Kept,
}

impl Turn {
    /// Tells whether the task does any work again.
    pub const fn runs(self) -> bool {
        !matches!(self, Self::Kept)
    }
}

impl fmt::Display for Turn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unfinished => "runs: it did not succeed",
            Self::Named => "runs: it was named",
            Self::Downstream => "runs: something that it waits for runs",
            Self::New => "runs: the earlier run did not have it",
            Self::Members => "runs in part: only members that need it",
            Self::Kept => "keeps what it made",
        })
    }
}

/// A selection that cannot be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadSelection {
    /// The earlier run is not over.
    #[error("the run is not over yet")]
    StillOpen,
    /// There is no such task.
    #[error("the run has no task `{task}`")]
    UnknownTask {
        /// What was named.
        task: TaskPath,
    },
    /// Only members of mapped tasks can be named by label.
    #[error("`{task}` is no member of a mapped task")]
    NoMember {
        /// What was named.
        task: TaskPath,
    },
    /// Nothing is left to do.
    #[error("every task of the run succeeded or was skipped on purpose")]
    NothingToDo,
}

/// What a rerun will do.
#[derive(Clone, Debug, PartialEq)]
pub struct Rerun {
    /// For each node of the plan, what happens to it.
    pub turns: Vec<Turn>,
    /// The new run before it opens; [`Event::Opened`](crate::advance::Event::Opened) starts it.
    pub view: View,
    /// For each task of the new run that keeps its end, where it stands in the earlier run.
    pub kept: Vec<(TaskIndex, TaskIndex)>,
    /// For each member that runs again beside members that are kept, where it stands in the earlier run.
    pub repeated: Vec<(TaskIndex, TaskIndex)>,
}

impl Rerun {
    /// Works out a rerun of `earlier` by `plan`, which may be of a later version.
    pub fn of(
        plan: &Plan,
        facts: Arc<Facts>,
        earlier: &View,
        selection: &Selection,
    ) -> Result<Self, BadSelection> {
        if earlier.tasks.iter().any(|task| !task.is_done()) {
            return Err(BadSelection::StillOpen);
        }
        let old = |node: usize| earlier_node(plan, earlier, node);
        let mut members = BTreeSet::new();
        let mut turns = select(plan, earlier, selection, &mut members)?;
        if !matches!(selection, Selection::Only(_)) {
            run_downstream(plan, &mut turns);
        }
        let is_same_version = facts.hash == earlier.facts.hash;
        for (node, turn) in turns.iter_mut().enumerate() {
            if *turn == Turn::Unfinished && is_same_version && is_repairable(plan, earlier, node) {
                *turn = Turn::Members;
            }
        }
        if turns.iter().all(|turn| !turn.runs()) {
            return Err(BadSelection::NothingToDo);
        }
        let view = View::open(plan, facts);
        let mut rerun = Self { turns, view, kept: Vec::new(), repeated: Vec::new() };
        for node in 0..plan.nodes().len() {
            if let Some(old) = old(node) {
                rerun.take_over(plan, earlier, (node, old), &members);
            }
        }
        Ok(rerun)
    }

    /// Gives a node of the new run what it keeps of the earlier one.
    fn take_over(
        &mut self,
        plan: &Plan,
        earlier: &View,
        (node, old): (usize, TaskIndex),
        named: &BTreeSet<TaskIndex>,
    ) {
        match self.turns[node] {
            Turn::Unfinished | Turn::Named | Turn::Downstream | Turn::New => {}
            Turn::Kept => {
                self.view.tasks[node] = kept(&earlier.tasks[old.0], None);
                self.kept.push((TaskIndex(node), old));
                if plan.nodes()[node].for_each().is_some() {
                    // What its members wrote is wired to others.
                    for member in children(earlier, old) {
                        self.add_member(node, member, None);
                    }
                }
            }
            Turn::Members => {
                let since = ended_at(&earlier.tasks[old.0]);
                let attempt = self.view.tasks[node].attempt;
                self.view.tasks[node].state = TaskState::Expanded { attempt, since };
                for (index, member) in children(earlier, old) {
                    let runs = if named.is_empty() {
                        member.state.outcome() != Some(Outcome::Succeeded)
                    } else {
                        named.contains(&index)
                    };
                    self.add_member(node, (index, member), runs.then_some(since));
                }
            }
        }
    }

    /// Adds a member: ready again, or as it ended.
    fn add_member(
        &mut self,
        node: usize,
        (index, member): (TaskIndex, &TaskView),
        ready: Option<Timestamp>,
    ) {
        let parent = Some(TaskIndex(node));
        let new = TaskIndex(self.view.tasks.len());
        let task = if let Some(since) = ready {
            self.repeated.push((new, index));
            TaskView {
                slots: Slots::declared(member.slots.declared),
                ..TaskView::new(member.path.clone(), parent, TaskState::Ready { since })
            }
        } else {
            self.kept.push((new, index));
            kept(member, parent)
        };
        self.view.tasks.push(task);
    }
}

/// What happens to each node by the selection alone; named members are added to `members`.
fn select(
    plan: &Plan,
    earlier: &View,
    selection: &Selection,
    members: &mut BTreeSet<TaskIndex>,
) -> Result<Vec<Turn>, BadSelection> {
    let mut turns = vec![Turn::Kept; plan.nodes().len()];
    for (node, turn) in turns.iter_mut().enumerate() {
        let outcome =
            earlier_node(plan, earlier, node).map(|old| earlier.tasks[old.0].state.outcome());
        *turn = match (outcome, selection) {
            (None, _) => Turn::New,
            (Some(Some(Outcome::Failed | Outcome::Cancelled)), Selection::Failed) => {
                Turn::Unfinished
            }
            (Some(_), _) => Turn::Kept,
        };
    }
    let named: Vec<TaskPath> = match selection {
        Selection::Failed => Vec::new(),
        Selection::From(names) => names.iter().cloned().map(TaskPath::of_node).collect(),
        Selection::Only(paths) => paths.clone(),
    };
    for path in named {
        let unknown = || BadSelection::UnknownTask { task: path.clone() };
        let node = plan.index_of(&path.node).ok_or_else(unknown)?;
        if path.labels.is_empty() {
            turns[node.0] = Turn::Named;
            continue;
        }
        let place = earlier.tasks.iter().position(|task| task.path == path).ok_or_else(unknown)?;
        let is_member = plan.node(node).for_each().is_some() && path.labels.len() == 1;
        if !is_member {
            return Err(BadSelection::NoMember { task: path });
        }
        members.insert(TaskIndex(place));
        turns[node.0] = Turn::Members;
    }
    Ok(turns)
}

/// Everything that waits for something that runs, runs: what it read may change.
fn run_downstream(plan: &Plan, turns: &mut [Turn]) {
    // The plan's order puts a task after all that it waits for.
    for (node, spec) in plan.nodes().iter().enumerate() {
        let may_change = matches!(turns[node], Turn::Kept | Turn::Unfinished);
        if may_change && spec.upstream.iter().any(|upstream| turns[upstream.0].runs()) {
            turns[node] = Turn::Downstream;
        }
    }
}

/// Tells whether a mapped task can run its failed members alone.
fn is_repairable(plan: &Plan, earlier: &View, node: usize) -> bool {
    let Some(place) = earlier_node(plan, earlier, node) else {
        return false;
    };
    let mut members = children(earlier, place).peekable();
    // A member that asked for children itself starts over, and so its parent does.
    plan.nodes()[node].for_each().is_some()
        && members.peek().is_some()
        && members.all(|(index, _)| children(earlier, index).next().is_none())
}

fn earlier_node(plan: &Plan, earlier: &View, node: usize) -> Option<TaskIndex> {
    let name = &plan.nodes()[node].name;
    let place =
        earlier.tasks.iter().position(|task| task.parent.is_none() && task.path.node == *name);
    place.map(TaskIndex)
}

fn children(view: &View, parent: TaskIndex) -> impl Iterator<Item = (TaskIndex, &TaskView)> {
    let tasks = view.tasks.iter().enumerate();
    tasks
        .filter(move |(_, task)| task.parent == Some(parent))
        .map(|(index, task)| (TaskIndex(index), task))
}

fn kept(task: &TaskView, parent: Option<TaskIndex>) -> TaskView {
    TaskView {
        parent,
        attempt: task.attempt,
        output: task.output.clone(),
        slots: task.slots,
        ..TaskView::new(task.path.clone(), parent, task.state.clone())
    }
}

fn ended_at(task: &TaskView) -> Timestamp {
    match task.state {
        TaskState::Done { at, .. } => at,
        TaskState::Blocked
        | TaskState::Ready { .. }
        | TaskState::Running { .. }
        | TaskState::Backoff { .. }
        | TaskState::Expanded { .. } => unreachable!("the caller saw that all tasks are over"),
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use serde_json::json;

    use super::*;
    use crate::advance::{Event, Retry, Verdict, advance};
    use crate::ids::{RunId, WorkerId};
    use crate::schedule::Zone;
    use crate::spec::DagSpec;
    use crate::state::{Lease, RunKind};
    use crate::time::DataInterval;

    /// `first -> each[0..3] -> last`, `beside`, and a finaliser.
    fn plan() -> Plan {
        let spec: DagSpec = serde_json::from_value(json!({ "dag": "test", "tasks": {
            "first": { "uses": "noop" },
            "each": { "uses": "noop", "needs": ["first"], "for_each": [1, 2, 3] },
            "last": { "uses": "noop", "needs": ["each"] },
            "beside": { "uses": "noop" },
            "close": { "uses": "noop", "finally": true },
        }}))
        .unwrap();
        Plan::new(&spec).unwrap()
    }

    fn facts(hash: &str) -> Arc<Facts> {
        let start = Timestamp::UNIX_EPOCH;
        Arc::new(Facts {
            dag: "test".parse().unwrap(),
            hash: hash.into(),
            run: RunId::generate(),
            kind: RunKind::Manual,
            interval: DataInterval { start, end: start + TimeDelta::days(1) },
            zone: Zone::UTC,
            params: [].into(),
        })
    }

    /// Plays a run to its end; the tasks named fail. Gives what ran.
    fn play(plan: &Plan, view: &mut View, failing: &[&str]) -> Vec<String> {
        let now = Timestamp::UNIX_EPOCH + TimeDelta::days(1);
        let mut ran = Vec::new();
        let tell = |view: &mut View, event: &Event| {
            let effects = advance(plan, view, event, now).unwrap();
            view.apply(&effects, now);
        };
        tell(view, &Event::Opened);
        let is_ready = |task: &TaskView| matches!(task.state, TaskState::Ready { .. });
        while let Some(place) = view.tasks.iter().position(is_ready) {
            let (task, path) = (TaskIndex(place), view.tasks[place].path.to_string());
            let lease = Lease { worker: WorkerId::generate(), until: now };
            tell(view, &Event::Claimed { task, lease });
            let verdict = if failing.contains(&path.as_str()) {
                Verdict::Failed { error: "broken".into(), retry: Retry::CannotHelp }
            } else {
                Verdict::Succeeded { output: Arc::new(json!(path)) }
            };
            tell(view, &Event::Finished { task, attempt: view.tasks[place].attempt, verdict });
            ran.push(path);
        }
        ran.sort();
        ran
    }

    fn earlier(plan: &Plan, failing: &[&str]) -> View {
        let mut view = View::open(plan, facts("v1"));
        play(plan, &mut view, failing);
        view
    }

    fn rerun(failing: &[&str], selection: &Selection, hash: &str) -> Vec<String> {
        let plan = plan();
        let mut rerun = Rerun::of(&plan, facts(hash), &earlier(&plan, failing), selection).unwrap();
        play(&plan, &mut rerun.view, &[])
    }

    #[test]
    fn a_rerun_of_what_failed_runs_failed_members_and_what_waits_for_them() {
        assert_eq!(rerun(&["each[1]"], &Selection::Failed, "v1"), ["close", "each[1]", "last"]);
    }

    #[test]
    fn by_another_version_a_mapped_task_runs_whole() {
        assert_eq!(
            rerun(&["each[1]"], &Selection::Failed, "v2"),
            ["close", "each[0]", "each[1]", "each[2]", "last"]
        );
    }

    #[test]
    fn a_rerun_from_a_task_runs_all_below_it_and_nothing_beside() {
        let from = Selection::From(vec!["each".parse().unwrap()]);

        assert_eq!(rerun(&[], &from, "v1"), ["close", "each[0]", "each[1]", "each[2]", "last"]);
    }

    #[test]
    fn a_rerun_of_named_tasks_runs_these_alone() {
        let only = Selection::Only(vec!["each[2]".parse().unwrap(), "beside".parse().unwrap()]);

        assert_eq!(rerun(&["last"], &only, "v1"), ["beside", "each[2]"]);
    }

    #[test]
    fn a_rerun_keeps_ends_and_outputs_and_closes_by_them() {
        let plan = plan();
        let earlier = earlier(&plan, &["last"]);
        let only = Selection::Only(vec!["beside".parse().unwrap()]);
        let mut rerun = Rerun::of(&plan, facts("v1"), &earlier, &only).unwrap();

        play(&plan, &mut rerun.view, &[]);

        let first = &rerun.view.tasks[plan.index_of(&"first".parse().unwrap()).unwrap().0];
        assert_eq!(first.output.as_deref(), Some(&json!("first")));
        let outcome = Outcome::Failed;
        assert!(
            matches!(rerun.view.run, crate::state::RunState::Closed { outcome: found, .. } if found == outcome)
        );
    }

    #[test]
    fn selections_that_cannot_be_made_are_refused() {
        let plan = plan();
        let done = earlier(&plan, &[]);
        let of = |earlier: &View, selection: &Selection| {
            Rerun::of(&plan, facts("v1"), earlier, selection).map(|rerun| rerun.turns)
        };

        assert_eq!(of(&done, &Selection::Failed), Err(BadSelection::NothingToDo));
        let open = View::open(&plan, facts("v1"));
        assert_eq!(of(&open, &Selection::Failed), Err(BadSelection::StillOpen));
        let task: TaskPath = "each[9]".parse().unwrap();
        let only = Selection::Only(vec![task.clone()]);
        assert_eq!(of(&done, &only), Err(BadSelection::UnknownTask { task }));
    }
}
