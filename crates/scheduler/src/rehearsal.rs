//! What runs would take from the cache: each is played through with what is known, before anything runs.
//!
//! A run is advanced as it would be ([`advance`]), so that rules, conditions and lists mean what they mean when it runs. A
//! task with an earlier result ends with it, and what it gave is known to those below; a task without would run, and what
//! needs its output or artefacts is unknown until then. Artefacts are not looked for in the object store.

mod data;
mod prediction;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::Value;
use tidemill_dag::advance::{Effect, Event, Verdict, advance};
use tidemill_dag::ids::WorkerId;
use tidemill_dag::names::TaskName;
use tidemill_dag::plan::{Node, Plan};
use tidemill_dag::spec::TriggerRule;
use tidemill_dag::state::{Lease, Outcome, TaskIndex, TaskPath, TaskState, View};
use tidemill_dag::template::Facts;
use tidemill_dag::time::{Lapse, Timestamp};
use tidemill_store::{CacheAnswer, Store, StoreError, TaskResult};
use tidemill_task::{CacheParts, Caching, Miss, Registry, Unasked};

pub use prediction::Prediction;

use crate::worker::weather::chain;

/// What rehearsals need beside the runs.
#[derive(Clone, Copy, Debug)]
pub struct Props<'a> {
    /// The store that the results are in.
    pub store: &'a Store,
    /// The kinds.
    pub registry: &'a Registry,
    /// The environment variables that templates may read.
    pub environment: &'a BTreeMap<String, String>,
}

/// A run that is played through before it runs.
#[derive(Debug)]
pub struct Rehearsal<'a> {
    plan: &'a Plan,
    view: View,
    now: Timestamp,
    /// What tasks gave, or would.
    results: BTreeMap<TaskIndex, TaskResult>,
    /// The members of lists.
    items: BTreeMap<TaskIndex, Value>,
    /// The tasks that run whatever the cache has.
    named: BTreeSet<TaskName>,
    use_cache: bool,
    predictions: BTreeMap<TaskIndex, Prediction>,
}

/// A task whose parts are known, with what may stand in for it.
struct Question {
    run: usize,
    task: TaskIndex,
    parts: CacheParts,
    max_age: Option<Lapse>,
}

/// Which tasks are looked at.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reach {
    /// Those that may start.
    Startable,
    /// Those that wait for others, too.
    Waiting,
}

/// What can be said of a task without the cache.
enum Outlook {
    /// Nothing, as long as something that it reads is unknown.
    Open,
    /// What to ask the cache.
    Asks(CacheParts, Option<Lapse>),
    /// All.
    Decided(Prediction),
}

impl Outlook {
    const fn unasked(reason: Unasked) -> Self {
        Self::Decided(Prediction::Runs { why: Miss::Unasked { reason } })
    }
}

/// Plays runs through, side by side: each round asks the cache once, whatever the number of runs.
pub async fn rehearse(props: Props<'_>, runs: &mut [Rehearsal<'_>]) -> Result<(), StoreError> {
    for run in runs.iter_mut() {
        run.happen(&Event::Opened);
    }
    // What merely waits is looked at once nothing more can start: until then it may turn out to be skipped.
    for reach in [Reach::Startable, Reach::Waiting] {
        while play_round(props, runs, reach).await? {}
    }
    Ok(())
}

