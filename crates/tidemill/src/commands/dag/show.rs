//! `tidemill dag show`.

use serde_json::json;
use tidemill_dag::load::Dag;
use tidemill_dag::names::DatasetName;
use tidemill_dag::spec::Changed;

use crate::App;
use crate::cli::Drawing;
use crate::exit::{Exit, Failure};
use crate::graph;
use crate::output::{print, table};

/// Lists the workflows, or shows the graph of one.
pub(crate) fn run(app: &App<'_>, name: Option<&str>, drawing: Drawing) -> Result<(), Failure> {
    let Some(name) = name else {
        return list(app);
    };
    let dag = super::find(app, name)?;
    let drawing = if app.output.is_json() { Drawing::Json } else { drawing };
    match drawing {
        Drawing::Text => print(&graph::text(&dag)),
        Drawing::Mermaid => print(&graph::mermaid(&dag)),
        Drawing::Dot => print(&graph::dot(&dag)),
        Drawing::Json => {
            let text =
                serde_json::to_string_pretty(&graph::json(&dag)).map_err(anyhow::Error::new)?;
            print(&text)
        }
    }
}

fn list(app: &App<'_>) -> Result<(), Failure> {
    let loaded = super::repository(app)?.load(&super::catalog(app))?;
    let rows: Vec<_> = loaded
        .dags
        .iter()
        .map(|dag| {
            json!({
                "dag": dag.spec.dag,
                "schedule": dag.spec.schedule,
                "runs_after": dag.spec.runs_after,
                "interval": dag.spec.interval,
                "tasks": dag.plan.nodes().len(),
                "file": dag.path,
                "description": dag.spec.description,
            })
        })
        .collect();
    app.output.data(&rows, |_| {
        let rows = loaded.dags.iter().map(|dag| {
            [
                dag.spec.dag.to_string(),
                schedule(dag),
                dag.plan.nodes().len().to_string(),
                dag.path.clone(),
                dag.spec.description.clone().unwrap_or_default(),
            ]
        });
        table(["dag", "schedule", "tasks", "file", "description"], rows)
    })?;
    app.output.problems(&loaded.problems);
    if loaded.problems.is_empty() { Ok(()) } else { Err(Failure::told(Exit::InvalidDag)) }
}

/// When a DAG runs, in a few words.
pub(crate) fn schedule(dag: &Dag) -> String {
    let ticks = dag.spec.schedule.as_ref();
    let ticks = ticks.map(|schedule| format!("{} {}", schedule.cron, schedule.timezone));
    let after = dag.spec.runs_after.as_ref().map(|after| {
        let names: Vec<&str> = after.datasets.iter().map(DatasetName::as_str).collect();
        let between = match after.when {
            Changed::Any => " or ",
            Changed::All => " and ",
        };
        format!("after {}", names.join(between))
    });
    let parts: Vec<String> = ticks.into_iter().chain(after).collect();
    if parts.is_empty() { "by hand".to_owned() } else { parts.join("; ") }
}
