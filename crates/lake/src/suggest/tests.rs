//! What is suggested passes on the data that it came from, and is no open door.

use insta::assert_snapshot;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{Hints, Profile, Suggestion, suggest};
use crate::quality::conformance::{facts, limits, table};
use crate::quality::{Audit, ChecksFile, Facts, QualityReport, Table, Verdict};

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

fn suggested(table: &Table, hints: &Hints) -> Suggestion {
    suggest(&block_on(Profile::of(table, hints, &limits())).unwrap())
}

/// Takes the way that a user's file takes: document, file, report.
fn judged(suggestion: &Suggestion, table: &Table, facts: Facts) -> QualityReport {
    let file = ChecksFile::read(&serde_json::to_value(&suggestion.file).unwrap()).unwrap();
    assert_eq!(file, suggestion.file, "{}", suggestion.to_yaml());
    block_on(Audit::plan(&file, table, facts, limits()).unwrap().run()).unwrap()
}

fn telemetry(rows: usize) -> Value {
    let minute = |row: usize| format!("2026-01-01T{:02}:{:02}:00", row / 60, row % 60);
    json!({
        "ts": (0..rows).map(minute).collect::<Vec<_>>(),
        "id": (0..rows).map(|row| row * 7).collect::<Vec<_>>(),
        "tag": (0..rows).map(|row| format!("PUMP-{:03}", row % 60)).collect::<Vec<_>>(),
        "temperature": (0..rows).map(|row| (row % 11).pow(2) as f64 / 4.0 + 20.0).collect::<Vec<_>>(),
        "state": (0..rows).map(|row| ["ok", "no", "say \"when\""][row % 3]).collect::<Vec<_>>(),
        "note": (0..rows).map(|row| (row % 10 == 3).then(|| "x".repeat(row % 7 + 1))).collect::<Vec<_>>(),
        "load": (0..rows).map(|row| (row % 8 != 0).then_some(row % 5)).collect::<Vec<_>>(),
        "running": vec![true; rows],
    })
}

#[test]
fn a_suggestion_is_a_file_with_reasons() {
    let table = table(&telemetry(120));
    let hints = Hints { now: facts().now, ..Hints::default() };
    let suggestion = suggested(&table, &hints);

    let report = judged(&suggestion, &table, facts());

    assert_snapshot!(suggestion.to_yaml());
    assert_eq!(report.verdict, Verdict::Passed, "{}", report.to_text());
}

#[test]
fn what_is_far_from_the_data_fails() {
    let rows = telemetry(120);
    let suggestion = suggested(&table(&rows), &Hints::default());
    for (column, value, check) in [
        ("temperature", json!(70.0), "range(temperature)"),
        ("load", json!(-3), "range(load)"),
        ("state", json!("OK"), "set(state)"),
        ("tag", json!("PUMP-A01"), "regex(tag)"),
        ("id", json!(7), "unique(id)"),
        ("ts", json!("2026-01-01T00:00:00"), "duplicate_times(ts)"),
        ("ts", json!("2026-01-02T00:00:00"), "gaps(ts)"),
        ("ts", json!("2026-01-01T00:00:30"), "monotone_time(ts)"),
        ("temperature", Value::Null, "not_null(temperature)"),
    ] {
        let mut changed = rows.clone();
        changed[column][70] = value.clone();

        let report = judged(&suggestion, &table(&changed), Facts::default());

        let failed = report.checks.iter().filter(|check| check.verdict == Verdict::Failed);
        let names: Vec<&str> = failed.map(|check| check.name.as_str()).collect();
        assert!(names.contains(&check), "{column} {value}: {names:?}");
    }
}

#[test]
fn values_of_personal_columns_are_not_written_down() {
    let personal = ["state", "temperature", "tag"].map(str::to_owned).into();
    let hints = Hints { personal, ..Hints::default() };

    let yaml = suggested(&table(&telemetry(120)), &hints).to_yaml();

    for secret in ["say", "PUMP", "A-Z", "45", "28.6"] {
        assert!(!yaml.contains(secret), "{secret} is in {yaml}");
    }
}

