//! Pipeline files: those that run, and those that are wrong.

use std::fmt::Write as _;
use std::sync::Arc;

use crate::support::{MINUTE, ONE, one_by_one};
use serde_json::Value;
use tidemill_dag::problem::{Problem, Problems, SourceText};
use tidemill_dag::yaml;
use tidemill_features::Mistake;
use tidemill_features::panel::{Column, GridRule, Intake, Panel, Table};
use tidemill_features::pipeline::{Known, Pipeline, Plan, schema};
use tidemill_features::run::{FitRange, Limits, Live, Program};
use tidemill_features::time::{Span, Timestamp};

fn source(path: &str, text: &str) -> Arc<SourceText> {
    Arc::new(SourceText::new(path.into(), text.into()))
}

/// A plant of three units over five days before the end of training and one after it.
fn plant() -> Panel {
    const MINUTES: usize = 6 * 1440;
    let begin = "2025-08-27T00:00:00Z".parse::<Timestamp>().expect("it is a time").0;
    let mut table = Table::default();
    let names = ["thermal_metric", "power_draw", "airflow", "ambient_temp", "humidity"];
    let mut numbers = vec![Vec::new(); names.len()];
    let (mut mode, mut location, mut device) = (Vec::new(), Vec::new(), Vec::new());
    for unit in 0..3_u32 {
        table.names.push(format!("unit-{unit}").into());
        for minute in 0..MINUTES {
            let turn = minute as f64 / 1440.0 * std::f64::consts::TAU;
            let wobble = ((minute * 7919 + unit as usize * 104_729) % 1000) as f64 / 500.0 - 1.0;
            table.entity.push(unit);
            table.times.push(begin + i64::try_from(minute).expect("it is in range") * MINUTE);
            let missing = minute % 97 == 13;
            for (column, value) in numbers.iter_mut().zip([
                40.0 + 5.0 * turn.sin() + f64::from(unit) + wobble,
                if minute % 300 < 40 { 0.0 } else { 3.0 + wobble },
                if minute % 300 < 40 { 0.0 } else { 2.0 - wobble / 3.0 },
                15.0 + 8.0 * turn.cos(),
                if missing { f64::NAN } else { 50.0 + 10.0 * wobble },
            ]) {
                column.push(value);
            }
            mode.push(Some(if minute % 300 < 40 { "off" } else { "auto" }));
            location.push(Some(["roof", "cellar", "roof"][unit as usize]));
            device.push(Some(["screw", "scroll", "screw"][unit as usize]));
        }
    }
    table.columns =
        names.iter().zip(numbers).map(|(name, values)| Column::numbers(*name, values)).collect();
    table.columns.push(Column::categories("mode", mode));
    table.columns.push(Column::categories("location", location));
    table.columns.push(Column::categories("device_type", device));
    let rules = Intake { grid: GridRule::Inferred, ..Intake::default() };
    Panel::take_in(table, &rules).expect("the rows are taken in").0
}

fn plan_of_yaml(path: &str, text: &str, panel: &Panel) -> Plan {
    let tree = yaml::parse(&source(path, text)).expect("it is YAML");
    let pipeline =
        Pipeline::read(&tree.to_json()).unwrap_or_else(|mistakes| panic!("{mistakes:?}"));
    pipeline
        .plan(&Known::columns_of(panel), panel.step())
        .unwrap_or_else(|mistakes| panic!("{mistakes:?}"))
}

fn train(plan: &Plan, panel: &Panel) -> tidemill_features::run::Fitted {
    let (train_end, _) = plan.split().expect("the file has a split");
    let range = FitRange { from: Timestamp(0), until: Timestamp(train_end.0 + 1) };
    plan.fit(panel, range, Limits::default()).expect("the pipeline is fitted")
}

