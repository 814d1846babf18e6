//! Tables of Parquet files.

use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::parquet::arrow::ArrowWriter;
use datafusion::parquet::file::properties::WriterProperties;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use serde_json::{Value, json};

use super::conformance::{batch, facts, limits, run};
use super::{Audit, AuditError, ChecksFile, Limits, Table, TableFile};

fn parquet(batch: &RecordBatch, group_rows: usize) -> Vec<u8> {
    let properties = WriterProperties::builder()
        .set_max_row_group_row_count(Some(group_rows))
        .set_data_page_row_count_limit(3)
        .build();
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), Some(properties)).unwrap();
    writer.write(batch).unwrap();
    writer.close().unwrap();
    bytes
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

async fn stored(files: &[(&str, Vec<u8>)]) -> (Arc<dyn ObjectStore>, Vec<TableFile>) {
    let store = InMemory::new();
    let mut listed = Vec::new();
    for (index, (name, bytes)) in files.iter().enumerate() {
        let size = bytes.len() as u64;
        store.put(&Path::from(*name), bytes.clone().into()).await.unwrap();
        // Both ways to find a footer.
        listed.push(TableFile { path: Path::from(*name), bytes: (index == 0).then_some(size) });
    }
    (Arc::new(store), listed)
}

fn open(files: &[(&str, Vec<u8>)]) -> Result<Table, AuditError> {
    block_on(async {
        let (store, listed) = stored(files).await;
        Table::open(store, listed).await
    })
}

fn rows(from: usize, to: usize) -> Value {
    let range = || from..to;
    json!({
        "ts": range().map(|row| format!("2026-01-01T{:02}:{:02}:00", row / 60, row % 60)).collect::<Vec<_>>(),
        "sensor": range().map(|row| format!("pump-{}", row % 3)).collect::<Vec<_>>(),
        "value": range().map(|row| (row % 7 != 0).then_some(row as f64 * 0.1)).collect::<Vec<_>>(),
    })
}

fn checks() -> Value {
    json!({ "time": "ts", "entity": ["sensor"], "checks": [
        { "check": "not_null", "columns": ["ts", "sensor", "value"] },
        { "check": "range", "column": "value", "with": { "max": 9.5 } },
        { "check": "compound_unique", "columns": ["sensor", "ts"] },
        { "check": "regex", "column": "sensor", "with": { "pattern": "^pump-[01]$" }, "filter": "value > 3" },
        { "check": "monotone_time" },
        { "check": "gaps", "with": { "longest": "2m" } },
        { "check": "mean", "column": "value", "with": { "max": 1 } },
        { "check": "std", "column": "value", "with": { "max": 1 } },
        { "check": "quantile", "column": "value", "with": { "q": 0.9, "max": 1 } },
        { "check": "expression", "with": { "sql": "value < 9.7" } },
        { "check": "row_count", "with": { "max": 1 }, "filter": "sensor = 'pump-1'" },
    ] })
}

#[test]
fn row_groups_threads_and_batches_change_nothing_but_the_place_of_a_row() {
    let all = batch(&rows(0, 100));
    let whole =
        run(&checks(), &Table::from_batches(all.schema(), vec![all.clone()]), facts(), limits());
    let expected = whole.unwrap().to_json();
    for group_rows in [1, 7, 1_000] {
        let table = open(&[("a.parquet", parquet(&all, group_rows))]).unwrap();
        for (threads, batch_rows) in [(1, 1_024), (5, 2)] {
            let limits = Limits { threads, batch_rows, ..limits() };
            let found = run(&checks(), &table, facts(), limits).unwrap();
            assert_eq!(found.to_json(), expected, "{group_rows} rows a group, {threads} threads");
        }
    }
}

#[test]
fn examples_of_several_files_name_the_file_and_its_row() {
    let files = [
        ("day=1/a.parquet", parquet(&batch(&rows(0, 50)), 20)),
        ("day=2/a.parquet", parquet(&batch(&rows(50, 100)), 20)),
    ];

    let report = run(&checks(), &open(&files).unwrap(), facts(), limits()).unwrap();

    let range = report.checks.iter().find(|check| check.name == "range(value)").unwrap();
    let example = &range.examples[0];
    // Row 96 of the table, counted from 0, is the 47th of the second file.
    assert_eq!(example.file.as_deref(), Some("day=2/a.parquet"));
    assert_eq!((example.row, example.value.as_deref()), (47, Some("9.6")));
    assert_eq!(example.time.as_deref(), Some("2026-01-01 01:36:00"));
}

#[test]
fn a_column_that_an_older_file_lacks_is_missing_there() {
    let mut older = rows(0, 50);
    older.as_object_mut().unwrap().remove("value");
    let files = [
        ("a.parquet", parquet(&batch(&older), 20)),
        ("b.parquet", parquet(&batch(&rows(50, 100)), 20)),
    ];
    let document = json!({ "checks": [{ "check": "not_null", "column": "value" }] });

    let report = run(&document, &open(&files).unwrap(), facts(), limits()).unwrap();

    let missing = 50 + (50..100).filter(|row| row % 7 == 0).count();
    assert_eq!(report.checks[0].failing, Some(missing as u64));
}

#[test]
fn a_column_that_changed_its_type_is_named_with_its_file() {
    let files = [
        ("a.parquet", parquet(&batch(&json!({ "x": [1] })), 20)),
        ("b.parquet", parquet(&batch(&json!({ "x": ["1"] })), 20)),
    ];

    let error = open(&files).unwrap_err();

    assert_eq!(
        error.to_string(),
        "put the files of the table together: column `x` is Utf8View in `b.parquet`, but Int64 before"
    );
}

#[test]
fn a_file_that_is_no_parquet_is_named() {
    let error = open(&[("a.parquet", b"ts,value\n".to_vec())]).unwrap_err();

    assert_eq!(error.to_string(), "open the table file `a.parquet`");
}

#[test]
fn a_file_that_was_cut_is_named() {
    let mut bytes = parquet(&batch(&rows(0, 100)), 20);
    let footer = bytes.len() - 2_000.min(bytes.len() / 2);
    bytes[4..footer].fill(0);
    let table = open(&[("a.parquet", bytes)]);

    let failed = table.map(|table| {
        let file = ChecksFile::read(&checks()).unwrap();
        block_on(Audit::plan(&file, &table, facts(), limits()).unwrap().run())
    });

    assert!(matches!(failed, Err(_) | Ok(Err(_))), "nothing is made up from zeros");
}

#[test]
fn an_object_that_is_gone_at_the_scan_is_named() {
    let error = block_on(async {
        let (store, listed) = stored(&[("a.parquet", parquet(&batch(&rows(0, 9)), 5))]).await;
        let table = Table::open(Arc::clone(&store), listed).await.unwrap();
        store.delete(&Path::from("a.parquet")).await.unwrap();
        let file = ChecksFile::read(&checks()).unwrap();
        Audit::plan(&file, &table, facts(), limits()).unwrap().run().await.unwrap_err()
    });

    assert_eq!(error.to_string(), "read rows of the table file `a.parquet`");
}
