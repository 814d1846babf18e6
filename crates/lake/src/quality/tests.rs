//! What is said of mistakes, what reports look like, and numbers held against pandas.

use insta::assert_snapshot;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::conformance::{facts, file, limits, run, table};
use super::{Audit, Facts, Limits, Mistake, Table, Verdict};

fn mistakes(document: &Value) -> String {
    told(&file(document).unwrap_err())
}

fn told(mistakes: &[Mistake]) -> String {
    mistakes.iter().map(Mistake::to_string).collect::<Vec<_>>().join("\n")
}

#[test]
fn all_mistakes_of_a_file_are_told_at_once() {
    let document = json!({
        "tme": "ts",
        "checks": [
            { "check": "rnge", "column": "x" },
            { "check": "range", "column": "x", "with": { "mni": 1, "maxx": 2 } },
            { "check": "range", "column": "x", "with": { "min": 3, "above": 2 } },
            { "name": "ids", "check": "regex", "column": "id", "with": { "pattern": "[a-" } },
            { "check": "expression", "with": { "sql": "a < < b" } },
            { "check": "mean", "column": "x", "mostly": 0.9, "with": { "min": 5, "max": 1 } },
            { "check": "not_null" },
            { "check": "not_null", "colum": "x" },
            { "check": "quantile", "column": "x", "with": { "q": 95, "max": 1 } },
            { "check": "freshness", "column": "ts", "with": { "within": "1 day" } },
            { "check": "row_count", "column": "x", "with": { "min": 1 } },
            { "check": "unique", "column": "x", "mostly": 1.5, "filter": "x >" },
            { "check": "set", "column": "x", "severity": "fatal", "with": { "values": [] } },
            "not_null",
        ],
    });

    assert_snapshot!(mistakes(&document));
}

#[test]
fn mistakes_about_the_table_are_told_at_once() {
    let table = table(&json!({
        "ts": ["2026-01-01"], "temperature": [1.5], "count": [1], "status": ["ok"], "running": [true],
    }));
    let document = json!({
        "time": "tss",
        "entity": ["sensor"],
        "checks": [
            { "check": "range", "column": "temprature", "with": { "min": 1 } },
            { "check": "range", "column": "status", "with": { "min": 1 } },
            { "check": "range", "column": "ts", "with": { "min": 1 } },
            { "check": "range", "column": "ts", "with": { "min": "yesterday" } },
            { "check": "range", "column": "count", "with": { "above": 1, "below": 2 } },
            { "check": "set", "column": "status", "with": { "values": ["ok", 1] } },
            { "check": "regex", "column": "count", "with": { "pattern": "1" } },
            { "check": "mean", "column": "status", "with": { "min": 1 } },
            { "check": "freshness", "column": "status", "with": { "within": "1d" } },
            { "check": "references", "column": "status", "with": { "dataset": "sensor" } },
            { "check": "references", "column": "status", "with": { "dataset": "sensors", "columns": ["idd"] } },
            { "check": "references", "column": "status", "with": { "dataset": "sensors", "columns": ["site"] } },
            { "check": "expression", "with": { "sql": "temprature > 1" } },
            { "check": "expression", "with": { "sql": "temperature + 1" } },
            { "check": "expression", "with": { "sql": "sum(temperature) > 1" } },
            { "check": "expression", "with": { "sql": "ts < now()" } },
            { "check": "expression", "with": { "sql": "count IN (SELECT 1)" } },
            { "check": "not_null", "column": "count", "filter": "state = 'ok'" },
            { "check": "expression", "with": { "sql": "nofunction(count) = 1" } },
            { "check": "expression", "with": { "sql": "status > 1 AND count" } },
        ],
    });
    let found = Audit::plan(&file(&document).unwrap(), &table, facts(), limits()).unwrap_err();

    assert_snapshot!(told(&found));
}

