//! A run played by an adversary.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use chrono::TimeDelta;
use proptest::sample::Index;
use serde_json::json;
use tidemill_dag::advance::{Effect, Event, Retry, Verdict, advance};
use tidemill_dag::ids::{RunId, WorkerId};
use tidemill_dag::plan::Plan;
use tidemill_dag::slots::{Shortage, SlotSize};
use tidemill_dag::state::{
    Attempt, Child, Lease, OnChildFailure, RunKind, RunState, TaskIndex, TaskState, TaskView, View,
};
use tidemill_dag::template::Facts;
use tidemill_dag::time::{DataInterval, Timestamp};

use crate::oracle;
use crate::shape::{TaskShape, plan_of};

/// More tasks than this, and nothing expands any more.
const MANY: usize = 120;

/// One move of the adversary.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Step {
    /// Claims one of the claimable tasks.
    Claim(Index),
    /// Claims any task, whatever its state.
    ClaimAny(Index),
    /// Ends one of the running attempts, in a way made from the number.
    Finish(Index, u16),
    /// Speaks for some attempt of any task.
    FinishAny(Index, u16, i32),
    /// Loses one of the running attempts, some of them for want of memory.
    Lose(Index),
    /// Says of any task that the run is over that it may wait for.
    RunOver(Index),
    /// Lets seconds pass.
    Wait(i64),
    /// Delivers an old event again.
    Replay(Index),
    /// Cancels a task.
    CancelTask(Index),
    /// Cancels the run, if the dice say so.
    CancelRun(bool),
}

/// What happened so far, as the promises need it.
#[derive(Debug, Default)]
pub(crate) struct History {
    /// Each attempt that ever started.
    pub(crate) started: BTreeSet<(TaskIndex, Attempt)>,
    /// Tasks that somebody cancelled by themselves.
    pub(crate) cancelled: BTreeSet<TaskIndex>,
    /// Tasks that wait for another run.
    pub(crate) awaiting: BTreeSet<TaskIndex>,
    /// Whether somebody cancelled the run.
    pub(crate) is_cancelling: bool,
    /// How often the run was closed.
    pub(crate) closed: usize,
}

/// A run, everything that was delivered to it, and the log.
pub(crate) struct Play {
    plan: Plan,
    view: View,
    now: Timestamp,
    history: History,
    /// Delivered events, each with whether it did something.
    delivered: Vec<(Event, bool)>,
    log: Vec<String>,
}

impl Play {
    pub(crate) fn of(shapes: &[TaskShape]) -> Self {
        let now = Timestamp::UNIX_EPOCH + TimeDelta::days(20_000);
        let facts = Facts {
            dag: "random".parse().unwrap(),
            hash: "abc".into(),
            run: RunId::from_uuid(uuid::Uuid::from_u128(1)),
            kind: RunKind::Manual,
            interval: DataInterval { start: now - TimeDelta::days(1), end: now },
            zone: "UTC".parse().unwrap(),
            params: BTreeMap::from([
                ("yes".parse().unwrap(), json!(true)),
                ("list".parse().unwrap(), json!(["x", "y"])),
            ]),
        };
        let plan = plan_of(shapes);
        let view = View::open(&plan, Arc::new(facts));
        let mut opened = Self {
            plan,
            view,
            now,
            history: History::default(),
            delivered: Vec::new(),
            log: Vec::new(),
        };
        opened.deliver(Event::Opened).unwrap();
        opened
    }

