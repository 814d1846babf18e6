//! Paths through a plan: what can run side by side, and what decides how long a run takes.

use std::time::Duration;

use super::{Node, Plan};
use crate::state::TaskIndex;

impl Plan {
    /// The tasks in waves: each wave waits only for waves before it, and each task is in the first wave that it can be in.
    pub fn waves(&self) -> Vec<Vec<TaskIndex>> {
        let mut wave_of = vec![0; self.nodes.len()];
        let mut waves: Vec<Vec<TaskIndex>> = Vec::new();
        for (index, node) in self.nodes.iter().enumerate() {
            let wave =
                node.upstream.iter().map(|upstream| wave_of[upstream.0] + 1).max().unwrap_or(0);
            wave_of[index] = wave;
            if wave == waves.len() {
                waves.push(Vec::new());
            }
            waves[wave].push(TaskIndex(index));
        }
        waves
    }

    /// The chain of tasks that takes longest when each takes `cost`, and how long: no run can be shorter.
    ///
    /// Among chains of the same length, the first in the plan's order.
    pub fn critical_path(&self, cost: impl Fn(&Node) -> Duration) -> (Vec<TaskIndex>, Duration) {
        let mut best: Vec<(Duration, Option<TaskIndex>)> = Vec::with_capacity(self.nodes.len());
        for node in &self.nodes {
            let slowest =
                first_longest(node.upstream.iter().copied(), |upstream| best[upstream.0].0);
            let before = slowest.map_or(Duration::ZERO, |upstream| best[upstream.0].0);
            best.push((before.saturating_add(cost(node)), slowest));
        }
        let all = (0..best.len()).map(TaskIndex);
        let Some(end) = first_longest(all, |task| best[task.0].0) else {
            return (Vec::new(), Duration::ZERO);
        };
        let mut path = vec![end];
        let mut at = end;
        while let Some(before) = best[at.0].1 {
            path.push(before);
            at = before;
        }
        path.reverse();
        (path, best[end.0].0)
    }
}

/// The task with the longest length; of several, the one that comes first in the plan.
fn first_longest(
    tasks: impl Iterator<Item = TaskIndex>,
    length: impl Fn(TaskIndex) -> Duration,
) -> Option<TaskIndex> {
    tasks.max_by_key(|&task| (length(task), std::cmp::Reverse(task)))
}

#[cfg(test)]
pub(super) mod tests {
    use std::time::Duration;

    use serde_json::{Map, json};

    use super::*;
    use crate::spec::DagSpec;

    /// A DAG of tasks with the names that they need, where the word `finally` makes a finaliser.
    pub(in crate::plan) fn dag(tasks: &[(&str, &str)]) -> DagSpec {
        let mut specs = Map::new();
        for (name, words) in tasks {
            let needs: Vec<&str> =
                words.split_whitespace().filter(|word| *word != "finally").collect();
            let finally = words.contains("finally");
            specs.insert(
                (*name).to_owned(),
                json!({ "uses": "command", "needs": needs, "finally": finally }),
            );
        }
        serde_json::from_value(json!({ "dag": "test", "tasks": specs })).unwrap()
    }

    pub(in crate::plan) fn plan(tasks: &[(&str, &str)]) -> Plan {
        Plan::new(&dag(tasks)).unwrap()
    }

    fn names(plan: &Plan, tasks: &[TaskIndex]) -> Vec<String> {
        tasks.iter().map(|&task| plan.node(task).name.to_string()).collect()
    }

    #[test]
    fn a_wave_waits_only_for_waves_before_it() {
        let plan = plan(&[("a", ""), ("b", "a"), ("c", ""), ("d", "b c"), ("e", "c")]);

        let waves: Vec<Vec<String>> = plan.waves().iter().map(|wave| names(&plan, wave)).collect();
        assert_eq!(waves, [vec!["a", "c"], vec!["b", "e"], vec!["d"]]);
    }

    #[test]
    fn the_critical_path_is_the_longest_chain_by_cost() {
        let plan = plan(&[("a", ""), ("b", "a"), ("slow", ""), ("d", "b slow"), ("e", "d")]);
        let seconds =
            |node: &Node| Duration::from_secs(if node.name.as_str() == "slow" { 5 } else { 1 });

        let (path, length) = plan.critical_path(seconds);

        assert_eq!(names(&plan, &path), ["slow", "d", "e"]);
        assert_eq!(length, Duration::from_secs(7));
    }

    #[test]
    fn the_critical_path_of_equal_chains_is_the_first() {
        let plan = plan(&[("a", ""), ("b", ""), ("c", "b a")]);

        let (path, _) = plan.critical_path(|_| Duration::from_secs(1));

        assert_eq!(names(&plan, &path), ["a", "c"]);
    }
}