fn telemetry() -> Table {
    table(&json!({
        "ts": [
            "2026-01-01T00:00:00", "2026-01-01T00:10:00", "2026-01-01T00:10:00",
            "2026-01-01T05:00:00", "2026-01-01T00:00:00", "2026-01-01T00:05:00",
        ],
        "sensor": ["a", "a", "a", "a", "b", "b"],
        "temperature": [20.5, 21.25, 99.5, null, 19.0, -300.0],
        "operator": ["Ann", "Bob", "Bob", "Ann", "Eve", "Eve"],
    }))
}

fn checks() -> Value {
    json!({
        "time": "ts",
        "entity": ["sensor"],
        "checks": [
            { "check": "not_null", "columns": ["ts", "sensor", "temperature"], "severity": "warn" },
            { "name": "physical", "check": "range", "column": "temperature", "mostly": 0.9,
              "with": { "min": -40, "max": 60 } },
            { "name": "sane", "check": "range", "column": "temperature", "mostly": 0.5,
              "with": { "min": -40, "max": 60 } },
            { "check": "unique", "column": "operator" },
            { "check": "duplicate_times" },
            { "check": "gaps", "with": { "longest": "1h" } },
            { "check": "freshness", "with": { "within": "2h" }, "severity": "warn" },
            { "check": "row_count_change", "with": { "min": 0.5 } },
            { "check": "expression", "with": { "sql": "temperature < 60 OR sensor = 'b'" },
              "filter": "operator <> 'Eve'" },
            { "check": "max", "column": "temperature", "with": { "max": 60 } },
        ],
    })
}

#[test]
fn a_report_says_what_does_not_hold() {
    let facts = Facts { earlier_rows: Vec::new(), ..facts() };
    let report = run(&checks(), &telemetry(), facts, limits()).unwrap();

    assert_snapshot!(report.to_text());
    assert_snapshot!("a_report_for_machines", report.to_json());
    assert_eq!(serde_json::from_str::<super::QualityReport>(&report.to_json()).unwrap(), report);
}

#[test]
fn values_of_personal_columns_are_in_no_report() {
    let secrets = ["Ann", "Bob", "Eve", "21.25", "99.5", "-300", "00:10:00", "00:05:00"];
    let personal = ["operator", "temperature", "sensor", "ts"].map(str::to_owned).into();
    let facts = Facts { personal, ..facts() };
    let mut document = checks();
    // Freshness is what a report is about; its newest time would be shown anyway.
    let checks = document["checks"].as_array_mut().unwrap();
    checks.retain(|check| check["check"] != "freshness");
    // What the author of the file wrote is shown as it is.
    for check in checks {
        check.as_object_mut().unwrap().remove("filter");
    }

    let report = run(&document, &telemetry(), facts, limits()).unwrap();

    for secret in secrets {
        assert!(!report.to_json().contains(secret), "{secret} is in {}", report.to_json());
    }
    assert!(report.to_text().contains("masked"));
}

#[test]
fn no_line_of_a_report_is_wider_than_a_hundred_columns() {
    let long = "x".repeat(300);
    let table = table(&json!({ "s": [long, "a b ".repeat(100)], "t\u{1b}[31m": [1, 1] }));
    let document = json!({ "checks": [
        { "check": "length", "column": "s", "with": { "max": 3 } },
        { "check": "unique", "column": "t\u{1b}[31m" },
        { "check": "set", "column": "s", "with": { "values": ["y".repeat(200)] } },
    ] });

    let text = run(&document, &table, facts(), limits()).unwrap().to_text();

    assert!(text.lines().all(|line| line.chars().count() <= 100), "{text}");
    assert!(!text.contains('\u{1b}'));
}

fn golden() -> Value {
    serde_json::from_str(include_str!("../../tests/checks/golden.json")).unwrap()
}