    /// Makes one move. An error tells which promise was broken.
    pub(crate) fn step(&mut self, step: Step) -> Result<(), String> {
        let all: Vec<TaskIndex> = (0..self.view.tasks.len()).map(TaskIndex).collect();
        match step {
            Step::Claim(who) => match pick(who, &self.claimable()) {
                Some(task) => self.deliver(self.claim(task)),
                None => Ok(()),
            },
            Step::ClaimAny(who) => self.deliver(self.claim(*who.get(&all))),
            Step::Finish(who, words) => match pick(who, &self.running()) {
                Some(task) => self.deliver(self.finish(task, self.task(task).attempt, words)),
                None => Ok(()),
            },
            Step::FinishAny(who, words, attempt) => {
                self.deliver(self.finish(*who.get(&all), Attempt(attempt), words))
            }
            Step::Lose(who) => match pick(who, &self.running()) {
                Some(task) => {
                    let attempt = self.task(task).attempt;
                    let size = SlotSize { memory_bytes: None, most: 8 };
                    let shortage = Shortage { peak_bytes: None, size };
                    let shortage = (attempt.0 % 2 == 0).then_some(shortage);
                    self.deliver(Event::Lost { task, attempt, shortage })
                }
                None => Ok(()),
            },
            Step::RunOver(who) => self.deliver(Event::RunOver { task: *who.get(&all) }),
            Step::Wait(seconds) => {
                self.now += TimeDelta::seconds(seconds);
                self.log.push(format!("-- {seconds} s pass"));
                self.deliver(Event::Waited)
            }
            Step::Replay(who) => self.replay(who),
            Step::CancelTask(who) => {
                self.deliver(Event::CancelAsked { task: Some(*who.get(&all)) })
            }
            Step::CancelRun(true) => self.deliver(Event::CancelAsked { task: None }),
            Step::CancelRun(false) => Ok(()),
        }
    }

    /// Works off the run without faults, and tells if it does not close.
    pub(crate) fn drain(&mut self) -> Result<(), String> {
        self.log.push("-- the adversary stops".into());
        // Each task is claimed and ends once more, and once more for each phase that it is in.
        for _ in 0..10 * self.view.tasks.len() + 100 {
            self.now += TimeDelta::seconds(300);
            if let Some(task) = self.running().first().copied() {
                let attempt = self.task(task).attempt;
                let output = Arc::new(json!({ "flag": true, "list": [1] }));
                self.deliver(Event::Finished {
                    task,
                    attempt,
                    verdict: Verdict::Succeeded { output },
                })?;
            } else if let Some(task) = self.claimable().first().copied() {
                self.deliver(self.claim(task))?;
            } else if let Some(task) = self.history.awaiting.first().copied() {
                self.deliver(Event::RunOver { task })?;
            } else {
                break;
            }
        }
        match self.view.run {
            RunState::Closed { .. } => Ok(()),
            RunState::Open { .. } => Err("the run does not close".into()),
        }
    }

    /// Delivers an event, keeps its effects, and holds them against the promises.
    fn deliver(&mut self, event: Event) -> Result<(), String> {
        let answer = advance(&self.plan, &self.view, &event, self.now);
        if answer != advance(&self.plan, &self.view, &event, self.now) {
            return Err("the same question has two answers".into());
        }
        let effects = match answer {
            Ok(effects) => effects,
            Err(stale) => {
                self.log.push(format!("{}\n    stale: {stale}", self.told(&event)));
                return Ok(());
            }
        };
        let before = self.view.clone();
        self.view.apply(&effects, self.now);
        let mut entry = self.told(&event);
        for effect in &effects {
            entry.push_str("\n    ");
            entry.push_str(&self.shown(effect));
        }
        self.log.push(entry);

        let change = oracle::Change {
            plan: &self.plan,
            before: &before,
            event: &event,
            effects: &effects,
            after: &self.view,
            now: self.now,
        };
        oracle::judge(&change, &mut self.history)?;
        let again = advance(&self.plan, &self.view, &event, self.now);
        self.delivered.push((event, !effects.is_empty()));
        if again.is_ok_and(|effects| !effects.is_empty()) {
            return Err("the same event does something twice".into());
        }
        Ok(())
    }

    fn replay(&mut self, who: Index) -> Result<(), String> {
        let (event, did_something) = who.get(&self.delivered).clone();
        match event {
            // A claim names no attempt: it is a new claim, and time and tasks move on.
            Event::Claimed { .. }
            | Event::RunOver { .. }
            | Event::Waited
            | Event::CancelAsked { .. } => {}
            Event::Finished { .. } | Event::Lost { .. } => {
                if did_something && advance(&self.plan, &self.view, &event, self.now).is_ok() {
                    return Err(format!("an old event is not stale: {}", self.told(&event)));
                }
            }
            Event::Opened => {
                if advance(&self.plan, &self.view, &event, self.now) != Ok(Vec::new()) {
                    return Err("opening again does something".into());
                }
            }
        }
        self.deliver(event)
    }

    fn task(&self, task: TaskIndex) -> &TaskView {
        &self.view.tasks[task.0]
    }

