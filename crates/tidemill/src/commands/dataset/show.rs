//! `tidemill dataset show`.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tidemill_dag::size::ByteSize;
use tidemill_kinds::tables::{LandingInfo, Published, SourceInfo, read_published};
use tidemill_lake::snapshot::Manifest;
use tidemill_task::DatasetVersion;

use super::versions::document;
use super::{Shelf, events, failed, newest, span, stretch};
use crate::App;
use crate::commands::run::shown;
use crate::exit::Failure;
use crate::output::{counted, table};

/// Shows a data set: what it holds, its columns, and what became of the lines of its newest landing.
pub(super) async fn run(app: &App<'_>, name: &str, version: Option<u32>) -> Result<(), Failure> {
    let shelf = Shelf::open(app).await?;
    let versions = shelf.at(name, version).await?;
    let latest = versions.iter().max_by_key(|version| version.version);
    let latest = latest.expect("a data set that was found has a version");
    let published = read_published(&shelf.artifacts, latest).await;
    let published = published.map_err(|error| failed(&error))?;
    app.output
        .data(&as_json(name, &versions, &published), |_| describe(name, &versions, &published))
}

fn as_json(name: &str, versions: &[DatasetVersion], published: &Published) -> Value {
    let manifest = published.manifest();
    let events = events(versions);
    json!({
        "dataset": name,
        "version": newest(versions),
        "intervals": versions.len(),
        "rows": rows(versions),
        "size_bytes": size_bytes(versions),
        "first_event_at": events.map(|(first, _)| first),
        "last_event_at": events.map(|(_, last)| last),
        "columns": manifest.columns,
        "entity": manifest.entity,
        "personal": manifest.personal,
        "newest": document(&published.version),
        "sources": manifest.sources,
        "tally": manifest.tally,
        "notes": manifest.notes,
    })
}

fn rows(versions: &[DatasetVersion]) -> u64 {
    versions.iter().map(|version| version.snapshot.rows).sum()
}

fn size_bytes(versions: &[DatasetVersion]) -> u64 {
    versions.iter().map(|version| version.snapshot.size_bytes).sum()
}

fn describe(name: &str, versions: &[DatasetVersion], published: &Published) -> String {
    let manifest = published.manifest();
    let (rows, size) = (rows(versions), ByteSize(size_bytes(versions)).shown());
    let intervals = counted(versions.len(), "interval");
    let mut lines =
        vec![format!("{name}, version {}: {rows} rows, {size}, of {intervals}", newest(versions))];
    if let Some(events) = events(versions) {
        lines.push(format!("events {}", span(Some(events))));
    }
    lines.push(String::new());
    lines.push(columns(manifest));
    let version = &published.version;
    lines.push(String::new());
    lines.push(format!(
        "the newest landing, of {}, by {} at {}:",
        stretch(&version.snapshot.interval),
        version.run,
        shown(version.created_at)
    ));
    let landing = LandingInfo {
        sources: manifest
            .sources
            .iter()
            .map(|source| SourceInfo {
                location: source.file.location.clone(),
                tally: source.tally.clone(),
            })
            .collect(),
        notes: Vec::new(),
    };
    lines.extend(landing.in_words().into_iter().map(|line| format!("  {line}")));
    lines.extend(manifest.notes.iter().map(|note| format!("  {note}")));
    lines.join("\n")
}

fn columns(manifest: &Manifest) -> String {
    let least = manifest.personal.confident_from;
    let personal: BTreeMap<&str, String> = manifest
        .personal
        .columns
        .iter()
        .map(|report| {
            let treatment = report.treatment.map(|treatment| treatment.label().to_owned());
            // Suspicions are in the manifest; here they would be noise.
            let sure = report.finds.iter().filter(|find| find.confidence >= least);
            let finds = sure.map(|find| format!("{}?", find.detector));
            let words = treatment.into_iter().chain(finds).collect::<Vec<_>>().join(", ");
            (report.column.as_str(), words)
        })
        .collect();
    let time = manifest.event_time.as_ref().map(|time| time.column.as_str());
    let rows = manifest.columns.iter().map(|column| {
        let name = column.name.as_str();
        let role = if time == Some(name) {
            "event time"
        } else if manifest.entity.iter().any(|entity| entity == name) {
            "entity"
        } else {
            ""
        };
        let personal = personal.get(name).cloned().unwrap_or_default();
        [name.to_owned(), column.kind.clone(), role.to_owned(), personal]
    });
    table(["column", "kind", "role", "personal"], rows)
}