fn describe(program: &Program<'_>, panel: &Panel) -> String {
    let features = program.transform(panel, Limits::default()).expect("the panel has the columns");
    let mut text = String::new();
    for ((name, column), provenance) in
        features.names.iter().zip(&features.columns).zip(program.provenance())
    {
        let known = column.iter().filter(|value| !value.is_nan()).count();
        let last = column[column.len() - 1];
        let sources: Vec<&str> = provenance.sources.iter().map(String::as_str).collect();
        let window = provenance.window.map_or("all".to_owned(), |window| window.to_string());
        writeln!(
            text,
            "{name:32} {last:>10.4} {known:>6} {:?} {} from {} window {window} delay {}{}",
            provenance.grade,
            provenance.operators.join(" < "),
            sources.join(", "),
            provenance.delay,
            if provenance.is_pooled { " pooled" } else { "" },
        )
        .expect("the panel has the columns");
    }
    writeln!(text, "cold rows: {}", features.cold_rows()).expect("a text can be written to");
    text
}

#[test]
fn the_pipeline_of_the_requirement_runs_as_it_is_written() {
    let panel = plant();
    let plan =
        plan_of_yaml("feature_config.yaml", include_str!("configs/feature_config.yaml"), &panel);
    let fitted = train(&plan, &panel);
    let program = Program::new(&plan, &fitted).unwrap();

    insta::assert_snapshot!(describe(&program, &panel));
    assert!(program.windows_beyond(panel.history()).is_empty());
    let beyond = program.windows_beyond("1h30m".parse().unwrap());
    assert_eq!(beyond[0].feature, "thermal_metric_roll120_mean");

    let mut live = Live::new(&program);
    live.advance(&program, &panel, ONE).unwrap();
    let largest = live.entities().map(|entity| live.bytes_of(entity).unwrap()).max().unwrap();
    assert!(largest <= 64 * 1024, "the state of an entity has {largest} bytes");
}

#[test]
fn the_pipeline_of_this_repository_runs_and_says_the_same_online() {
    let panel = plant();
    let text = include_str!("../../../../configs/features/thermal.yaml");
    let plan = plan_of_yaml("configs/features/thermal.yaml", text, &panel);
    let fitted = train(&plan, &panel);
    let program = Program::new(&plan, &fitted).unwrap();

    insta::assert_snapshot!(describe(&program, &panel));

    let some = panel.between(Timestamp(0)..Timestamp(panel.times()[700]));
    let all = program.transform(&some, ONE).unwrap();
    let online = one_by_one(&program, &mut Live::new(&program), &some);
    assert_eq!(crate::support::difference((&some, &all), (&some, &online)), None);
}

#[test]
fn what_was_fitted_comes_back_from_a_file_and_belongs_to_its_plan_and_fold() {
    let panel = plant();
    let plan =
        plan_of_yaml("feature_config.yaml", include_str!("configs/feature_config.yaml"), &panel);
    let fitted = train(&plan, &panel);

    let text = serde_json::to_string(&fitted).unwrap();
    let read: tidemill_features::run::Fitted = serde_json::from_str(&text).unwrap();
    assert_eq!(read, fitted);
    let overlap = fitted.refuse_overlap(Timestamp(fitted.range.until.0 - 1)..Timestamp(i64::MAX));
    assert!(overlap.is_err());
    assert!(fitted.refuse_overlap(fitted.range.until..Timestamp(i64::MAX)).is_ok());
    let other = plan_of_yaml(
        "other.yaml",
        "{entity_id: u, timestamp: t, target: thermal_metric, temporal_features: {lags: [1]}}",
        &panel,
    );
    let error = Program::new(&other, &fitted).unwrap_err();
    assert!(
        error.to_string().starts_with("what was fitted belongs to another pipeline"),
        "{error}"
    );
    let shorter = plan
        .fit(
            &panel,
            FitRange { until: Timestamp(fitted.range.until.0 - MINUTE), ..fitted.range },
            ONE,
        )
        .unwrap();
    assert_ne!(shorter.row_digest, fitted.row_digest);
}

