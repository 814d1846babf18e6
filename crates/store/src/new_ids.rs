//! Ids of new tasks. They say who goes first among tasks that became ready at the same instant.

use std::collections::{BTreeMap, BTreeSet};

use sqlx::PgConnection;
use tidemill_dag::ids::TaskId;
use tidemill_dag::state::{TaskView, View};

/// Gives an id to each task of a view that has none yet.
///
/// Of members of a list and other children, those that took longest the last time come first, so that the end of the
/// list does not wait for one that began late (R. L. Graham, "Bounds on multiprocessing timing anomalies", SIAM J. Appl.
/// Math. 17, 1969: 4/3 of the shortest possible time at most, against 2 in any order). New ones count as the mean.
pub(crate) async fn hand_out(
    connection: &mut PgConnection,
    view: &View,
    ids: &mut Vec<TaskId>,
) -> Result<(), sqlx::Error> {
    let first = ids.len();
    ids.resize_with(view.tasks.len(), TaskId::generate);
    let (tasks, ids) = (&view.tasks[first..], &mut ids[first..]);
    let nodes: BTreeSet<&str> = tasks
        .iter()
        .filter(|task| task.parent.is_some())
        .map(|task| task.path.node.as_str())
        .collect();
    if nodes.is_empty() {
        return Ok(());
    }
    let nodes: Vec<String> = nodes.into_iter().map(str::to_owned).collect();
    let dag = view.facts.dag.as_str();
    let rows = sqlx::query_file!("queries/task_runs/lengths.sql", dag, &nodes)
        .fetch_all(connection)
        .await?;
    let seconds: BTreeMap<String, f64> =
        rows.into_iter().map(|row| (row.path, row.seconds)).collect();
    longest_first(tasks, ids, &seconds);
    Ok(())
}

/// Sorts the ids so that children which took longer have earlier ones; all else stays as it is.
fn longest_first(tasks: &[TaskView], ids: &mut [TaskId], seconds: &BTreeMap<String, f64>) {
    if seconds.is_empty() {
        return;
    }
    let mean = seconds.values().sum::<f64>() / seconds.len() as f64;
    let length = |place: &usize| *seconds.get(&tasks[*place].path.to_string()).unwrap_or(&mean);
    let children: Vec<usize> =
        (0..tasks.len()).filter(|place| tasks[*place].parent.is_some()).collect();
    let mut free: Vec<TaskId> = children.iter().map(|place| ids[*place]).collect();
    free.sort_unstable();
    let mut by_length = children;
    by_length.sort_by(|one, other| length(other).total_cmp(&length(one)));
    for (place, id) in by_length.into_iter().zip(free) {
        ids[place] = id;
    }
}

#[cfg(test)]
mod tests {
    use tidemill_dag::state::{TaskIndex, TaskState};

    use super::*;

    #[test]
    fn children_that_took_longest_have_the_earliest_ids() {
        let task = |path: &str, parent| {
            TaskView::new(path.parse().expect("it is a path"), parent, TaskState::Blocked)
        };
        let parent = Some(TaskIndex(0));
        let tasks = [
            task("each", None),
            task("each[0]", parent),
            task("each[1]", parent),
            task("each[2]", parent),
        ];
        let seconds = BTreeMap::from([("each[0]".to_owned(), 1.0), ("each[2]".to_owned(), 5.0)]);
        let given: Vec<TaskId> = tasks.iter().map(|_| TaskId::generate()).collect();

        let mut ids = given.clone();
        longest_first(&tasks, &mut ids, &seconds);

        assert_eq!(ids, [given[0], given[3], given[2], given[1]]);
    }
}
