//! Statements over data sets, from their words to what is written.
#![expect(clippy::unwrap_used, reason = "a test stops where its own set-up is wrong")]

use std::io::{self, Write};
use std::sync::Arc;
use std::time::Duration;

use datafusion::arrow::array::{
    ArrayRef, Float64Array, Int64Array, ListArray, RecordBatch, StringArray, TimestampSecondArray,
};
use datafusion::arrow::datatypes::{DataType, Field, Int64Type, Schema};
use datafusion::parquet::arrow::ArrowWriter;
use datafusion::parquet::arrow::arrow_reader::ParquetRecordBatchReader;
use insta::assert_snapshot;
use object_store::ObjectStoreExt;
use object_store::memory::InMemory;
use object_store::path::Path;
use tempfile::TempDir;
use tidemill_lake::sql::{DataFile, DataSet, Format, Limits, Session, SqlError};
use tokio_util::sync::CancellationToken;

/// A session with some data sets, and the folder that it may spill to.
struct World {
    session: Session,
    spill: TempDir,
}

impl World {
    async fn new() -> Self {
        Self::within(|limits| limits).await
    }

    async fn within(change: impl FnOnce(Limits) -> Limits) -> Self {
        let spill = TempDir::new().unwrap();
        let session = Session::new(change(Limits::new(spill.path(), 2))).unwrap();
        let mut world = Self { session, spill };
        let telemetry = |from: i64| {
            batch(vec![
                (
                    "time",
                    Arc::new(TimestampSecondArray::from_iter_values(
                        (0..3).map(|row| 1_700_000_000 + (from + row) * 3600),
                    )),
                ),
                ("machine", Arc::new(StringArray::from(vec!["chiller", "pump", "chiller"]))),
                ("load", Arc::new(Float64Array::from(vec![Some(0.5), None, Some(0.75)]))),
            ])
        };
        world.add("plant_telemetry", &[telemetry(0), telemetry(3)]).await;
        let numbers: ArrayRef = Arc::new(ListArray::from_iter_primitive::<Int64Type, _, _>([
            Some([Some(1), None]),
            None,
        ]));
        let notes: ArrayRef =
            Arc::new(StringArray::from(vec![Some("two\nlines, \"quoted\""), None]));
        world.add("Odd-name", &[batch(vec![("numbers", numbers), ("notes", notes)])]).await;
        world
    }

    async fn add(&mut self, name: &str, parts: &[RecordBatch]) {
        let store = Arc::new(InMemory::new());
        let mut files = Vec::new();
        for (index, part) in parts.iter().enumerate() {
            let file = Path::from(format!("v1/event_date=2023-11-{index:02}/part 0.parquet"));
            let mut bytes = Vec::new();
            let mut writer = ArrowWriter::try_new(&mut bytes, part.schema(), None).unwrap();
            writer.write(part).unwrap();
            writer.close().unwrap();
            let (size_bytes, rows) = (bytes.len() as u64, part.num_rows() as u64);
            store.put(&file, bytes.into()).await.unwrap();
            files.push(DataFile { path: file, size_bytes, rows });
        }
        // Beside the data set's files lies one that is not of it.
        store.put(&Path::from("secret.parquet"), "nobody's business".into()).await.unwrap();
        self.session
            .register(DataSet { name: name.to_owned(), schema: parts[0].schema(), store, files })
            .unwrap();
    }

    async fn table(&self, statement: &str) -> Result<String, SqlError> {
        let answer = self.session.query(statement, &CancellationToken::new()).await?;
        Ok(answer.into_table(100).await?.text)
    }

    async fn bytes(&self, statement: &str, format: Format) -> Result<Vec<u8>, SqlError> {
        let mut bytes = Vec::new();
        self.session
            .query(statement, &CancellationToken::new())
            .await?
            .write(format, &mut bytes)
            .await?;
        Ok(bytes)
    }

