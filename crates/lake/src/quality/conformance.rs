//! What every kind of check must do, whatever it checks.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use datafusion::arrow::array::{
    ArrayRef, BooleanArray, Float64Array, Int64Array, RecordBatch, StringArray,
    TimestampMicrosecondArray,
};
use datafusion::arrow::datatypes::Schema;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::values::{parse_time, ticks};
use super::{Audit, ChecksFile, Facts, Limits, Mistake, QualityReport, Table, Verdict};
use crate::checks::{CheckKind, all};

/// A check with a table where it holds and one where it does not.
///
/// Tables are columns of JSON values; a column whose name begins with `ts` holds times. A column `entity` is the entity of the file.
pub(crate) struct Sample {
    item: Value,
    pub(crate) good: Value,
    pub(crate) bad: Value,
}

impl Sample {
    pub(crate) fn new(item: Value, good: Value, bad: Value) -> Self {
        Self { item, good, bad }
    }

    fn item(&self, kind: &CheckKind) -> Value {
        let mut item = self.item.clone();
        item["check"] = json!(kind.name);
        item
    }
}

/// A batch of columns given as JSON.
pub(crate) fn batch(columns: &Value) -> RecordBatch {
    let columns = columns.as_object().unwrap();
    let arrays = columns.iter().map(|(name, values)| {
        let values = values.as_array().unwrap();
        let array: ArrayRef = if name.starts_with("ts") {
            let micros = |value: &Value| {
                value.as_str().map(|text| ticks(parse_time(text).unwrap(), 1_000_000).unwrap())
            };
            Arc::new(values.iter().map(micros).collect::<TimestampMicrosecondArray>())
        } else if values.iter().any(Value::is_string) {
            Arc::new(values.iter().map(Value::as_str).collect::<StringArray>())
        } else if values.iter().any(Value::is_boolean) {
            Arc::new(values.iter().map(Value::as_bool).collect::<BooleanArray>())
        } else if values.iter().any(Value::is_f64) {
            Arc::new(values.iter().map(Value::as_f64).collect::<Float64Array>())
        } else {
            Arc::new(values.iter().map(Value::as_i64).collect::<Int64Array>())
        };
        (name.clone(), array, true)
    });
    RecordBatch::try_from_iter_with_nullable(arrays).unwrap()
}

pub(crate) fn table(columns: &Value) -> Table {
    let batch = batch(columns);
    Table::from_batches(batch.schema(), vec![batch])
}

pub(crate) fn facts() -> Facts {
    Facts {
        now: Some(parse_time("2026-01-02").unwrap().and_utc()),
        earlier_rows: vec![4, 4, 100],
        references: BTreeMap::from([(
            "sensors".to_owned(),
            table(&json!({ "id": ["a", "b"], "site": [1, 2] })),
        )]),
        personal: BTreeSet::new(),
    }
}

pub(crate) fn limits() -> Limits {
    let threads = 2;
    Limits { threads, batch_rows: 4, ..Limits::new(std::env::temp_dir()) }
}

pub(crate) fn file(document: &Value) -> Result<ChecksFile, Vec<Mistake>> {
    ChecksFile::read(document)
}

pub(crate) fn run(
    document: &Value,
    table: &Table,
    facts: Facts,
    limits: Limits,
) -> Result<QualityReport, Vec<Mistake>> {
    let audit = Audit::plan(&file(document)?, table, facts, limits)?;
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    Ok(runtime.block_on(audit.run()).unwrap())
}

fn document(item: &Value, table: &Table) -> Value {
    let entity: Vec<&str> = table.column("entity").iter().map(|info| info.name.as_str()).collect();
    json!({ "entity": entity, "checks": [item] })
}

fn judge(item: &Value, table: &Table) -> QualityReport {
    run(&document(item, table), table, facts(), limits()).unwrap()
}

#[test]
fn every_file_of_the_folder_is_a_kind_and_every_kind_a_file() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/checks");
    let files: BTreeSet<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path().file_stem().unwrap().to_string_lossy().into_owned())
        .collect();

    let kinds: BTreeSet<String> = all().iter().map(|kind| kind.name.to_owned()).collect();

    assert_eq!(files, kinds);
    assert_eq!(kinds.len(), all().len(), "no name twice");
}

