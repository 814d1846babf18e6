//! Deadlines: a forecast from how long tasks took, and what there is to say about it.

use std::collections::BTreeMap;
use std::time::Duration;

use tidemill_dag::names::TaskName;
use tidemill_dag::plan::{Node, Plan};
use tidemill_dag::state::TaskState;
use tidemill_dag::time::{Lapse, Timestamp};
use tidemill_store::{
    DeadlineNews, Lead, OpenDeadline, Quantiles, RunDetail, Store, StoreError, TaskDetail,
};

/// Looks at all deadlines that are neither kept nor missed, and tells what is new. Gives how many were told.
pub(crate) async fn watch(store: &Store, lead: Lead) -> Result<usize, StoreError> {
    let mut histories: BTreeMap<String, BTreeMap<TaskName, Quantiles>> = BTreeMap::new();
    let mut told = 0;
    for deadline in store.open_deadlines().await? {
        let dag = deadline.dag.to_string();
        let needs_forecast = !deadline.is_warned && deadline.now < deadline.finish_by;
        if needs_forecast && !histories.contains_key(&dag) {
            histories.insert(dag.clone(), store.task_quantiles(&deadline.dag).await?);
        }
        let detail = match deadline.run.filter(|_| needs_forecast) {
            Some(run) => Some(store.run(run).await?),
            None => None,
        };
        let no_history = BTreeMap::new();
        let history = histories.get(&dag).unwrap_or(&no_history);
        let remaining = remaining(&deadline.version.plan, detail.as_ref(), history, deadline.now);
        let Some(news) = judge(&deadline, remaining) else { continue };
        told += usize::from(store.tell_deadline(lead, &deadline, news).await?);
    }
    Ok(told)
}

/// What there is to say: a run that is over has kept or missed its deadline, whenever somebody looks.
pub fn judge(deadline: &OpenDeadline, remaining: Duration) -> Option<DeadlineNews> {
    match deadline.finished_at {
        Some(finished) if finished <= deadline.finish_by => return Some(DeadlineNews::Kept),
        Some(_) => return Some(DeadlineNews::Missed),
        None if deadline.now >= deadline.finish_by => return Some(DeadlineNews::Missed),
        None => {}
    }
    let forecast = deadline.now + Lapse(remaining).delta();
    let is_news = forecast > deadline.finish_by && !deadline.is_warned;
    is_news.then_some(DeadlineNews::AtRisk { forecast })
}

/// How long the rest of a run takes: the longest chain of tasks that are left, each as long as nine of ten of its kind.
///
/// A task without a history counts nothing: a forecast is no guess. Waiting for slots is not in it either.
pub fn remaining(
    plan: &Plan,
    run: Option<&RunDetail>,
    history: &BTreeMap<TaskName, Quantiles>,
    now: Timestamp,
) -> Duration {
    let nodes: BTreeMap<&TaskName, &TaskDetail> = run
        .into_iter()
        .flat_map(|run| &run.tasks)
        .filter(|task| task.path.labels.is_empty())
        .map(|task| (&task.path.node, task))
        .collect();
    let cost = |node: &Node| {
        let whole = history.get(&node.name).map_or(Duration::ZERO, |quantiles| quantiles.p90.0);
        match nodes.get(&node.name) {
            Some(task) => whole.saturating_sub(spent(task, now).unwrap_or(whole)),
            None => whole,
        }
    };
    plan.critical_path(cost).1
}

/// How long a task has been at it; `None` when it is over.
fn spent(task: &TaskDetail, now: Timestamp) -> Option<Duration> {
    match task.state {
        TaskState::Done { .. } => None,
        TaskState::Running { .. } | TaskState::Expanded { .. } => {
            let since = task.started_at.unwrap_or(now);
            Some(now.signed_duration_since(since).to_std().unwrap_or_default())
        }
        // A task that is tried again begins from the start.
        TaskState::Blocked | TaskState::Ready { .. } | TaskState::Backoff { .. } => {
            Some(Duration::ZERO)
        }
    }
}
