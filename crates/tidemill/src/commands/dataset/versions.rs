//! `tidemill dataset versions`.

use serde_json::{Value, json};
use tidemill_dag::size::ByteSize;
use tidemill_task::DatasetVersion;

use super::{find, span, stretch};
use crate::App;
use crate::commands::run::shown;
use crate::database::{Database, Version};
use crate::exit::Failure;
use crate::output::table;

/// How much of a hash people are shown.
const SHOWN_HASH: usize = 12;

/// Lists the versions of a data set, the newest first.
pub(super) async fn run(app: &App<'_>, name: &str, limit: u32) -> Result<(), Failure> {
    let database = Database::open(app, Version::Current).await?;
    let dataset = find(&database.store, name).await?;
    let versions = database.store.newest_versions(&dataset, limit).await?;
    let document: Vec<Value> = versions.iter().map(document).collect();
    app.output.data(&document, |_| {
        let rows = versions.iter().map(|version| {
            let snapshot = &version.snapshot;
            let content = snapshot.content.to_string();
            [
                version.version.to_string(),
                stretch(&snapshot.interval),
                snapshot.rows.to_string(),
                ByteSize(snapshot.size_bytes).shown(),
                span(snapshot.events),
                content.chars().take(SHOWN_HASH).collect(),
                version.run.to_string(),
                shown(version.created_at),
            ]
        });
        table(["version", "interval", "rows", "size", "events", "content", "run", "landed"], rows)
    })
}

/// A version as JSON.
pub(super) fn document(version: &DatasetVersion) -> Value {
    let snapshot = &version.snapshot;
    json!({
        "version": version.version,
        "interval": snapshot.interval,
        "rows": snapshot.rows,
        "size_bytes": snapshot.size_bytes,
        "first_event_at": snapshot.events.map(|(first, _)| first),
        "last_event_at": snapshot.events.map(|(_, last)| last),
        "content": snapshot.content,
        "manifest": version.manifest.location,
        "run": version.run,
        "created_at": version.created_at,
    })
}
