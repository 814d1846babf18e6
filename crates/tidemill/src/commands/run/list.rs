//! `tidemill run list`.

use serde_json::json;
use tidemill_dag::names::DagName;
use tidemill_dag::state::RunState;
use tidemill_store::{RunFilter, RunSummary};

use super::{elapsed, run_word, shown};
use crate::App;
use crate::database::{Database, Version};
use crate::exit::{Exit, Failure};
use crate::output::table;

/// Lists runs, the latest first.
pub(crate) async fn run(app: &App<'_>, dag: Option<&str>, limit: u32) -> Result<(), Failure> {
    let dag =
        dag.map(DagName::new).transpose().map_err(|error| Failure::new(Exit::Usage, error))?;
    let database = Database::open(app, Version::Current).await?;
    let runs = database.store.runs(&RunFilter { dag, is_live: None, limit }).await?;
    let rows: Vec<_> = runs.iter().map(document).collect();
    app.output.data(&rows, |_| {
        let rows = runs.iter().map(|run| {
            [
                run.id.to_string(),
                run.dag.to_string(),
                run.interval.to_string(),
                run.kind.label().to_owned(),
                run_word(&run.state).to_owned(),
                format!("{}/{}", run.tasks.succeeded, run.tasks.total),
                took(run).map(elapsed).unwrap_or_default(),
                shown(run.created_at),
            ]
        });
        table(["run", "dag", "interval", "kind", "state", "done", "took", "asked for"], rows)
    })?;
    if runs.is_empty() {
        app.output.say("no runs yet: start one with `tidemill run start NAME --wait`");
    }
    Ok(())
}

/// A run as JSON.
pub(super) fn document(run: &RunSummary) -> serde_json::Value {
    let finished_at = if let RunState::Closed { at, .. } = run.state { Some(at) } else { None };
    json!({
        "run": run.id,
        "dag": run.dag,
        "hash": run.hash,
        "kind": run.kind,
        "interval": run.interval,
        "params": run.params,
        "triggered_by": run.triggered_by,
        "state": run_word(&run.state),
        "created_at": run.created_at,
        "started_at": run.started_at,
        "finished_at": finished_at,
        "duration_ms": took(run),
        "tasks": {
            "total": run.tasks.total,
            "running": run.tasks.running,
            "succeeded": run.tasks.succeeded,
            "failed": run.tasks.failed,
            "skipped": run.tasks.skipped,
            "cancelled": run.tasks.cancelled,
        },
    })
}

/// From the first task's start to the run's end, in milliseconds.
pub(super) fn took(run: &RunSummary) -> Option<i64> {
    let (Some(started), RunState::Closed { at, .. }) = (run.started_at, &run.state) else {
        return None;
    };
    Some((*at - started).num_milliseconds())
}