#[test]
fn numbers_are_those_of_pandas() {
    let golden = golden();
    let table = table(&golden["table"]);
    let near = |value: &Value| {
        let value = value.as_f64().unwrap();
        let room = value.abs() * 1e-12 + 1e-12;
        json!({ "min": value - room, "max": value + room })
    };
    let values = &golden["values"];
    let mut checks = vec![
        json!({ "check": "mean", "column": "value", "filter": "state = 'ok'", "with": near(&golden["ok_mean"]) }),
        json!({ "check": "mean", "column": "count", "with": near(&values["count_mean"]) }),
        json!({ "check": "std", "column": "count", "with": near(&values["count_std"]) }),
        json!({ "check": "distinct_count", "column": "value", "with": near(&values["distinct_values"]) }),
    ];
    for name in ["mean", "std", "sum", "min", "max"] {
        checks.push(json!({ "check": name, "column": "value", "with": near(&values[name]) }));
    }
    for (share, value) in values["quantiles"].as_object().unwrap() {
        let mut with = near(value);
        with["q"] = json!(share.parse::<f64>().unwrap());
        checks.push(json!({ "check": "quantile", "column": "value", "with": with }));
    }
    let document = json!({ "time": "ts", "entity": ["sensor"], "checks": checks });

    let report = run(&document, &table, facts(), limits()).unwrap();

    assert_eq!(report.verdict, Verdict::Passed, "{}", report.to_text());
}

#[test]
fn counts_of_failing_rows_are_those_of_pandas() {
    let golden = golden();
    let table = table(&golden["table"]);
    let with = |name: &str| match name {
        "not_null" => json!({ "column": "value" }),
        "unique" => json!({ "column": "count" }),
        "compound_unique" => json!({ "columns": ["sensor", "count"] }),
        "range" => json!({ "column": "value", "with": { "min": 35, "below": 65 } }),
        "set" => json!({ "column": "state", "with": { "values": ["ok", "warn"] } }),
        "regex" => json!({ "column": "sensor", "with": { "pattern": "^pump-[0-9]+$" } }),
        "length" => json!({ "column": "sensor", "with": { "max": 6 } }),
        "monotone_time" | "duplicate_times" => json!({}),
        "regular_frequency" => json!({ "with": { "every": "60s", "tolerance": "1s" } }),
        "expression" => json!({ "with": { "sql": "count * 2 < value" } }),
        other => panic!("no check for {other}"),
    };
    for (name, expected) in golden["failing"].as_object().unwrap() {
        let mut item = with(name);
        item["check"] = json!(name);
        let document = json!({ "time": "ts", "entity": ["sensor"], "checks": [item] });

        let report = run(&document, &table, facts(), limits()).unwrap();

        assert_eq!(report.checks[0].failing, expected.as_u64(), "{name}");
        assert!(expected.as_u64() > Some(0), "{name} fails somewhere, or this tests nothing");
    }
    let gaps = json!({ "time": "ts", "entity": ["sensor"], "checks": [
        { "check": "gaps", "with": { "longest": "90s" } },
    ] });
    let report = run(&gaps, &table, facts(), limits()).unwrap();
    let seen = &report.checks[0].seen;
    assert!(seen.starts_with(&format!("{} gaps", golden["gaps"])), "{seen}");
}

#[test]
fn a_column_of_numbers_that_are_none_counts_as_missing() {
    use datafusion::arrow::array::{ArrayRef, Float64Array, RecordBatch};
    let values: ArrayRef =
        std::sync::Arc::new(Float64Array::from(vec![Some(1.0), Some(f64::NAN), None]));
    let batch = RecordBatch::try_from_iter([("x", values)]).unwrap();
    let table = Table::from_batches(batch.schema(), vec![batch]);
    let document = json!({ "checks": [
        { "check": "not_null", "column": "x" },
        { "check": "mean", "column": "x", "with": { "min": 1, "max": 1 } },
        { "check": "range", "column": "x", "with": { "min": 1, "max": 1 } },
    ] });

    let report = run(&document, &table, facts(), limits()).unwrap();

    assert_eq!(report.checks[0].failing, Some(2));
    assert_eq!(report.checks[1].verdict, Verdict::Passed);
    assert_eq!((report.checks[2].judged, report.checks[2].verdict), (Some(1), Verdict::Passed));
}

