//! `tidemill dag plan`.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::json;
use tidemill_dag::load::Dag;
use tidemill_dag::schedule::Zone;
use tidemill_dag::time::{DataInterval, Timestamp};
use tidemill_task::{Clock, SystemClock};

use crate::App;
use crate::exit::Failure;
use crate::output::table;

/// Shows the next runs of a workflow, and the order of its tasks.
pub(crate) fn run(
    app: &App<'_>,
    name: &str,
    at: Option<DateTime<Utc>>,
    runs: usize,
) -> Result<(), Failure> {
    let dag = super::find(app, name)?;
    let at = at.unwrap_or_else(|| SystemClock.now());
    let ticks = next_runs(&dag, at, runs);
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
    let document = json!({
        "dag": dag.spec.dag,
        "hash": dag.hash,
        "from": at,
        "runs": ticks.iter().map(|(tick, interval)| json!({ "tick": tick, "interval": interval })).collect::<Vec<_>>(),
        "waves": waves,
        "critical_path": critical,
    });
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
        format!("{runs}\n\n{}\n\nlongest chain: {longest}", table(["wave", "tasks"], order))
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
