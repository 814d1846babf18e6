//! `tidemill dataset list`.

use serde_json::json;
use tidemill_dag::size::ByteSize;

use super::span;
use crate::App;
use crate::commands::run::shown;
use crate::database::{Database, Version};
use crate::exit::Failure;
use crate::output::table;

/// Lists the data sets.
pub(super) async fn run(app: &App<'_>) -> Result<(), Failure> {
    let database = Database::open(app, Version::Current).await?;
    let datasets = database.store.datasets().await?;
    let document = datasets.iter().map(|dataset| {
        json!({
            "dataset": dataset.name,
            "version": dataset.version,
            "intervals": dataset.intervals,
            "rows": dataset.rows,
            "size_bytes": dataset.size_bytes,
            "first_event_at": dataset.events.map(|(first, _)| first),
            "last_event_at": dataset.events.map(|(_, last)| last),
            "changed_at": dataset.changed_at,
        })
    });
    app.output.data(&document.collect::<Vec<_>>(), |_| {
        let rows = datasets.iter().map(|dataset| {
            [
                dataset.name.to_string(),
                dataset.version.to_string(),
                dataset.intervals.to_string(),
                dataset.rows.to_string(),
                ByteSize(dataset.size_bytes).shown(),
                span(dataset.events),
                shown(dataset.changed_at),
            ]
        });
        table(["dataset", "version", "intervals", "rows", "size", "events", "changed"], rows)
    })?;
    if datasets.is_empty() {
        app.output.say("no data sets yet: a task of the kind `ingest` lands one");
    }
    Ok(())
}
