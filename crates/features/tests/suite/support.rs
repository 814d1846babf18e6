//! Panels and pipelines of the tests.

use proptest::prelude::*;
use serde_json::{Value, json};
use tidemill_features::panel::{Column, Duplicates, GridRule, Infinities, Intake, Panel, Table};
use tidemill_features::pipeline::{Known, Pipeline, Plan};
use tidemill_features::run::{Cell, Features, FitRange, Fitted, Limits, Live, Program};
use tidemill_features::time::{Span, Timestamp};

pub(crate) const MINUTE: i64 = 60_000_000;
pub(crate) const ONE: Limits = Limits { threads: 1 };

/// A row as a generator makes it: entity, minute, seconds after it, value, another value, category.
pub(crate) type RawRow = (u8, u16, u8, Option<i32>, Option<i32>, u8);

pub(crate) fn rules() -> Intake {
    Intake {
        duplicates: Duplicates::KeepLast,
        infinities: Infinities::Mask,
        grid: GridRule::Declared(Span(MINUTE)),
        ..Intake::default()
    }
}

/// Rows of up to four entities: irregular, with gaps, duplicates and missing values, in any order; sometimes constant.
pub(crate) fn raw_rows() -> impl Strategy<Value = Vec<RawRow>> {
    let value =
        prop_oneof![8 => (-2000..2000i32).prop_map(Some), 1 => Just(None), 2 => Just(Some(7))];
    let second = prop_oneof![9 => Just(0u8), 1 => 0..60u8];
    proptest::collection::vec((0..4u8, 0..150u16, second, value.clone(), value, 0..4u8), 1..160)
}

pub(crate) fn table(rows: &[RawRow]) -> Table {
    let number = |value: Option<i32>| value.map_or(f64::NAN, |value| f64::from(value) / 7.0);
    let names = ["pump", "fan", "chiller", "boiler"];
    let modes = [Some("auto"), Some("manual"), Some("off"), None];
    Table::of(
        rows.iter().map(|row| names[usize::from(row.0)]),
        rows.iter().map(|row| i64::from(row.1) * MINUTE + i64::from(row.2) * 1_000_000).collect(),
        vec![
            Column::numbers("y", rows.iter().map(|row| number(row.3)).collect()),
            Column::numbers("x", rows.iter().map(|row| number(row.4)).collect()),
            Column::categories("mode", rows.iter().map(|row| modes[usize::from(row.5)])),
        ],
    )
}

pub(crate) fn panel(rows: &[RawRow]) -> Panel {
    Panel::take_in(table(rows), &rules()).expect("the rows are taken in").0
}

/// A pipeline over these columns with some items.
pub(crate) fn document(items: &Value) -> Value {
    json!({
        "entity_id": "unit", "timestamp": "at", "target": "y", "grid": "1m", "timezone": "Europe/Oslo",
        "minimum_history": "10m", "features": items,
    })
}

pub(crate) fn plan_of(document: &Value, panel: &Panel) -> Plan {
    let pipeline = Pipeline::read(document).unwrap_or_else(|mistakes| panic!("{mistakes:?}"));
    let known = Known::columns_of(panel);
    pipeline.plan(&known, panel.step()).unwrap_or_else(|mistakes| panic!("{mistakes:?}"))
}

/// Everything before minute 90 is training.
pub(crate) fn fit(plan: &Plan, panel: &Panel) -> Fitted {
    let range = FitRange { from: Timestamp(0), until: Timestamp(90 * MINUTE) };
    plan.fit(panel, range, ONE).expect("the pipeline is fitted")
}

/// All operators in one pipeline, each with its own example.
pub(crate) fn all_operators() -> Value {
    let items: Vec<Value> = tidemill_features::operators::all().iter().map(item_of).collect();
    document(&Value::Array(items))
}

/// The example of an operator as an item; what sees the row itself reads `x`, which is no target.
pub(crate) fn item_of(kind: &tidemill_features::operator::OperatorKind) -> Value {
    use tidemill_features::operator::{Reads, Sight};
    let with: Value = serde_json::from_str(kind.example).expect("it is JSON");
    let mut item = json!({ "op": kind.name, "with": with, "as": format!("f_{}", kind.name) });
    match (kind.reads, kind.sight) {
        (Reads::Time, _) => {}
        (Reads::Number, Sight::Before) => item["column"] = json!("y"),
        (Reads::Number, Sight::At) => item["column"] = json!("x"),
        (Reads::Numbers(_), _) => item["columns"] = json!(["x", "f_ema"]),
        (Reads::Category | Reads::CategoryAndLabel, _) => item["column"] = json!("mode"),
    }
    item
}

/// The features of one row after the other, online, in the order of time.
pub(crate) fn one_by_one(program: &Program<'_>, live: &mut Live, panel: &Panel) -> Features {
    let mut features = Features { names: program.names().to_vec(), ..Features::default() };
    features.columns = vec![vec![f64::NAN; panel.rows()]; program.names().len()];
    let mut order: Vec<(i64, usize, usize)> = (0..panel.entities().len())
        .flat_map(|entity| panel.rows_of(entity).map(move |row| (entity, row)))
        .map(|(entity, row)| (panel.times()[row], entity, row))
        .collect();
    order.sort_unstable();
    for (at, entity, row) in order {
        let cells: Vec<(&str, Cell<'_>)> = panel
            .columns()
            .iter()
            .map(|column| (column.name.as_str(), cell(column, row)))
            .collect();
        let values = program
            .row(live, &panel.entities()[entity], Timestamp(at), &cells)
            .expect("rows come in order");
        for (column, value) in features.columns.iter_mut().zip(values) {
            column[row] = value;
        }
    }
    features
}

fn cell(column: &Column, row: usize) -> Cell<'_> {
    let value = column.values[row];
    match &column.labels {
        _ if value.is_nan() => Cell::Missing,
        None => Cell::Number(value),
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "an index")]
        Some(labels) => Cell::Category(&labels[value as usize]),
    }
}

/// Looks for the first bit that differs, for each row of `part`, which may have fewer rows.
pub(crate) fn difference(all: (&Panel, &Features), part: (&Panel, &Features)) -> Option<String> {
    let (whole, all) = all;
    let (fewer, features) = part;
    if all.names != features.names {
        return Some(format!("names {:?} and {:?}", all.names, features.names));
    }
    for (entity, name) in fewer.entities().iter().enumerate() {
        let place = whole.entities().iter().position(|known| known == name)?;
        let rows = whole.rows_of(place);
        for row in fewer.rows_of(entity) {
            let at = fewer.times()[row];
            let found = rows.start + whole.times()[rows.clone()].binary_search(&at).ok()?;
            for (feature, (left, right)) in all.columns.iter().zip(&features.columns).enumerate() {
                if left[found].to_bits() != right[row].to_bits() {
                    return Some(format!(
                        "`{}` of {name} at minute {}: {:?} and {:?}",
                        all.names[feature],
                        at as f64 / MINUTE as f64,
                        left[found],
                        right[row]
                    ));
                }
            }
        }
    }
    None
}