fn column() -> impl Strategy<Value = Vec<Value>> {
    fn cells(cell: impl Strategy<Value = Value> + 'static) -> BoxedStrategy<Vec<Value>> {
        let missing = prop_oneof![Just(0), Just(10), Just(60), Just(100)];
        let cell = cell.boxed();
        missing
            .prop_flat_map(move |missing| {
                let cell = (0..100, cell.clone());
                let cell = cell.prop_map(
                    move |(dice, cell)| {
                        if dice < missing { Value::Null } else { cell }
                    },
                );
                proptest::collection::vec(cell, 60)
            })
            .boxed()
    }
    prop_oneof![
        cells(any::<i64>().prop_map(Value::from)),
        cells((-5_i64..5).prop_map(Value::from)),
        cells((-1e3_f64..1e3).prop_map(Value::from)),
        cells(
            any::<f64>().prop_filter_map("finite", |value| value.is_finite().then(|| value.into()))
        ),
        cells((1e9_f64..1.000_000_1e9).prop_map(Value::from)),
        cells(Just(json!(0.1))),
        cells("\\PC{0,12}".prop_map(Value::from)),
        cells("[a-c]{1,2}[ \\-.'\"\\\\#:]{0,1}[0-9]{0,2}".prop_map(Value::from)),
        cells(
            prop_oneof![Just("yes"), Just("no"), Just("null"), Just("1e3"), Just("- a: b")]
                .prop_map(Value::from)
        ),
        cells(any::<bool>().prop_map(Value::from)),
    ]
}

fn times() -> impl Strategy<Value = Vec<Value>> {
    let time = |seconds: i64| {
        let time = chrono::DateTime::from_timestamp(1_767_225_600 + seconds, 0).unwrap();
        Value::from(time.format("%Y-%m-%dT%H:%M:%S").to_string())
    };
    let steps = prop_oneof![
        proptest::collection::vec(Just(60_i64), 60),
        proptest::collection::vec(prop_oneof![19 => Just(60_i64), 1 => 0_i64..1_000_000], 60),
        proptest::collection::vec(-500_i64..500, 60),
        proptest::collection::vec(Just(-1_i64), 60),
    ];
    steps.prop_map(move |steps| {
        let mut at = 0;
        steps
            .into_iter()
            .map(|step| {
                at += step;
                time(at)
            })
            .collect()
    })
}

fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z]{1,6}",
        "[A-Z ]{1,6}",
        "\\PC{1,8}",
        prop_oneof![
            Just("on"),
            Just("Null"),
            Just("1"),
            Just("a: b"),
            Just("#x"),
            Just("'"),
            Just("\\")
        ]
        .prop_map(str::to_owned),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn the_table_itself_passes(
        times in times(),
        columns in proptest::collection::btree_map(name(), column(), 0..5),
        rows in 0_usize..=60,
        with_entity in any::<bool>(),
    ) {
        let mut whole = serde_json::Map::new();
        whole.insert("ts_event".to_owned(), Value::Array(times[..rows].to_vec()));
        for (name, cells) in columns {
            // The helper takes columns whose names begin so for times.
            whole.insert(format!("_{name}"), Value::Array(cells[..rows].to_vec()));
        }
        let entity: Vec<String> = whole.keys().filter(|name| *name != "ts_event").take(1).cloned().collect();
        let table = table(&Value::Object(whole));
        let hints = Hints {
            entity: if with_entity { entity } else { Vec::new() },
            now: facts().now,
            ..Hints::default()
        };

        let suggestion = suggested(&table, &hints);
        let report = judged(&suggestion, &table, facts());

        prop_assert_eq!(report.score.to_string(), "100", "{}\n{}", suggestion.to_yaml(), report.to_text());
    }
}
