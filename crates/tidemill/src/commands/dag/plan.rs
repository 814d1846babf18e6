//! `tidemill dag plan`.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::json;
use tidemill_dag::load::Dag;
use tidemill_dag::names::TaskName;
use tidemill_dag::schedule::Zone;
use tidemill_dag::state::RunKind;
use tidemill_dag::time::{DataInterval, Timestamp};
use tidemill_scheduler::{Prediction, Rehearsal};
use tidemill_task::{Clock, SystemClock};

use crate::App;
use crate::commands::predict;
use crate::commands::run::{interval, params};
use crate::database::{Database, block_on};
use crate::exit::Failure;
use crate::output::table;

/// What to plan.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted<'a> {
    /// The workflow.
    pub name: &'a str,
    /// The instant to look ahead from.
    pub at: Option<DateTime<Utc>>,
    /// How many runs to show.
    pub runs: usize,
    /// An instant or a day inside the interval to predict.
    pub interval: Option<&'a str>,
    /// Parameters of that run, as `NAME=VALUE`.
    pub params: &'a [String],
}

/// Why each task of a run over one interval would run or not.
struct Predicted {
    interval: DataInterval,
    tasks: Vec<(TaskName, Prediction)>,
    now: Timestamp,
}

/// Shows the next runs of a workflow, the order of its tasks, and which of them have a result already.
pub(crate) fn run(app: &App<'_>, wanted: &Wanted<'_>) -> Result<(), Failure> {
    let dag = super::find(app, wanted.name)?;
    let at = wanted.at.unwrap_or_else(|| SystemClock.now());
    let ticks = next_runs(&dag, at, wanted.runs);
    let predicted = predicted(app, &dag, wanted, at)?;
    let zone = dag.spec.schedule.as_ref().map_or(Zone::UTC, |schedule| schedule.timezone);
    let waves: Vec<Vec<&str>> = dag
        .plan
        .waves()
        .into_iter()
        .map(|wave| wave.into_iter().map(|index| dag.plan.node(index).name.as_str()).collect())
        .collect();
    let (critical, _) = dag.plan.critical_path(|_| Duration::from_secs(1));
    let critical: Vec<&str> =
        critical.into_iter().map(|index| dag.plan.node(index).name.as_str()).collect();
    let mut document = json!({
        "dag": dag.spec.dag,
        "hash": dag.hash,
        "from": at,
        "runs": ticks.iter().map(|(tick, interval)| json!({ "tick": tick, "interval": interval })).collect::<Vec<_>>(),
        "waves": waves,
        "critical_path": critical,
    });
    if let Some(Predicted { interval, tasks, now }) = &predicted {
        let tasks = tasks.iter().map(|(task, found)| predict::document(task, found, *now));
        document["predicted"] = json!({ "interval": interval, "tasks": tasks.collect::<Vec<_>>() });
    }
    app.output.data(&document, |_| {
        let rows = ticks.iter().map(|(tick, interval)| {
            [zone.show(*tick), zone.show(interval.start), zone.show(interval.end)]
        });
        let runs = match (&dag.spec.schedule, ticks.is_empty()) {
            (None, _) => "runs by hand, by backfill or by trigger".to_owned(),
            (Some(_), true) => "the schedule does not tick again".to_owned(),
            (Some(_), false) => table(["tick", "interval start", "interval end"], rows),
        };
        let order = waves
            .iter()
            .enumerate()
            .map(|(wave, names)| [(wave + 1).to_string(), names.join(", ")]);
        let longest = critical.join(" -> ");
        let tasks = predicted.as_ref().map(Predicted::describe).unwrap_or_default();
        format!("{runs}\n\n{}\n\nlongest chain: {longest}{tasks}", table(["wave", "tasks"], order))
    })
}

impl Predicted {
    fn describe(&self) -> String {
        let rows = self.tasks.iter().map(|(task, found)| {
            [task.to_string(), found.word().to_owned(), found.words(self.now)]
        });
        format!("\n\nover {}:\n\n{}", self.interval, table(["task", "expected", "why"], rows))
    }
}

/// Asks the database, where there is one, about the tasks of a run over one interval.
///
/// What was not asked for in so many words is left out where it cannot be told, and the rest of the plan stands.
fn predicted(
    app: &App<'_>,
    dag: &Dag,
    wanted: &Wanted<'_>,
    at: Timestamp,
) -> Result<Option<Predicted>, Failure> {
    let is_asked = wanted.interval.is_some() || !wanted.params.is_empty();
    let run = interval(dag, wanted.interval, at)
        .and_then(|interval| Ok((interval, params(dag, wanted.params)?)));
    let (interval, params) = match run {
        Ok(run) => run,
        Err(failure) if is_asked => return Err(failure),
        Err(_) => return Ok(None),
    };
    let asked = block_on(async {
        let Some(database) = Database::open_existing(app).await? else {
            if is_asked {
                app.output.say("no task is predicted: nothing ran here yet");
            }
            return Ok(None);
        };
        let now = database.store.now().await?;
        let facts = predict::facts(dag, RunKind::Manual, interval, &params);
        let mut runs = [Rehearsal::new(&dag.plan, facts, now)];
        predict::predict(app, &database.store, &mut runs).await?;
        let [run] = runs;
        Ok(Some(Predicted { interval, tasks: run.predictions(), now }))
    });
    asked.or_else(|failure| {
        app.output.say(&format!("no task is predicted: the database is no help\n{failure}"));
        Ok(None)
    })
}

/// The ticks after an instant, each with its interval.
fn next_runs(dag: &Dag, at: Timestamp, count: usize) -> Vec<(Timestamp, DataInterval)> {
    let Some(schedule) = &dag.spec.schedule else {
        return Vec::new();
    };
    let ticks = schedule.ticks_after(at);
    ticks
        .filter_map(|tick| Some((tick, schedule.interval_of(dag.spec.interval, tick)?)))
        .take(count)
        .collect()
}