    async fn refusal(&self, statement: &str) -> String {
        let error = self.table(statement).await.expect_err(statement);
        let mut lines = vec![format!("error: {error}")];
        lines.extend(error.excerpt().map(str::to_owned));
        lines.extend(error.hint().map(|hint| format!("hint: {hint}")));
        lines.join("\n")
    }
}

fn batch(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
    RecordBatch::try_from_iter_with_nullable(
        columns.into_iter().map(|(name, column)| (name, column, true)),
    )
    .unwrap()
}

#[tokio::test]
async fn statements_see_all_files_of_a_data_set() {
    let world = World::new().await;

    let table = world.table("select machine, count(*) as readings, avg(load) from plant_telemetry group by machine order by 1").await;

    assert_snapshot!(table.unwrap(), @r"
    machine  readings  avg(plant_telemetry.load)
    ───────  ────────  ─────────────────────────
    chiller         4                      0.625
    pump            2                       NULL
    ");
}

#[tokio::test]
async fn names_in_quotes_and_common_tables_are_found() {
    let world = World::new().await;

    let quoted = world.table("select * from \"Odd-name\"").await;
    let common = world.table("with hot as (select * from plant_telemetry where load > 0.6) select count(*) from hot as h").await;

    assert_snapshot!(quoted.unwrap(), @r#"
    numbers    notes
    ─────────  ────────────────────
    [1, NULL]  two\nlines, "quoted"
    NULL       NULL
    "#);
    assert_snapshot!(common.unwrap(), @r"
    count(*)
    ────────
           2
    ");
}

#[tokio::test]
async fn data_sets_and_columns_can_be_listed() {
    let world = World::new().await;

    assert_snapshot!(world.table("describe plant_telemetry").await.unwrap(), @r"
    column_name  data_type     is_nullable
    ───────────  ────────────  ───────────
    time         Timestamp(s)  YES
    machine      Utf8          YES
    load         Float64       YES
    ");
    let tables = world.table("show tables").await.unwrap();
    assert!(tables.contains("plant_telemetry") && tables.contains("Odd-name"), "{tables}");
    assert!(
        world
            .table("explain select * from plant_telemetry")
            .await
            .unwrap()
            .contains("logical_plan")
    );
}

#[tokio::test]
async fn an_answer_is_written_as_csv_json_lines_and_parquet() {
    let world = World::new().await;
    let odd = "select notes, 1.5 as half, true as yes from \"Odd-name\" order by notes";

    let csv = String::from_utf8(world.bytes(odd, Format::Csv).await.unwrap()).unwrap();
    let json = String::from_utf8(
        world.bytes("select * from \"Odd-name\"", Format::JsonLines).await.unwrap(),
    )
    .unwrap();
    let parquet =
        world.bytes("select * from plant_telemetry order by time", Format::Parquet).await.unwrap();

    assert_snapshot!(csv, @r#"
    notes,half,yes
    "two
    lines, ""quoted""",1.5,true
    ,1.5,true
    "#);
    assert_snapshot!(json, @r#"
    {"numbers":[1,null],"notes":"two\nlines, \"quoted\""}
    {"numbers":null,"notes":null}
    "#);
    let read = ParquetRecordBatchReader::try_new(bytes::Bytes::from(parquet), 100).unwrap();
    assert_eq!(read.map(|batch| batch.unwrap().num_rows()).sum::<usize>(), 6);
}

#[tokio::test]
async fn an_answer_without_rows_has_columns_in_every_format() {
    let world = World::new().await;
    let none = "select machine, load from plant_telemetry where load > 9";

    assert_eq!(world.bytes(none, Format::Csv).await.unwrap(), b"machine,load\n");
    assert_eq!(world.bytes(none, Format::JsonLines).await.unwrap(), b"");
    let parquet = bytes::Bytes::from(world.bytes(none, Format::Parquet).await.unwrap());
    assert_eq!(ParquetRecordBatchReader::try_new(parquet, 100).unwrap().count(), 0);
    assert_eq!(world.table(none).await.unwrap(), "machine  load\n───────  ────");
}

#[tokio::test]
async fn what_a_format_cannot_say_is_refused_before_anything_is_written() {
    let world = World::new().await;
    let mut bytes = Vec::new();
    let answer =
        world.session.query("select * from \"Odd-name\"", &CancellationToken::new()).await.unwrap();

    let nested = answer.write(Format::Csv, &mut bytes).await.unwrap_err();
    let twice = world
        .bytes("select a.load, b.load from plant_telemetry a, plant_telemetry b", Format::Parquet)
        .await
        .unwrap_err();

    assert!(bytes.is_empty());
    assert!(
        nested.to_string().starts_with("write the answer as CSV: column `numbers` is of type List"),
        "{nested}"
    );
    assert_eq!(twice.to_string(), "write the answer as Parquet: two columns are called `load`");
}

#[tokio::test]
async fn a_limit_cuts_the_answer_and_says_so() {
    let world = World::within(|limits| Limits { rows: Some(2), ..limits }).await;
    let query = async |statement| {
        let answer = world.session.query(statement, &CancellationToken::new()).await.unwrap();
        let table = answer.into_table(80).await.unwrap();
        (table.rows, table.is_cut)
    };

    assert_eq!(query("select * from plant_telemetry").await, (2, true));
    assert_eq!(query("select * from plant_telemetry limit 2").await, (2, false));
    assert_eq!(query("select 1").await, (1, false));
    assert_eq!(query("describe plant_telemetry").await, (2, true));
}

#[tokio::test]
async fn cells_and_columns_that_do_not_fit_are_marked_and_named() {
    let world = World::new().await;
    let long = "select 'a text that is much too long for its place' as first, 2 as second, repeat('x', 1000000) as third";

    let narrow = world
        .session
        .query(long, &CancellationToken::new())
        .await
        .unwrap()
        .into_table(40)
        .await
        .unwrap();
    let tiny = world
        .session
        .query(long, &CancellationToken::new())
        .await
        .unwrap()
        .into_table(20)
        .await
        .unwrap();

    assert_snapshot!(narrow.text, @r"
    first            second  third
    ───────────────  ──────  ───────────────
    a text that is…       2  xxxxxxxxxxxxxx…
    ");
    assert_snapshot!(tiny.text, @r"
    first     second
    ────────  ──────
    a text …       2
    ");
    assert_eq!((narrow.hidden_columns.len(), tiny.hidden_columns), (0, vec!["third".to_owned()]));
}

#[tokio::test]
async fn what_does_not_only_read_is_refused() {
    let world = World::new().await;
    let stolen = world.spill.path().join("stolen.parquet");
    let copy = format!("copy plant_telemetry to '{}'", stolen.display());
    let explained = format!("explain analyze {copy}");
    let statements = [
        "drop table plant_telemetry",
        "create table t as select 1",
        "create external table t stored as parquet location '/etc/passwd'",
        "create view v as select 1",
        "insert into plant_telemetry select * from plant_telemetry",
        "update plant_telemetry set load = 1",
        "delete from plant_telemetry",
        &copy,
        "set datafusion.execution.batch_size = 1",
        "reset datafusion.execution.batch_size",
        "begin",
        "prepare p as select 1",
        "explain insert into plant_telemetry select * from plant_telemetry",
        &explained,
        "select * into t from plant_telemetry",
        "with t as (select 1) insert into plant_telemetry select * from t",
    ];

    for statement in statements {
        let refusal = world.refusal(statement).await;
        assert!(refusal.contains("does not only read"), "{statement}: {refusal}");
    }
    assert!(!stolen.exists());
    assert_snapshot!(world.refusal("\n  drop table plant_telemetry").await, @r"
    error: run the statement: DROP does not only read
       |
     2 |   drop table plant_telemetry
       |   ^^^^
    hint: ask with SELECT, WITH, VALUES, DESCRIBE, EXPLAIN or SHOW TABLES; data sets change only by landing
    ");
}

#[tokio::test]
async fn nothing_is_reached_but_what_was_registered() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("private.csv");
    std::fs::write(&file, "secret\n1\n").unwrap();
    let world = World::new().await;
    let path = file.display();
    let statements = [
        format!("select * from '{path}'"),
        format!("select * from \"{path}\""),
        format!("select * from \"file://{path}\""),
        format!("select * from read_csv('{path}')"),
        format!("select * from read_parquet('{path}')"),
        format!("select * from parquet_metadata('{path}')"),
        "select * from \"dataset://0/secret.parquet\"".to_owned(),
        "select * from other.public.plant_telemetry".to_owned(),
    ];

    for statement in statements {
        let refused = world.table(&statement).await;
        assert!(matches!(refused, Err(SqlError::Rejected(_))), "{statement}: {refused:?}");
    }
}

#[tokio::test]
async fn a_table_function_that_is_not_known_to_be_harmless_fails_this_test() {
    let world = World::new().await;

    let functions = world.table("select distinct routine_name from information_schema.routines where function_type = 'TABLE' order by 1").await;

    assert_snapshot!(functions.unwrap(), @r"
    routine_name
    ───────────────
    generate_series
    range
    ");
    let context = datafusion::prelude::SessionContext::new();
    let mut names: Vec<String> = context.state().table_functions().keys().cloned().collect();
    names.sort();
    assert_eq!(names, ["generate_series", "range"]);
}

#[tokio::test]
async fn mistakes_are_shown_at_their_place_with_a_hint() {
    let world = World::new().await;
    let statements = [
        "select * form plant_telemetry",
        "select machine\n  frm plant_telemetry",
        "select count(* from plant_telemetry",
        "select 'open",
        "select * from plant_telemtry",
        "select t.load, u.load\nfrom plant_telemetry t join weather u on true",
        "select laod from plant_telemetry",
        "select load from plant_telemetry a, plant_telemetry b",
        "select machine, load from plant_telemetry group by machine",
        "select averag(load) from plant_telemetry",
        "select averge(load), medain(load) from plant_telemetry",
        "select medain(load) from plant_telemetry",
        "select machine + 1 from plant_telemetry where load",
        "select 1; select 2",
        "  ",
    ];

    let mut refusals = Vec::new();
    for statement in statements {
        refusals.push(world.refusal(statement).await);
    }

    assert_snapshot!(refusals.join("\n\n"));
}

#[tokio::test]
async fn an_error_under_way_keeps_its_cause() {
    let world = World::new().await;

    let error =
        world.table("select cast(machine as bigint) from plant_telemetry").await.unwrap_err();

    assert!(matches!(error, SqlError::Run { .. }), "{error:?}");
    assert_eq!(error.to_string(), "run the statement");
}

#[tokio::test]
async fn a_statement_ends_at_its_deadline() {
    let limit = Duration::from_millis(20);
    let world = World::within(|limits| Limits { time: Some(limit), ..limits }).await;

    let late = world
        .table("select count(*) from generate_series(1, 1000000000000) where value % 7 = 3")
        .await;

    assert!(matches!(late, Err(SqlError::Deadline { limit: kept }) if kept == limit), "{late:?}");
}

#[tokio::test]
async fn a_statement_ends_when_it_is_cancelled() {
    let world = World::new().await;
    let cancelled = CancellationToken::new();
    let mut answer = world
        .session
        .query("select * from generate_series(1, 1000000000000)", &cancelled)
        .await
        .unwrap();
    assert!(answer.next().await.unwrap().is_some());

    cancelled.cancel();

    assert!(matches!(answer.next().await, Err(SqlError::Cancelled)));
    assert!(matches!(world.session.query("select 1", &cancelled).await, Err(SqlError::Cancelled)));
}

/// How many files lie in the session's own folder in the folder for spilling.
fn spilled_files(spill: &TempDir) -> usize {
    let folders = std::fs::read_dir(spill.path()).unwrap();
    folders.map(|folder| std::fs::read_dir(folder.unwrap().path()).unwrap().count()).sum()
}

#[tokio::test]
async fn a_sort_larger_than_the_memory_goes_to_disk_and_leaves_nothing_there() {
    let world = World::within(|limits| Limits { memory_bytes: 40 << 20, ..limits }).await;
    let sorted = "select value, repeat(cast(value % 1000 as varchar), 40) as text from generate_series(1, 400000) order by text, value desc";
    let mut answer = world.session.query(sorted, &CancellationToken::new()).await.unwrap();
    let first = answer.next().await.unwrap().unwrap();

    let spilled = spilled_files(&world.spill);
    let mut rows = first.num_rows();
    while let Some(batch) = answer.next().await.unwrap() {
        rows += batch.num_rows();
    }
    drop(answer);

    assert!(rows == 400_000 && spilled > 0, "{rows} {spilled}");
    let World { session, spill } = world;
    drop(session);
    assert_eq!(std::fs::read_dir(spill.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn what_cannot_go_to_disk_fails_for_memory() {
    let world = World::within(|limits| Limits { memory_bytes: 1 << 20, ..limits }).await;

    let error = world.table("select count(*) from generate_series(1, 500000) a(x) join generate_series(1, 500000) b(x) on a.x = b.x").await.unwrap_err();

    assert!(
        matches!(error, SqlError::OutOfMemory { memory_bytes, .. } if memory_bytes == 1 << 20),
        "{error:?}"
    );
    assert!(error.hint().is_some_and(|hint| hint.starts_with("give it more memory")));
}

#[tokio::test]
async fn a_column_that_came_later_is_null_in_older_files() {
    let mut world = World::new().await;
    let old = batch(vec![("a", Arc::new(Int64Array::from(vec![1])))]);
    let new = batch(vec![
        ("a", Arc::new(Int64Array::from(vec![2]))),
        ("b", Arc::new(Int64Array::from(vec![20]))),
    ]);
    // The schema is that of the first part.
    world.add("grown", &[new, old]).await;

    assert_snapshot!(world.table("select * from grown order by a").await.unwrap(), @r"
    a     b
    ─  ────
    1  NULL
    2    20
    ");
}

#[tokio::test]
async fn a_data_set_without_files_is_empty_and_a_name_is_taken_once() {
    let mut world = World::new().await;
    let schema = Arc::new(Schema::new(vec![Field::new("a", DataType::Int64, true)]));
    let empty = DataSet {
        name: "nothing.yet".to_owned(),
        schema,
        store: Arc::new(InMemory::new()),
        files: Vec::new(),
    };

    world.session.register(empty.clone()).unwrap();
    let twice = world.session.register(empty).unwrap_err();

    assert_eq!(world.table("select count(a) as n from \"nothing.yet\"").await.unwrap(), "n\n─\n0");
    assert_eq!(twice.to_string(), "open data set `nothing.yet`: there is another one of this name");
}

#[tokio::test]
async fn a_file_that_is_missing_is_an_error_and_not_an_empty_answer() {
    let mut world = World::new().await;
    let schema = Arc::new(Schema::new(vec![Field::new("a", DataType::Int64, true)]));
    let files = vec![DataFile { path: Path::from("gone.parquet"), size_bytes: 900, rows: 1 }];
    world
        .session
        .register(DataSet {
            name: "gone".to_owned(),
            schema,
            store: Arc::new(InMemory::new()),
            files,
        })
        .unwrap();

    let error = world.table("select * from gone").await.unwrap_err();

    assert!(matches!(error, SqlError::Run { .. }), "{error:?}");
}

/// Takes so many bytes, then the disk is full.
struct Disk(usize);

impl Write for Disk {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 = self.0.checked_sub(bytes.len()).ok_or(io::ErrorKind::StorageFull)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn a_full_disk_is_told_as_such() {
    let world = World::new().await;
    for format in [Format::Csv, Format::JsonLines, Format::Parquet] {
        let answer = world
            .session
            .query("select * from generate_series(1, 100000)", &CancellationToken::new())
            .await
            .unwrap();

        let error = answer.write(format, &mut Disk(1000)).await.unwrap_err();

        assert!(
            matches!(&error, SqlError::Write { source } if source.kind() == io::ErrorKind::StorageFull),
            "{format:?} {error:?}"
        );
    }
}