#[test]
fn a_check_passes_on_its_good_table_and_fails_on_its_bad_one() {
    for kind in all() {
        let sample = (kind.sample)();
        let item = sample.item(kind);

        let good = judge(&item, &table(&sample.good));
        let bad = judge(&item, &table(&sample.bad));

        assert_eq!(good.verdict, Verdict::Passed, "{}: {}", kind.name, good.to_text());
        assert_eq!(good.score.to_string(), "100", "{}", kind.name);
        assert_eq!(bad.verdict, Verdict::Failed, "{}: {}", kind.name, bad.to_text());
        assert!(bad.score < 60.0, "{}", kind.name);
        for check in good.checks.iter().chain(&bad.checks) {
            assert!(!check.allowed.is_empty() && !check.seen.is_empty(), "{}", kind.name);
        }
        if kind.tolerance && kind.name != "type" {
            assert!(!bad.checks[0].examples.is_empty(), "{}", kind.name);
        }
    }
}

#[test]
fn severity_warn_turns_a_failure_into_a_warning() {
    for kind in all() {
        let sample = (kind.sample)();
        let mut item = sample.item(kind);
        item["severity"] = json!("warn");

        assert_eq!(judge(&item, &table(&sample.bad)).verdict, Verdict::Warned, "{}", kind.name);
    }
}

#[test]
fn a_tolerance_of_everything_passes_and_where_no_rows_are_judged_it_is_refused() {
    for kind in all() {
        let sample = (kind.sample)();
        let mut item = sample.item(kind);
        item["mostly"] = json!(0.0);
        let bad = table(&sample.bad);

        let report = run(&document(&item, &bad), &bad, facts(), limits());

        if kind.tolerance {
            assert_eq!(report.unwrap().verdict, Verdict::Passed, "{}", kind.name);
        } else {
            let mistakes = report.unwrap_err();
            assert_eq!(mistakes.len(), 1, "{}", kind.name);
            assert_eq!(mistakes[0].place(), "checks[0].mostly", "{}", kind.name);
        }
    }
}

#[test]
fn a_filter_hides_rows_from_a_check() {
    for kind in all().iter().filter(|kind| !matches!(kind.name, "schema" | "row_count_change")) {
        let sample = (kind.sample)();
        // Rows of the good table, and behind them rows of the bad one, which the filter leaves out.
        let (good, bad) = (batch(&sample.good), batch(&sample.bad));
        let mark = |batch: &RecordBatch, kept: bool| {
            let mut fields = batch.schema().fields().to_vec();
            fields.push(Arc::new(datafusion::arrow::datatypes::Field::new(
                "kept",
                datafusion::arrow::datatypes::DataType::Boolean,
                true,
            )));
            let mut columns = batch.columns().to_vec();
            columns.push(Arc::new(BooleanArray::from(vec![kept; batch.num_rows()])));
            RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).unwrap()
        };
        let (good, bad) = (mark(&good, true), mark(&bad, false));
        if good.schema() != bad.schema() {
            continue;
        }
        let both = Table::from_batches(good.schema(), vec![good, bad]);
        let mut item = sample.item(kind);
        item["filter"] = json!("kept");

        let report = judge(&item, &both);

        assert_eq!(report.verdict, Verdict::Passed, "{}: {}", kind.name, report.to_text());
    }
}

#[test]
fn empty_tables_and_columns_of_nulls_are_judged() {
    for kind in all() {
        let sample = (kind.sample)();
        let good = batch(&sample.good);
        let nulls = good
            .columns()
            .iter()
            .map(|array| datafusion::arrow::array::new_null_array(array.data_type(), 5))
            .collect();
        let nulls = RecordBatch::try_new(good.schema(), nulls).unwrap();
        let item = sample.item(kind);

        for table in [
            Table::from_batches(good.schema(), Vec::new()),
            Table::from_batches(good.schema(), vec![good.slice(0, 0)]),
            Table::from_batches(good.schema(), vec![nulls]),
        ] {
            let report = judge(&item, &table);
            assert_eq!(report.checks.len(), 1, "{}", kind.name);
            serde_json::from_str::<Value>(&report.to_json()).unwrap();
        }
    }
}

#[test]
fn unknown_parameters_are_refused_with_the_nearest_known_one() {
    for kind in all() {
        let sample = (kind.sample)();
        let mut item = sample.item(kind);
        item["with"]["minn"] = json!(1);

        let mistakes = file(&json!({ "checks": [item] })).unwrap_err();

        assert_eq!(mistakes.len(), 1, "{}", kind.name);
        assert_eq!(mistakes[0].place(), "checks[0].with.minn", "{}", kind.name);
        assert!(mistakes[0].hint.is_some(), "{}", kind.name);
    }
}

