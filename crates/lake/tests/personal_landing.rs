//! Personal data in a landing: nothing of it is to be found in anything that was written.
#![expect(clippy::unwrap_used, reason = "a test stops where its own set-up is wrong")]

use std::fmt::Write;
use std::path::Path;
use std::sync::Arc;

use datafusion::arrow::util::pretty::pretty_format_batches;
use datafusion::parquet::arrow::arrow_reader::ParquetRecordBatchReader;
use object_store::local::LocalFileSystem;
use tempfile::TempDir;
use tidemill_lake::personal::{PersonalData, Treatment};
use tidemill_lake::snapshot::{
    Destination, Earlier, EventTime, LandError, Landed, Landing, Manifest, Workspace, land,
};
use tidemill_lake::source::Access;
use tidemill_lake::sql::{DataFile, DataSet, Limits, Session};
use tokio_util::sync::CancellationToken;

const ROWS: usize = 400;

/// Orders with somebody's address, card and remarks. Every 40th row does not fit, and shows all of it.
fn orders(folder: &Path) {
    let mut text = String::from("at,amount,email,card,remark\n");
    for row in 0..ROWS {
        let amount = if row % 40 == 39 { "much".to_owned() } else { format!("{row}.5") };
        let card = ["4111111111111111", "5555555555554444", "378282246310005"][row % 3];
        let (hour, minute) = (row / 60, row % 60);
        let person = row % 50;
        writeln!(
            text,
            "2025-03-03 {hour:02}:{minute:02},{amount},someone{person}@example.org,{card},secret{row} word"
        )
        .unwrap();
    }
    std::fs::write(folder.join("orders.csv"), text).unwrap();
}

async fn landed(folder: &Path, columns: &[(&str, Treatment)]) -> Result<Manifest, LandError> {
    orders(folder);
    let columns = columns.iter().map(|(name, treatment)| ((*name).to_owned(), *treatment));
    let request = Landing {
        sources: vec!["orders.csv".to_owned()],
        event_time: Some(EventTime { column: "at".to_owned(), ..EventTime::default() }),
        most_rejected: Some(0.5),
        personal: PersonalData {
            columns: columns.collect(),
            key: Some("PLANT_KEY".to_owned()),
            ..PersonalData::default()
        },
        ..Landing::default()
    };
    let workspace = Workspace {
        access: Access::new(folder),
        scratch: folder.join("scratch"),
        dataset: "orders".to_owned(),
        environment: Arc::new(|name| (name == "PLANT_KEY").then(|| "0123456789abcdef".repeat(2))),
    };
    let destination = Destination::folder(&folder.join("lake"))?;
    match land(&request, Earlier::default(), &workspace, &destination).await? {
        Landed::Snapshot(manifest) => Ok(*manifest),
        Landed::Unchanged => panic!("nothing was there before"),
    }
}

/// All that was written, as text: Parquet as tables, other files as they are.
fn written(folder: &Path) -> String {
    let mut text = String::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            text.push_str(&written(&path));
            continue;
        }
        let bytes = std::fs::read(&path).unwrap();
        if path.extension().is_some_and(|extension| extension == "parquet") {
            let reader =
                ParquetRecordBatchReader::try_new(bytes::Bytes::from(bytes), 1000).unwrap();
            let batches: Vec<_> = reader.map(Result::unwrap).collect();
            text.push_str(&pretty_format_batches(&batches).unwrap().to_string());
        } else {
            text.push_str(&String::from_utf8_lossy(&bytes));
        }
    }
    text
}

#[tokio::test(flavor = "multi_thread")]
async fn treated_values_are_in_no_file_no_quarantine_and_no_manifest() {
    let folder = TempDir::new().unwrap();
    let treatments =
        [("email", Treatment::Tokenise), ("card", Treatment::Mask), ("remark", Treatment::Drop)];

    let manifest = landed(folder.path(), &treatments).await.unwrap();

    let all = written(&folder.path().join("lake")) + &serde_json::to_string(&manifest).unwrap();
    assert!(manifest.quarantine.is_some() && manifest.tally.rows == 390, "{:?}", manifest.tally);
    for value in ["someone", "411111", "555555", "37828", "secret", "0123456789abcdef"] {
        assert!(!all.contains(value), "{value}");
    }
    assert!(all.contains("************1111") && all.contains("tok_"));
}

#[tokio::test(flavor = "multi_thread")]
async fn dropping_alone_hides_rejected_rows_too() {
    let folder = TempDir::new().unwrap();
    let treatments =
        [("email", Treatment::Keep), ("card", Treatment::Drop), ("remark", Treatment::Keep)];

    let manifest = landed(folder.path(), &treatments).await.unwrap();

    assert!(manifest.quarantine.is_some());
    assert!(!written(&folder.path().join("lake")).contains("4111111111111111"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_undecided_find_leaves_nothing_and_comes_with_the_lines_to_add() {
    let folder = TempDir::new().unwrap();

    let refused = landed(folder.path(), &[("card", Treatment::Mask)]).await.unwrap_err();

    let hint = refused.hint().unwrap_or_default();
    assert!(hint.ends_with("personal:\n  columns:\n    email: mask"), "{hint}");
    assert_eq!(written(&folder.path().join("lake")), "");
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_of_a_snapshot_can_be_grouped_by_in_sql() {
    let folder = TempDir::new().unwrap();
    let treatments =
        [("email", Treatment::Tokenise), ("card", Treatment::Drop), ("remark", Treatment::Drop)];
    let manifest = landed(folder.path(), &treatments).await.unwrap();
    let lake = folder.path().join("lake");
    let first = bytes::Bytes::from(std::fs::read(lake.join(&manifest.files[0].path)).unwrap());
    let mut part = ParquetRecordBatchReader::try_new(first, 1).unwrap();
    let files = manifest.files.iter().map(|file| DataFile {
        path: file.path.as_str().into(),
        size_bytes: file.size_bytes,
        rows: file.rows,
    });
    let orders = DataSet {
        name: "orders".to_owned(),
        schema: part.next().unwrap().unwrap().schema(),
        store: Arc::new(LocalFileSystem::new_with_prefix(&lake).unwrap()),
        files: files.collect(),
    };
    let mut session = Session::new(Limits::new(folder.path().join("spill"), 2)).unwrap();
    session.register(orders).unwrap();

    let people = "select count(*) as orders, count(distinct email) as people, min(length(email)) as length from orders";
    let answer = session.query(people, &CancellationToken::new()).await.unwrap();

    let table = answer.into_table(80).await.unwrap();
    assert_eq!(
        table.text,
        "orders  people  length\n──────  ──────  ──────\n   390      50      36"
    );
}
