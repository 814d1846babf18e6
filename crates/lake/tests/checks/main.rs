//! Snapshots that were landed from real files, checked.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking, like tests")]

use std::path::{Path, PathBuf};
use std::sync::Arc;

use object_store::local::LocalFileSystem;
use serde_json::{Value, json};
use tempfile::TempDir;
use tidemill_lake::quality::{
    Audit, ChecksFile, Facts, Limits, QualityReport, Table, TableFile, Verdict,
};
use tidemill_lake::snapshot::{Destination, Earlier, EventTime, Landed, Landing, Workspace, land};
use tidemill_lake::source::Access;
use tidemill_lake::suggest::{Hints, Profile, suggest};

/// The folder of real files, if it is there. They are not part of the repository.
#[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
fn real() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let folder = std::env::var_os("TIDEMILL_REAL_DATA").map_or(folder, PathBuf::from);
    if !folder.join("README.md").exists() {
        eprintln!("skipped: there are no real files in {}", folder.display());
        return None;
    }
    Some(folder)
}

fn of(source: &str, time: &str) -> Landing {
    let event_time = Some(EventTime { column: time.into(), ..EventTime::default() });
    Landing { sources: vec![source.into()], event_time, ..Landing::default() }
}

async fn landed(data: &Path, request: &Landing, folder: &TempDir) -> Table {
    let workspace = Workspace {
        access: Access::new(data),
        scratch: folder.path().join("scratch"),
        dataset: "real".into(),
        environment: Arc::new(|_| None),
    };
    let lake = folder.path().join("lake");
    let destination = Destination::folder(&lake).unwrap();
    let landed = land(request, Earlier::default(), &workspace, &destination).await.unwrap();
    let Landed::Snapshot(manifest) = landed else { panic!("nothing was there before") };
    let files = manifest.files.iter().map(|file| TableFile {
        path: object_store::path::Path::from(file.path.as_str()),
        bytes: Some(file.size_bytes),
    });
    let store = Arc::new(LocalFileSystem::new_with_prefix(&lake).unwrap());
    Table::open(store, files.collect::<Vec<_>>()).await.unwrap()
}

async fn audited(document: &Value, table: &Table, folder: &TempDir) -> QualityReport {
    let file = ChecksFile::read(document).unwrap();
    let limits = Limits::new(folder.path());
    Audit::plan(&file, table, Facts::default(), limits).unwrap().run().await.unwrap()
}

#[tokio::test]
async fn the_doubled_stamps_of_a_machine_are_found() {
    let Some(data) = real() else { return };
    let folder = TempDir::new().unwrap();
    let table = landed(&data, &of("nab_machine_temperature.csv", "timestamp"), &folder).await;
    let document = json!({ "time": "timestamp", "checks": [
        { "check": "duplicate_times" },
        { "check": "monotone_time" },
        { "check": "regular_frequency", "with": { "every": "5m" }, "mostly": 0.99 },
        { "check": "not_null", "columns": ["timestamp", "value"] },
    ] });

    let report = audited(&document, &table, &folder).await;

    // The data's own description counts 12 of them.
    assert_eq!(report.checks[0].failing, Some(12));
    assert_eq!(report.totals.failed, 1, "{}", report.to_text());
}

#[tokio::test]
async fn gaps_of_months_are_found_for_each_server() {
    let Some(data) = real() else { return };
    let folder = TempDir::new().unwrap();
    let mut request = of("biohpc_*.txt", "timestamp");
    request.event_time.as_mut().unwrap().zone = Some("America/New_York".into());
    request.entity = vec!["name".into()];
    let table = landed(&data, &request, &folder).await;
    let document = json!({ "time": "timestamp", "entity": ["name"], "checks": [
        { "check": "gaps", "with": { "longest": "30d" } },
        { "check": "duplicate_times" },
        { "check": "regular_frequency", "with": { "every": "1h" }, "mostly": 0.99 },
        { "check": "monotone_time" },
    ] });

    let report = audited(&document, &table, &folder).await;

    let gaps = &report.checks[0];
    assert_eq!(gaps.verdict, Verdict::Failed);
    assert!(gaps.seen.contains("longest step 181 d"), "{}", gaps.seen);
    assert!(gaps.examples[0].entity.is_some() && gaps.examples[0].time.is_some());
    assert_eq!(report.totals.failed, 1, "{}", report.to_text());
}

#[tokio::test]
async fn what_is_suggested_for_a_landed_snapshot_holds_on_it() {
    let Some(data) = real() else { return };
    let folder = TempDir::new().unwrap();
    let table = landed(&data, &of("ETTh1.csv", "date"), &folder).await;
    let limits = Limits::new(folder.path());

    let profile = Profile::of(&table, &Hints::default(), &limits).await.unwrap();
    let suggestion = suggest(&profile);
    let document = serde_json::to_value(&suggestion.file).unwrap();
    let report = audited(&document, &table, &folder).await;

    assert_eq!(report.verdict, Verdict::Passed, "{}", report.to_text());
    let yaml = suggestion.to_yaml();
    for line in ["  - check: regular_frequency", "    with: { every: \"1h\" }", "    column: OT"] {
        assert!(yaml.contains(line), "{line} is not in {yaml}");
    }
}
