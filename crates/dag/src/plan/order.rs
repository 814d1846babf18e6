//! Who waits for whom, and an order that respects it.

use std::collections::BTreeSet;

use crate::names::TaskName;
use crate::spec::DagSpec;

/// Tasks that wait for each other in a ring.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("tasks wait for each other: {}", path.iter().map(TaskName::as_str).collect::<Vec<_>>().join(" -> "))]
pub struct Cycle {
    /// The ring, its first task repeated at the end.
    pub path: Vec<TaskName>,
}

/// The places in the file of the tasks that each task waits for.
pub(super) fn upstream_places(dag: &DagSpec) -> Vec<Vec<usize>> {
    let place = |name: &TaskName| dag.tasks.get_index_of(name);
    let mut upstream: Vec<Vec<usize>> = dag
        .tasks
        .values()
        .map(|task| task.upstream().into_iter().filter_map(place).collect())
        .collect();
    let is_last = |task: usize| dag.tasks[task].finally && upstream[task].is_empty();
    let last: Vec<usize> = (0..upstream.len()).filter(|&task| is_last(task)).collect();
    if last.is_empty() {
        return upstream;
    }
    let before = before_all_finalisers(dag, &upstream);
    for task in last {
        upstream[task].clone_from(&before);
    }
    upstream
}

/// The tasks that are no finalisers and wait for none, directly or not.
fn before_all_finalisers(dag: &DagSpec, upstream: &[Vec<usize>]) -> Vec<usize> {
    let downstream = reversed(upstream);
    let mut is_after: Vec<bool> = dag.tasks.values().map(|task| task.finally).collect();
    let mut open: Vec<usize> = (0..upstream.len()).filter(|&task| is_after[task]).collect();
    while let Some(task) = open.pop() {
        for &next in &downstream[task] {
            if !is_after[next] {
                is_after[next] = true;
                open.push(next);
            }
        }
    }
    (0..upstream.len()).filter(|&task| !is_after[task]).collect()
}

fn reversed(upstream: &[Vec<usize>]) -> Vec<Vec<usize>> {
    let mut downstream = vec![Vec::new(); upstream.len()];
    for (task, needed) in upstream.iter().enumerate() {
        for &needed in needed {
            downstream[needed].push(task);
        }
    }
    downstream
}

/// Kahn's algorithm, taking the free task whose name comes first each time: the order of the file does not count, as it
/// does not in the content hash.
pub(super) fn topological(dag: &DagSpec, upstream: &[Vec<usize>]) -> Result<Vec<usize>, Cycle> {
    let downstream = reversed(upstream);
    let mut waiting: Vec<usize> = upstream.iter().map(Vec::len).collect();
    let name = |task: usize| dag.tasks.get_index(task).expect("places come from this map").0;
    let free = (0..waiting.len()).filter(|&task| waiting[task] == 0);
    let mut free: BTreeSet<(&TaskName, usize)> = free.map(|task| (name(task), task)).collect();
    let mut order = Vec::with_capacity(waiting.len());
    while let Some((_, task)) = free.pop_first() {
        order.push(task);
        for &next in &downstream[task] {
            waiting[next] -= 1;
            if waiting[next] == 0 {
                free.insert((name(next), next));
            }
        }
    }
    if order.len() == waiting.len() {
        return Ok(order);
    }
    Err(Cycle {
        path: ring_among(upstream, &waiting).into_iter().map(|task| name(task).clone()).collect(),
    })
}

/// Follows unfinished upstreams from an unfinished task until one comes up again.
fn ring_among(upstream: &[Vec<usize>], waiting: &[usize]) -> Vec<usize> {
    let unfinished = |task: &usize| waiting[*task] > 0;
    let mut step_of: Vec<Option<usize>> = vec![None; waiting.len()];
    let mut path: Vec<usize> = Vec::new();
    let mut task = (0..waiting.len()).find(unfinished).expect("the caller saw an unfinished task");
    loop {
        if let Some(start) = step_of[task] {
            let mut ring = path.split_off(start);
            ring.push(task);
            // The walk went up the stream; people read down it.
            ring.reverse();
            return ring;
        }
        step_of[task] = Some(path.len());
        path.push(task);
        task = *upstream[task]
            .iter()
            .find(|task| unfinished(task))
            .expect("an unfinished task waits for one");
    }
}

#[cfg(test)]
mod tests {
    use crate::plan::paths::tests::{dag, plan};
    use crate::plan::{Cycle, Plan};

    fn cycle(tasks: &[(&str, &str)]) -> Cycle {
        Plan::new(&dag(tasks)).unwrap_err()
    }

    #[test]
    fn ties_are_broken_by_name_whatever_the_order_of_the_file() {
        let plan = plan(&[("late", "first"), ("b", ""), ("first", ""), ("a", "")]);

        let names: Vec<&str> = plan.nodes().iter().map(|node| node.name.as_str()).collect();
        assert_eq!(names, ["a", "b", "first", "late"]);
    }

    #[test]
    fn a_ring_is_shown_down_the_stream() {
        let found = cycle(&[("in", ""), ("a", "in c"), ("b", "a"), ("c", "b"), ("out", "c")]);

        assert_eq!(found.to_string(), "tasks wait for each other: a -> b -> c -> a");
    }

    #[test]
    fn a_task_that_waits_for_itself_is_a_ring() {
        assert_eq!(cycle(&[("a", "a")]).to_string(), "tasks wait for each other: a -> a");
    }
}