#[test]
fn infinite_values_are_values_out_of_any_bounds() {
    use datafusion::arrow::array::{ArrayRef, Float64Array, RecordBatch};
    let values: ArrayRef = std::sync::Arc::new(Float64Array::from(vec![1.0, f64::INFINITY]));
    let batch = RecordBatch::try_from_iter([("x", values)]).unwrap();
    let table = Table::from_batches(batch.schema(), vec![batch]);
    let document = json!({ "checks": [
        { "check": "mean", "column": "x", "with": { "max": 1e300 } },
        { "check": "std", "column": "x", "with": { "min": 0 } },
        { "check": "range", "column": "x", "with": { "max": 1e300 } },
    ] });

    let report = run(&document, &table, facts(), limits()).unwrap();

    assert_eq!(report.totals.failed, 3, "{}", report.to_text());
    serde_json::from_str::<Value>(&report.to_json()).unwrap();
}

#[test]
fn every_type_of_column_can_be_read() {
    use datafusion::arrow::array::{ArrayRef, Int64Array, RecordBatch};
    use datafusion::arrow::compute::cast;
    use datafusion::arrow::datatypes::{DataType, TimeUnit};
    let days: ArrayRef = std::sync::Arc::new(Int64Array::from(vec![1, 2, 2]));
    let types = [
        DataType::Int8,
        DataType::UInt64,
        DataType::Float32,
        DataType::Float16,
        DataType::Decimal128(20, 3),
        DataType::LargeUtf8,
        DataType::Utf8View,
        DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8)),
        DataType::Date32,
        DataType::Date64,
        DataType::Timestamp(TimeUnit::Second, None),
        DataType::Timestamp(TimeUnit::Nanosecond, Some("+02:00".into())),
        DataType::Boolean,
        DataType::LargeBinary,
    ];
    for data_type in types {
        let through = match &data_type {
            DataType::Date32 => cast(&days, &DataType::Int32).unwrap(),
            DataType::LargeBinary => cast(&days, &DataType::LargeUtf8).unwrap(),
            _ => days.clone(),
        };
        let array = cast(&through, &data_type).unwrap();
        let batch = RecordBatch::try_from_iter([("x", array)]).unwrap();
        let table = Table::from_batches(batch.schema(), vec![batch]);
        let document = json!({ "checks": [
            { "check": "not_null", "column": "x" },
            { "check": "distinct_count", "column": "x", "with": { "max": 2 } },
            { "check": "unique", "column": "x" },
        ] });

        let report = run(&document, &table, facts(), limits()).unwrap();

        let failing = if data_type == DataType::Boolean { 2 } else { 1 };
        assert_eq!(report.totals.passed, 2, "{data_type}: {}", report.to_text());
        assert_eq!(report.checks[2].failing, Some(failing), "{data_type}");
    }
}

proptest! {
    /// Shifting by a large number is what breaks naive sums of squares.
    #[test]
    fn moments_hold_far_from_zero(
        values in proptest::collection::vec(-1.0_f64..1.0, 2..3_000),
        offset in prop_oneof![Just(0.0), Just(1e6), Just(-1e9)],
    ) {
        let shifted: Vec<f64> = values.iter().map(|value| value + offset).collect();
        // What rounding took away when shifting is not the fault of the sums.
        let back: Vec<f64> = shifted.iter().map(|value| value - offset).collect();
        let mean = back.iter().sum::<f64>() / back.len() as f64;
        let squares = back.iter().map(|value| (value - mean).powi(2)).sum::<f64>();
        let expected = (squares / (back.len() - 1) as f64).sqrt();
        let table = table(&json!({ "x": shifted }));
        let document = json!({ "checks": [{ "check": "std", "column": "x", "with": {
            "min": expected * (1.0 - 1e-6) - 1e-12, "max": expected * (1.0 + 1e-6) + 1e-12,
        } }] });

        let report = run(&document, &table, facts(), Limits { batch_rows: 700, ..limits() }).unwrap();

        prop_assert_eq!(report.verdict, Verdict::Passed, "{}", report.to_text());
    }
}
