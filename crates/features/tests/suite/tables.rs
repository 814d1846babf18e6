//! Rows as they come: what is refused, what is mended, and Parquet files.

use tidemill_features::files::{ReadColumns, read_parquet, write_parquet};
use tidemill_features::panel::{
    Column, Duplicates, GridRule, Infinities, Intake, Order, Panel, Refused, Table,
};
use tidemill_features::run::{Features, Limits};
use tidemill_features::time::{Span, Timestamp};

const MINUTE: i64 = 60_000_000;

/// Rows of two entities, out of order, with a repeat and an infinite value.
fn messy() -> Table {
    Table::of(
        ["b", "a", "b", "a", "a", "b"],
        [2, 1, 1, 0, 1, 3].map(|minute| minute * MINUTE).into(),
        vec![
            Column::numbers("y", vec![1.0, 2.0, 3.0, 4.0, 6.0, f64::INFINITY]),
            Column::categories(
                "mode",
                [Some("x"), Some("y"), None, Some("x"), Some("z"), Some("x")],
            ),
        ],
    )
}

fn values(panel: &Panel) -> Vec<f64> {
    panel.column("y").expect("the column is there").values.clone()
}

#[test]
fn all_reasons_to_refuse_rows_are_told_at_once_with_their_counts() {
    let rules =
        Intake { order: Order::Refuse, until: Some(Timestamp(2 * MINUTE)), ..Intake::default() };

    let refused = Panel::take_in(messy(), &rules).unwrap_err();

    let told: Vec<String> = refused.iter().map(ToString::to_string).collect();
    insta::assert_snapshot!(told.join("\n"), @r"
    2 rows are from 1970-01-01T00:02:00Z or later, which is the end of the interval; the first is of `b` at 1970-01-01T00:02:00Z. Fix the clock of the source, or run the interval that they belong to
    2 rows are earlier than the row before them; the first is of `b` at 1970-01-01T00:01:00Z. Sort the rows, or write `unsorted: sort`
    1 values of column `y` are infinite; the first is of `b` at 1970-01-01T00:03:00Z. Write `infinities: mask` to take them for missing, or mend the source
    1 rows repeat the time of another row of their entity; the first is of `a` at 1970-01-01T00:01:00Z. Write `duplicates: keep_last` or `duplicates: average`, or mend the source
    ");
}

#[test]
fn rows_are_sorted_merged_and_masked_as_the_rules_say() {
    let rules =
        |duplicates| Intake { duplicates, infinities: Infinities::Mask, ..Intake::default() };

    let (last, report) = Panel::take_in(messy(), &rules(Duplicates::KeepLast)).unwrap();
    let (mean, _) = Panel::take_in(messy(), &rules(Duplicates::Average)).unwrap();

    assert_eq!(values(&last)[..4], [4.0, 6.0, 3.0, 1.0]);
    assert!(values(&last)[4].is_nan());
    assert_eq!(values(&mean)[..4], [4.0, 4.0, 3.0, 1.0]);
    assert_eq!(last.rows_of(1), 2..5);
    assert_eq!((report.out_of_order, report.duplicates, report.masked_infinities), (2, 1, 1));
    assert_eq!(report.missing["y"], 1);
    assert_eq!(report.step, Some(Span(MINUTE)));
}

#[test]
fn times_that_cannot_be_times_and_columns_that_do_not_fit_are_refused() {
    let table = Table::of(["a"], vec![i64::MAX], vec![]);
    assert!(matches!(
        Panel::take_in(table, &Intake::default()).unwrap_err()[..],
        [Refused::OutOfRange { count: 1, .. }]
    ));

    let table = Table::of(["a"], vec![0], vec![Column::numbers("y", vec![])]);
    assert!(matches!(
        Panel::take_in(table, &Intake::default()).unwrap_err()[..],
        [Refused::Ragged { found: 0, rows: 1, .. }]
    ));
}

#[test]
fn a_declared_grid_is_kept_and_gaps_are_counted() {
    let times = [0, 1, 2, 10, 11].map(|minute| minute * MINUTE).into();
    let table = Table::of(["a"; 5], times, vec![]);
    let rules = Intake { grid: GridRule::Declared(Span(MINUTE)), ..Intake::default() };

    let (_, report) = Panel::take_in(table, &rules).unwrap();

    assert_eq!(report.gaps, 1);
}

#[test]
fn a_table_goes_through_a_parquet_file_and_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("table.parquet");
    let rules = Intake {
        duplicates: Duplicates::KeepLast,
        infinities: Infinities::Mask,
        ..Intake::default()
    };
    let (panel, _) = Panel::take_in(messy(), &rules).unwrap();
    let features =
        Features { names: vec!["y".into()], columns: vec![values(&panel)], cold: vec![] };

    write_parquet(&path, ("unit", "at"), &panel, &features).unwrap();
    let wanted =
        ReadColumns { entity: "unit".into(), timestamp: "at".into(), columns: vec!["y".into()] };
    let table = read_parquet(&path, &wanted, Limits::default()).unwrap();

    let (read, _) = Panel::take_in(table, &rules).unwrap();
    assert_eq!(read.entities(), panel.entities());
    assert_eq!(read.times(), panel.times());
    assert!(
        values(&read)
            .iter()
            .zip(values(&panel))
            .all(|(left, right)| left.to_bits() == right.to_bits())
    );
    // A column of texts is one of categories.
    let wanted = ReadColumns { columns: vec!["unit".into(), "at".into()], ..wanted };
    let table = read_parquet(&path, &wanted, Limits::default()).unwrap();
    assert_eq!(table.columns[0].labels.as_ref().unwrap().len(), 2);
    assert!((table.columns[1].values[1] - 60e6).abs() < 1e-9);
}

#[test]
fn files_that_cannot_be_read_are_told_with_a_hint() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("table.parquet");
    let (panel, _) = Panel::take_in(Table::of(["a"], vec![0], vec![]), &Intake::default()).unwrap();
    let features = Features { names: vec!["power".into()], columns: vec![vec![1.0]], cold: vec![] };
    write_parquet(&path, ("unit", "at"), &panel, &features).unwrap();
    let wanted = |entity: &str, time: &str, column: &str| ReadColumns {
        entity: entity.into(),
        timestamp: time.into(),
        columns: vec![column.into()],
    };
    let told = |wanted: &ReadColumns| {
        read_parquet(&path, wanted, Limits::default()).unwrap_err().to_string()
    };

    assert!(
        told(&wanted("unit", "at", "powr"))
            .ends_with("has no column `powr`; did you mean `power`?")
    );
    assert!(told(&wanted("unit", "power", "power")).contains("Float64, and not a time"));
    std::fs::write(&path, b"PAR1 is not enough").unwrap();
    assert!(told(&wanted("unit", "at", "power")).ends_with("as Parquet"));
    std::fs::remove_file(&path).unwrap();
    assert!(told(&wanted("unit", "at", "power")).starts_with("read `"));
}