    fn those(&self, is_it: impl Fn(&TaskState) -> bool) -> Vec<TaskIndex> {
        let tasks = self.view.tasks.iter().enumerate();
        tasks.filter(|(_, task)| is_it(&task.state)).map(|(index, _)| TaskIndex(index)).collect()
    }

    fn running(&self) -> Vec<TaskIndex> {
        self.those(|state| matches!(state, TaskState::Running { .. }))
    }

    fn claimable(&self) -> Vec<TaskIndex> {
        self.those(|state| match state {
            TaskState::Ready { .. } => true,
            TaskState::Backoff { until, .. } => *until <= self.now,
            TaskState::Blocked
            | TaskState::Running { .. }
            | TaskState::Expanded { .. }
            | TaskState::Done { .. } => false,
        })
    }

    fn claim(&self, task: TaskIndex) -> Event {
        let worker = WorkerId::from_uuid(uuid::Uuid::from_u128(2));
        Event::Claimed { task, lease: Lease { worker, until: self.now + TimeDelta::minutes(1) } }
    }

    fn finish(&self, task: TaskIndex, attempt: Attempt, words: u16) -> Event {
        let verdict = match words % 16 {
            0..=6 => Verdict::Succeeded {
                output: Arc::new(json!({ "flag": !words.is_multiple_of(3), "list": [1, 2] })),
            },
            7..=9 => Verdict::Failed { error: "no".into(), retry: Retry::MayHelp },
            10 => Verdict::Failed { error: "never".into(), retry: Retry::CannotHelp },
            11 => Verdict::Cancelled,
            12 => Verdict::Awaits { run: self.view.facts.run, state: json!(words) },
            _ if self.task(task).path.labels.len() > 2 || self.view.tasks.len() > MANY => {
                Verdict::Succeeded { output: Arc::new(json!(null)) }
            }
            _ => self.expansion(task, words >> 4),
        };
        Event::Finished { task, attempt, verdict }
    }

    fn expansion(&self, task: TaskIndex, words: u16) -> Verdict {
        // Now and then the labels of an earlier phase are asked for again, which is a mistake.
        let phase = self.task(task).phase.min(if words % 16 == 1 { 0 } else { u32::MAX });
        let child = |number| Child {
            label: format!("p{phase}c{number}").into(),
            kind: "trial".parse().unwrap(),
            with: None,
            item: None,
            slots: None,
        };
        let on_child_failure =
            if words % 32 < 16 { OnChildFailure::Fail } else { OnChildFailure::Resume };
        Verdict::Expanded {
            children: (0..words % 4).map(child).collect(),
            state: json!(words),
            on_child_failure,
        }
    }

    fn told(&self, event: &Event) -> String {
        let path = |task: &TaskIndex| &self.task(*task).path;
        match event {
            Event::Opened => "opened".into(),
            Event::Claimed { task, lease: _ } => format!("claimed {}", path(task)),
            Event::Finished { task, attempt, verdict } => {
                format!("finished {} #{attempt}: {verdict:?}", path(task))
            }
            Event::RunOver { task } => format!("the run that {} waits for is over", path(task)),
            Event::Lost { task, attempt, shortage: _ } => format!("lost {} #{attempt}", path(task)),
            Event::Waited => "waited".into(),
            Event::CancelAsked { task: None } => "cancel the run".into(),
            Event::CancelAsked { task: Some(task) } => format!("cancel {}", path(task)),
        }
    }

    fn shown(&self, effect: &Effect) -> String {
        let task = oracle::task_of(effect).map(|task| self.task(task).path.to_string());
        format!("{} {effect:?}", task.unwrap_or_default())
    }
}

fn pick(who: Index, tasks: &[TaskIndex]) -> Option<TaskIndex> {
    (!tasks.is_empty()).then(|| *who.get(tasks))
}

impl fmt::Display for Play {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for node in self.plan.nodes() {
            let upstream: Vec<&str> =
                node.upstream.iter().map(|task| self.plan.node(*task).name.as_str()).collect();
            let finally = if node.spec.finally { " finally" } else { "" };
            let (rule, condition, list) = (node.rule().label(), node.condition(), node.for_each());
            writeln!(
                f,
                "{}{finally} needs {upstream:?} {rule} if {condition:?} for each {list:?}",
                node.name
            )?;
        }
        self.log.iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}