#[test]
fn labels_lie_ahead_and_know_when_they_were_known() {
    let panel = plant();
    let text = "{entity_id: u, timestamp: t, target: thermal_metric, targets: {horizons: [1h, 1d], delay: 5m}, temporal_features: {lags: [1]}}";
    let plan = plan_of_yaml("labels.yaml", text, &panel);

    let labels = plan.labels(&panel).unwrap();

    let (hour, day) = (&labels.horizons[0], &labels.horizons[1]);
    let target = &panel.columns()[0].values;
    assert_eq!(hour.known[100] - panel.times()[100], 65 * MINUTE);
    assert_eq!(hour.levels[100].to_bits(), target[160].to_bits());
    // Five minutes late: what was known at the row is the value of five minutes before.
    assert_eq!(hour.base[100].to_bits(), target[95].to_bits());
    assert_eq!(hour.values[100].to_bits(), (target[160] - target[95]).to_bits());
    assert_eq!(day.levels[100].to_bits(), target[1540].to_bits());
    assert!(day.values[6 * 1440 - 1].is_nan());
    let back = hour.level(plan.form(), 100, hour.values[100]);
    assert!((back - target[160]).abs() < 1e-12);
}

/// All mistakes of a file as whoever read it tells them.
fn told(text: &str) -> String {
    let source = source("configs/features/wrong.yaml", text);
    let tree = yaml::parse(&source).expect("it is YAML");
    let panel = plant();
    let mistakes = match Pipeline::read(&tree.to_json()) {
        Err(mistakes) => mistakes,
        Ok(pipeline) => {
            pipeline.plan(&Known::columns_of(&panel), Some(Span(MINUTE))).expect_err("it is wrong")
        }
    };
    let problem = |mistake: &Mistake| {
        let span = tree.at_pointer(&mistake.pointer).span.clone();
        Problem::at(&source, span, mistake.message.clone()).hint(mistake.hint.clone())
    };
    let problems: Problems = mistakes.iter().map(problem).collect();
    let told: Vec<String> = problems.into_sorted().iter().map(ToString::to_string).collect();
    told.join("\n")
}

#[test]
fn mistakes_that_need_no_table_are_told_at_once_with_their_places() {
    insta::assert_snapshot!(told(
        "entity_id: unit_id
timestamp: timestamp
target: thermal_metric
timezone: Europe/Olso
grid: irregular
temporal_features:
  lags: [1, 1h]
  rolling:
    - { window: 30m, stats: [] }
    - { window: 30m, stats: [mean], quantiles: [0.5, 90] }
  ema: [{ span: 12, half_life: 5m }]
robust: { scaler: robust }
interactions: { ratios: [[power_draw]] }
features:
  - { op: rollling, column: humidity }
  - { op: clip, column: humidity, with: { min: 2, max: 1 } }
  - { op: phase, with: { above: 1, warm_up: 10m, cool_down: 10m } }
"
    ));
}

#[test]
fn mistakes_that_need_the_table_are_told_at_once_with_their_places() {
    insta::assert_snapshot!(told(
        "entity_id: unit_id
timestamp: timestamp
target: thermal_metric
numeric: [humdity, thermal_metric]
covariates: { wind: { delay: 5m }, mode: { delay: 1m }, thermal_metric: { class: static, delay: 1m } }
temporal_features: { columns: [mode], lags: [1] }
categoricals: { one_hot: [humidity, mode] }
interactions: { products: [[thermal_metric, humidity]] }
features:
  - { op: log, column: airflow, as: same }
  - { op: sqrt, column: airflow, as: same }
"
    ));
}

#[test]
fn a_type_that_is_wrong_is_told_with_its_place() {
    for (text, expected) in [
        (
            "{entity_id: u, timestamp: t, target: y, temporal_features: {lags: [0]}}",
            "/temporal_features/lags/0: `0` is no reach",
        ),
        ("{entity_id: u, timestamp: t, target: y, lagz: 1}", "unknown field `lagz`"),
        (
            "{entity_id: u, timestamp: t, target: y, grid: sometimes}",
            "/grid: `sometimes` is no grid",
        ),
        ("{entity_id: u, timestamp: t, target: y}", "the pipeline has no features"),
        ("[]", "a pipeline is a mapping"),
    ] {
        let tree = yaml::parse(&source("a.yaml", text)).unwrap();
        let mistakes = Pipeline::read(&tree.to_json()).unwrap_err();
        let told: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
        assert!(told[0].contains(expected), "{told:?}");
    }
}

#[test]
fn the_schema_in_the_repository_is_that_of_the_types() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../configs/schema/features.json");
    let written: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    assert_eq!(written, schema(), "run `cargo xtask generated --write`");
}