/// Tells whether the cache was asked anything, so that there may be more to ask.
async fn play_round(
    props: Props<'_>,
    runs: &mut [Rehearsal<'_>],
    reach: Reach,
) -> Result<bool, StoreError> {
    let mut questions = Vec::new();
    for (index, run) in runs.iter_mut().enumerate() {
        run.look(props, (index, reach), &mut questions);
    }
    let parts: Vec<&CacheParts> = questions.iter().map(|question| &question.parts).collect();
    let answers = props.store.cached(&parts).await?;
    for (question, answer) in questions.iter().zip(answers) {
        runs[question.run].settle(question, answer);
    }
    Ok(!questions.is_empty())
}

impl<'a> Rehearsal<'a> {
    /// A run of `plan` that is not open yet.
    pub fn new(plan: &'a Plan, facts: Facts, now: Timestamp) -> Self {
        Self::of_view(plan, View::open(plan, Arc::new(facts)), now)
    }

    /// A run that is not open yet and keeps some tasks.
    pub const fn of_view(plan: &'a Plan, view: View, now: Timestamp) -> Self {
        Self {
            plan,
            view,
            now,
            results: BTreeMap::new(),
            items: BTreeMap::new(),
            named: BTreeSet::new(),
            use_cache: true,
            predictions: BTreeMap::new(),
        }
    }

    /// What the tasks that are kept gave, and what the members of lists stand for.
    #[must_use]
    pub fn with_results(
        mut self,
        results: &BTreeMap<TaskPath, TaskResult>,
        items: &BTreeMap<TaskPath, Value>,
    ) -> Self {
        for (place, task) in self.view.tasks.iter().enumerate() {
            let index = TaskIndex(place);
            if let Some(item) = items.get(&task.path) {
                self.items.insert(index, item.clone());
            }
            if task.is_done() {
                self.predictions.insert(index, Prediction::Kept);
                self.results.extend(results.get(&task.path).map(|result| (index, result.clone())));
            }
        }
        self
    }

    /// The tasks that run whatever the cache has.
    #[must_use]
    pub fn with_named(mut self, named: BTreeSet<TaskName>) -> Self {
        self.named = named;
        self
    }

    /// Whether the cache is asked at all, as `--no-cache` says.
    #[must_use]
    pub const fn using_cache(mut self, use_cache: bool) -> Self {
        self.use_cache = use_cache;
        self
    }

    /// What would become of each node of the plan, in its order.
    pub fn predictions(&self) -> Vec<(TaskName, Prediction)> {
        let nodes = self.plan.nodes().iter().enumerate();
        nodes.map(|(place, node)| (node.name.clone(), self.of_node(TaskIndex(place)))).collect()
    }

    fn of_node(&self, node: TaskIndex) -> Prediction {
        if let Some(found) = self.predictions.get(&node) {
            return found.clone();
        }
        let members: Vec<&Prediction> =
            self.children(node).filter_map(|member| self.predictions.get(&member)).collect();
        let is_empty_list = self.view.tasks[node.0].state.outcome() == Some(Outcome::Succeeded);
        if members.is_empty() && !is_empty_list {
            return Prediction::Unknown { until: self.first_unknown(node) };
        }
        let first = members.iter().find(|one| !one.is_known());
        Prediction::Members {
            members: members.len(),
            cached: members.iter().filter(|one| one.is_known()).count(),
            first: first.map(|one| Box::new((*one).clone())),
        }
    }

    /// Predicts what needs no answer, and asks about what does.
    fn look(
        &mut self,
        props: Props<'_>,
        (run, reach): (usize, Reach),
        questions: &mut Vec<Question>,
    ) {
        for place in 0..self.view.tasks.len() {
            let task = TaskIndex(place);
            if self.predictions.contains_key(&task) || !self.may_be_predicted(task, reach) {
                continue;
            }
            match self.outlook(props, task) {
                Outlook::Open => {}
                Outlook::Asks(parts, max_age) => {
                    questions.push(Question { run, task, parts, max_age });
                }
                Outlook::Decided(prediction) => drop(self.predictions.insert(task, prediction)),
            }
        }
    }

    /// A task that may start; and one that merely waits, where nothing but the success of others decides that it starts.
    fn may_be_predicted(&self, task: TaskIndex, reach: Reach) -> bool {
        let node = self.node_of(task);
        match self.view.tasks[task.0].state {
            TaskState::Ready { .. } => true,
            TaskState::Blocked => {
                reach == Reach::Waiting
                    && node.condition().is_none()
                    && node.for_each().is_none()
                    && node.rule() != TriggerRule::OneFailed
            }
            TaskState::Running { .. }
            | TaskState::Backoff { .. }
            | TaskState::Expanded { .. }
            | TaskState::Done { .. } => false,
        }
    }

    /// What can be said of a task without the cache.
    fn outlook(&self, props: Props<'_>, task: TaskIndex) -> Outlook {
        let node = self.node_of(task);
        let broken = |error: &dyn std::error::Error| {
            Outlook::Decided(Prediction::Broken { error: chain(error) })
        };
        let kind = match props.registry.get(node.spec.uses.as_str()) {
            Ok(kind) => kind,
            Err(error) => return broken(&error),
        };
        let max_age = match Caching::of(node, &node.spec.uses, kind.policy()) {
            Caching::On { max_age } => max_age,
            Caching::Off(why) => return Outlook::Decided(Prediction::Uncached { why }),
        };
        if !self.use_cache {
            return Outlook::unasked(Unasked::RunIsFresh);
        }
        if self.named.contains(&node.name) {
            return Outlook::unasked(Unasked::TaskIsNamed);
        }
        if !self.is_data_known(task) {
            return Outlook::Open;
        }
        let item = self.items.get(&task).cloned();
        match self.assignment(task, props.environment) {
            Ok(assignment) => {
                let with = Some(&node.spec.with);
                let parts = CacheParts::of(&assignment, kind.version(), with, item);
                Outlook::Asks(parts, max_age)
            }
            Err(error) => broken(&error),
        }
    }

    fn settle(&mut self, question: &Question, answer: CacheAnswer) {
        let (task, parts) = (question.task, &question.parts);
        let result = match answer.found.judge(parts, question.max_age, answer.now) {
            Ok(result) => result,
            Err(why) => {
                self.predictions.insert(task, Prediction::Runs { why });
                return;
            }
        };
        self.predictions.insert(task, Prediction::Cached { note: result.note(parts) });
        let output = Arc::new(result.output);
        let given = TaskResult { output: Arc::clone(&output), artifacts: result.artifacts };
        self.results.insert(task, given);
        if matches!(self.view.tasks[task.0].state, TaskState::Ready { .. }) {
            let lease = Lease { worker: WorkerId::generate(), until: self.now };
            self.happen(&Event::Claimed { task, lease });
            let attempt = self.view.tasks[task.0].attempt;
            let verdict = Verdict::Succeeded { output };
            self.happen(&Event::Finished { task, attempt, verdict });
        }
    }

    /// Plays an event, and remembers what the view does not keep.
    fn happen(&mut self, event: &Event) {
        // Nobody else speaks for the tasks of a rehearsal: nothing here is stale.
        let effects = advance(self.plan, &self.view, event, self.now).unwrap_or_default();
        for effect in effects {
            match &effect {
                Effect::Expand { children, .. } => {
                    let first = self.view.tasks.len();
                    let items = children.iter().enumerate().filter_map(|(place, child)| {
                        Some((TaskIndex(first + place), child.item.clone()?))
                    });
                    self.items.extend(items);
                }
                Effect::Done { task, outcome: Outcome::Succeeded, output, .. } => {
                    self.gather(*task, output.clone());
                }
                Effect::Done { task, reason, .. } => {
                    let reason = reason.clone();
                    self.predictions.insert(*task, Prediction::Skipped { reason });
                }
                Effect::Ready { .. }
                | Effect::Run { .. }
                | Effect::Backoff { .. }
                | Effect::Resize { .. }
                | Effect::AskToStop { .. }
                | Effect::Cancelling
                | Effect::Close { .. } => {}
            }
            self.view.apply(std::slice::from_ref(&effect), self.now);
        }
    }

    /// A mapped task gives what its members gave.
    fn gather(&mut self, task: TaskIndex, output: Option<Arc<Value>>) {
        if self.results.contains_key(&task) {
            return;
        }
        let members = self.children(task).filter_map(|member| self.results.get(&member));
        let artifacts = members.flat_map(|member| member.artifacts.clone()).collect();
        let given = TaskResult { output: output.unwrap_or_default(), artifacts };
        self.results.insert(task, given);
    }

    fn children(&self, parent: TaskIndex) -> impl Iterator<Item = TaskIndex> {
        let tasks = self.view.tasks.iter().enumerate();
        tasks
            .filter(move |(_, task)| task.parent == Some(parent))
            .map(|(place, _)| TaskIndex(place))
    }

    /// The node that a task is, or is a member of.
    fn node_of(&self, task: TaskIndex) -> &'a Node {
        let name = &self.view.tasks[task.0].path.node;
        let node = self.plan.index_of(name).expect("a task of a run is one of its plan");
        self.plan.node(node)
    }
}
