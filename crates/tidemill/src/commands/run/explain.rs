//! Why an earlier result stood in for a task, or not.

use tidemill_dag::state::TaskPath;
use tidemill_store::{RunDetail, Store, TaskDetail};
use tidemill_task::{Caching, Registry};

use super::show::family_order;
use crate::exit::Failure;
use crate::output::table;

/// Says it of each task that started, in words.
pub(super) async fn explain(
    store: &Store,
    detail: &RunDetail,
) -> Result<Vec<(TaskPath, String)>, Failure> {
    let version = store.dag_version(detail.run.version).await?;
    let registry = tidemill_kinds::registry();
    let mut explained = Vec::new();
    for task in family_order(&detail.tasks) {
        let Some(place) = version.plan.index_of(&task.path.node) else { continue };
        let started_at = task.started_at.filter(|_| task.attempt.0 > 0);
        let words = match (started_at, &task.cache) {
            (None, _) => continue,
            (Some(at), Some(note)) => note.words(at),
            (Some(_), None) => unasked(task, version.plan.node(place), &registry),
        };
        explained.push((task.path.clone(), words));
    }
    Ok(explained)
}

/// Why nothing is noted.
fn unasked(task: &TaskDetail, node: &tidemill_dag::plan::Node, registry: &Registry) -> String {
    let Ok(kind) = registry.get(task.kind.as_str()) else {
        return format!("not cached: there is no kind `{}`", task.kind);
    };
    match Caching::of(node, &task.kind, kind.policy()) {
        Caching::Off(why) => why.to_string(),
        Caching::On { .. } => "its last attempt has not told yet, or never did".to_owned(),
    }
}

/// The explanations for people.
pub(super) fn describe(explained: &[(TaskPath, String)]) -> String {
    let rows = explained.iter().map(|(task, words)| [task.to_string(), words.clone()]);
    table(["task", "why it ran, or not"], rows)
}