#[test]
fn an_unknown_column_is_named_with_the_nearest_known_one() {
    for kind in all() {
        let sample = (kind.sample)();
        let mut item = sample.item(kind);
        let field = if item.get("columns").is_some() { "columns" } else { "column" };
        match item.get(field) {
            None => continue,
            Some(Value::Array(_)) => item[field] = json!(["entitty", "ts"]),
            Some(_) => item[field] = json!("entitty"),
        }
        let table = table(&json!({ "entity": ["a"], "ts": ["2026-01-01"] }));

        let mistakes = run(&json!({ "checks": [item] }), &table, facts(), limits()).unwrap_err();

        assert_eq!(mistakes[0].message, "unknown column `entitty`", "{}", kind.name);
        assert_eq!(mistakes[0].hint.as_deref(), Some("did you mean `entity`?"), "{}", kind.name);
    }
}

#[test]
fn every_parameter_is_described_and_no_other_is_allowed() {
    for kind in all() {
        let schema = kind.schema();

        assert_eq!(schema["additionalProperties"], json!(false), "{}", kind.name);
        for (name, property) in schema["properties"].as_object().into_iter().flatten() {
            assert!(property["description"].is_string(), "{} of {}", name, kind.name);
        }
        assert!(!kind.about.is_empty() && !kind.about.ends_with('.'), "{}", kind.name);
    }
}

/// Cells of any of the samples' columns: small sets, so that rows repeat and tie.
fn cells(sample: &Value, rows: usize) -> impl Strategy<Value = Value> + use<> {
    let known: Vec<Value> = sample.as_array().unwrap().clone();
    proptest::collection::vec(proptest::sample::select(known), rows).prop_map(Value::Array)
}

fn tables(kind: &'static CheckKind) -> impl Strategy<Value = Value> {
    let sample = (kind.sample)();
    // Cells of both tables, where both have them in one type.
    let columns: Vec<(String, Value)> = sample
        .bad
        .as_object()
        .unwrap()
        .iter()
        .map(|(name, bad)| {
            let mut both = bad.as_array().unwrap().clone();
            let good = sample.good[name].as_array().into_iter().flatten();
            both.extend(good.filter(|value| bad[0].is_string() == value.is_string()).cloned());
            (name.clone(), Value::Array(both))
        })
        .collect();
    (0_usize..40).prop_flat_map(move |rows| {
        let columns: Vec<_> = columns
            .iter()
            .map(|(name, values)| {
                let name = name.clone();
                cells(values, rows).prop_map(move |cells| (name.clone(), cells))
            })
            .collect();
        columns.prop_map(|columns| Value::Object(columns.into_iter().collect()))
    })
}

/// The same rows in batches that are cut elsewhere.
fn cut(table: &RecordBatch, every: usize) -> Table {
    let cuts = (0..table.num_rows()).step_by(every);
    let batches = cuts.map(|from| table.slice(from, every.min(table.num_rows() - from))).collect();
    Table::from_batches(table.schema(), batches)
}

#[test]
fn threads_batches_and_memory_change_nothing() {
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig::with_cases(12));
    for kind in all() {
        let sample = (kind.sample)();
        let item = sample.item(kind);
        let schema = batch(&sample.bad).schema();
        let tried = runner.run(&tables(kind), |columns| {
            let rows = batch(&columns);
            if rows.num_rows() == 0 || rows.schema() != schema {
                return Ok(());
            }
            let whole = cut(&rows, rows.num_rows());
            let document = document(&item, &whole);
            let expected = run(&document, &whole, facts(), limits()).unwrap().to_json();
            for (threads, batch_rows, every, memory_bytes) in
                [(1, 1, 3, 2 << 30), (4, 7, 1, 0), (3, 1_000, 5, 400)]
            {
                let limits = Limits { threads, batch_rows, memory_bytes, ..limits() };
                let found = run(&document, &cut(&rows, every), facts(), limits).unwrap();
                prop_assert_eq!(&found.to_json(), &expected, "{}", kind.name);
            }
            Ok(())
        });
        tried.unwrap_or_else(|error| panic!("{}: {error}", kind.name));
    }
}
