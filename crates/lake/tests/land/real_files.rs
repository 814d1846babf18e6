//! Real files, as they are. They are not part of the repository; a test without them says so and ends.

use std::path::Path;

use tidemill_lake::snapshot::{Earlier, EventTime, Landed, Landing};

use crate::support::Lake;

/// The lake over the folder of real files, if it is there.
#[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
fn real() -> Option<Lake> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let folder = match std::env::var_os("TIDEMILL_REAL_DATA") {
        Some(folder) => folder.into(),
        None => folder,
    };
    if !folder.join("README.md").exists() {
        eprintln!("skipped: there are no real files in {}", folder.display());
        return None;
    }
    Some(Lake::of(&folder))
}

fn of(source: &str, column: &str, zone: Option<&str>, entity: &[&str]) -> Landing {
    Landing {
        sources: vec![source.into()],
        event_time: Some(EventTime {
            column: column.into(),
            zone: zone.map(str::to_owned),
            ..EventTime::default()
        }),
        entity: entity.iter().map(|name| (*name).to_owned()).collect(),
        ..Landing::default()
    }
}

#[tokio::test]
async fn exports_of_servers_land_whole_and_every_line_is_accounted_for() {
    let Some(lake) = real() else { return };
    let request = of("biohpc_*.txt", "timestamp", Some("America/New_York"), &["name"]);

    let manifest = lake.land(&request).await.unwrap();

    let rows: Vec<u64> = manifest.sources.iter().map(|source| source.tally.rows).collect();
    assert_eq!(rows, [23_371, 23_304, 8_497]);
    let tally = &manifest.tally;
    assert_eq!(tally.rows_rejected(), 0);
    assert_eq!((tally.marks, tally.header_lines, tally.footer_lines), (3, 3, 15));
    assert_eq!(
        tally.lines,
        tally.preamble_lines
            + tally.header_lines
            + tally.blank_lines
            + tally.footer_lines
            + tally.repeated_headers
            + tally.row_lines
    );
    assert_eq!(tally.footer[0], "(23371 rows affected)");
    let kinds: Vec<&str> = manifest.columns.iter().map(|column| column.kind.as_str()).collect();
    assert_eq!(kinds[..3], ["text", "time", "float"]);
    let range = manifest.event_time.as_ref().unwrap();
    assert_eq!(range.min.to_rfc3339(), "2022-08-01T19:00:00+00:00");
    assert_eq!(range.max.to_rfc3339(), "2025-10-31T13:00:00+00:00");
    // Each server reports once in the hour that is shown twice.
    assert_eq!((tally.doubled_taken_first, tally.doubled_by_order), (5, 0));
}

#[tokio::test]
async fn landing_real_files_again_is_a_no_op() {
    let Some(lake) = real() else { return };
    let request = of("biohpc_*.txt", "timestamp", Some("America/New_York"), &["name"]);
    let first = lake.land(&request).await.unwrap();

    let earlier = Earlier { same_interval: Some(&first), latest: Some(&first) };
    let again = lake.land_after(&request, earlier).await.unwrap();

    assert_eq!(again, Landed::Unchanged);
}

#[tokio::test]
async fn duplicate_stamps_stay_as_they_are() {
    let Some(lake) = real() else { return };

    let manifest =
        lake.land(&of("nab_machine_temperature.csv", "timestamp", None, &[])).await.unwrap();

    assert_eq!((manifest.rows, manifest.tally.rows_rejected()), (22_695, 0));
    assert_eq!(manifest.notes, ["times of `timestamp` that state no offset are read as UTC"]);
}

#[tokio::test]
async fn hourly_loads_and_a_parquet_file_land() {
    let Some(lake) = real() else { return };

    let loads = lake.land(&of("ETTh1.csv", "date", None, &[])).await.unwrap();
    let hourly = Landing { sources: vec!["m4_hourly.parquet".into()], ..Landing::default() };
    let hourly = lake.land(&hourly).await.unwrap();

    assert_eq!((loads.rows, loads.columns.len()), (17_420, 8));
    assert_eq!((hourly.rows, hourly.columns.len()), (373_372, 4));
}
