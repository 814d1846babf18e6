//! What the runs of a backfill would take from the cache, task by task.

use std::collections::BTreeMap;

use serde_json::Value;
use tidemill_dag::load::Dag;
use tidemill_dag::names::{ParamName, TaskName};
use tidemill_dag::state::RunKind;
use tidemill_dag::time::Timestamp;
use tidemill_scheduler::{BackfillPlan, Prediction, Rehearsal};
use tidemill_store::Store;

use crate::App;
use crate::commands::predict::{self, predict};
use crate::exit::Failure;
use crate::output::{counted, table};

/// What would become of the tasks of each interval that runs; none for the others.
pub(super) struct Tasks {
    each: Vec<Option<Vec<(TaskName, Prediction)>>>,
    now: Timestamp,
}

impl Tasks {
    /// Plays the runs of a plan through.
    pub(super) async fn predict(
        app: &App<'_>,
        store: &Store,
        dag: &Dag,
        plan: &BackfillPlan,
        (params, use_cache): (&BTreeMap<ParamName, Value>, bool),
    ) -> Result<Self, Failure> {
        let now = store.now().await?;
        let wanted = plan.intervals.iter().filter(|one| one.why.is_wanted());
        let mut runs: Vec<Rehearsal<'_>> = wanted
            .map(|one| {
                let facts = predict::facts(dag, RunKind::Backfill, one.interval, params);
                Rehearsal::new(&dag.plan, facts, now).using_cache(use_cache)
            })
            .collect();
        predict(app, store, &mut runs).await?;
        let mut runs = runs.into_iter();
        let each = plan.intervals.iter().map(|one| {
            let run = if one.why.is_wanted() { runs.next() } else { None };
            run.map(|run| run.predictions())
        });
        Ok(Self { each: each.collect(), now })
    }

    /// Adds the tasks to the intervals of a plan for programs.
    pub(super) fn add_to(&self, plan: &mut Value) {
        for (place, tasks) in self.each.iter().enumerate() {
            if let Some(tasks) = tasks {
                let tasks =
                    tasks.iter().map(|(task, found)| predict::document(task, found, self.now));
                plan["each"][place]["tasks"] = tasks.collect();
            }
        }
    }

    /// For each task in how many intervals it has a result, and why it runs in the first other one.
    pub(super) fn describe(&self) -> String {
        let runs: Vec<&Vec<(TaskName, Prediction)>> = self.each.iter().flatten().collect();
        let Some(first) = runs.first() else { return String::new() };
        let rows = (0..first.len()).map(|task| {
            let found: Vec<&Prediction> = runs.iter().map(|run| &run[task].1).collect();
            let cached = found.iter().filter(|found| found.word() == "cached").count();
            let other = found.iter().find(|found| found.word() != "cached");
            let why = other.map(|found| found.words(self.now)).unwrap_or_default();
            let of = format!("{cached} of {}", counted(runs.len(), "interval"));
            [first[task].0.to_string(), of, why]
        });
        format!("\n\n{}", table(["task", "cached", "why the others run"], rows))
    }
}
