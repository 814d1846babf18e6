//! What every operator keeps to: the suite runs over the registry, so a new operator is tested when it is registered.

use crate::support::{
    MINUTE, ONE, all_operators, difference, document, fit, item_of, one_by_one, panel, plan_of,
    raw_rows, rules, table,
};
use proptest::prelude::*;
use serde_json::Value;
use tidemill_features::operators;
use tidemill_features::panel::Panel;
use tidemill_features::run::{Limits, Live, Program};
use tidemill_features::time::Timestamp;

fn config() -> ProptestConfig {
    ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() }
}

fn upto(panel: &Panel, minute: i64) -> Panel {
    panel.between(Timestamp(i64::MIN)..Timestamp(minute * MINUTE))
}

fn from(panel: &Panel, minute: i64) -> Panel {
    panel.between(Timestamp(minute * MINUTE)..Timestamp(i64::MAX))
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_full_pass_single_rows_and_restored_nights_share_every_bit(rows in raw_rows(), cuts in proptest::collection::vec(0..150i64, 1..4)) {
        let panel = panel(&rows);
        let plan = plan_of(&all_operators(), &panel);
        let fitted = fit(&plan, &panel);
        let program = Program::new(&plan, &fitted).unwrap();

        let all = program.transform(&panel, ONE).unwrap();
        let threads = program.transform(&panel, Limits { threads: 3 }).unwrap();
        let online = one_by_one(&program, &mut Live::new(&program), &panel);

        prop_assert_eq!(difference((&panel, &all), (&panel, &threads)), None);
        prop_assert_eq!(difference((&panel, &all), (&panel, &online)), None);
        let mut cuts = cuts;
        cuts.sort_unstable();
        cuts.push(151);
        let mut state = Live::new(&program).save();
        let mut begin = 0;
        for end in cuts {
            let night = upto(&from(&panel, begin), end);
            let mut live = Live::restore(&program, &state).unwrap();
            let features = live.advance(&program, &night, ONE).unwrap();
            prop_assert_eq!(difference((&panel, &all), (&night, &features)), None);
            state = live.save();
            begin = end;
        }
        prop_assert_eq!(Live::restore(&program, &state).unwrap().save(), state);
    }

    #[test]
    fn single_rows_go_on_where_a_restored_night_ended(rows in raw_rows(), cut in 0..150i64) {
        let panel = panel(&rows);
        let plan = plan_of(&all_operators(), &panel);
        let fitted = fit(&plan, &panel);
        let program = Program::new(&plan, &fitted).unwrap();
        let all = program.transform(&panel, ONE).unwrap();
        let mut live = Live::new(&program);
        live.advance(&program, &upto(&panel, cut), ONE).unwrap();
        let mut live = Live::restore(&program, &live.save()).unwrap();

        let later = from(&panel, cut);
        let online = one_by_one(&program, &mut live, &later);

        prop_assert_eq!(difference((&panel, &all), (&later, &online)), None);
    }

    #[test]
    fn a_prefix_has_the_features_of_the_whole(rows in raw_rows(), cut in 1..150i64) {
        let panel = panel(&rows);
        let plan = plan_of(&all_operators(), &panel);
        let fitted = fit(&plan, &panel);
        let program = Program::new(&plan, &fitted).unwrap();
        let all = program.transform(&panel, ONE).unwrap();

        let prefix = upto(&panel, cut);
        let features = program.transform(&prefix, ONE).unwrap();

        prop_assert_eq!(difference((&panel, &all), (&prefix, &features)), None);
    }

    #[test]
    fn no_feature_before_a_cut_knows_what_happens_after_it(rows in raw_rows(), cut in 1..150i64, adversary in 0..6u8) {
        let before = panel(&rows);
        let plan = plan_of(&all_operators(), &before);
        // Fitted on the past of the cut, as in production.
        let range = tidemill_features::run::FitRange { from: Timestamp(0), until: Timestamp(cut * MINUTE) };
        let fitted = plan.fit(&before, range, ONE).unwrap();
        let changed = perturb(&before, cut * MINUTE, adversary);

        let fitted_again = plan.fit(&changed, range, ONE).unwrap();
        let program = Program::new(&plan, &fitted).unwrap();
        let all = program.transform(&before, ONE).unwrap();
        let other = program.transform(&changed, ONE).unwrap();

        prop_assert_eq!(&fitted.learnt, &fitted_again.learnt);
        prop_assert_eq!(fitted.row_digest, fitted_again.row_digest);
        let past = upto(&before, cut);
        let kept = upto(&changed, cut);
        prop_assert_eq!(past.rows(), kept.rows());
        // Rows of the past are compared where both panels have them.
        let (left, right) = (rows_before(&all, &before, cut), rows_before(&other, &changed, cut));
        prop_assert_eq!(left, right);
    }

    #[test]
    fn an_entity_knows_nothing_of_the_others_unless_it_is_pooled(rows in raw_rows()) {
        let panel = panel(&rows);
        let plan = plan_of(&all_operators(), &panel);
        let fitted = fit(&plan, &panel);
        let program = Program::new(&plan, &fitted).unwrap();
        let all = program.transform(&panel, ONE).unwrap();
        let victim = panel.rows_of(0);

        let changed = panel.with_values("y", |row, value| if victim.contains(&row) { value * -1e6 } else { value });
        let other = program.transform(&changed, ONE).unwrap();

        for (index, provenance) in program.provenance().iter().enumerate() {
            if provenance.is_pooled { continue; }
            for row in victim.end..panel.rows() {
                prop_assert_eq!(all.columns[index][row].to_bits(), other.columns[index][row].to_bits(), "{}", &provenance.feature);
            }
        }
    }

    #[test]
    fn what_is_known_later_is_seen_later_and_nothing_else_changes(rows in raw_rows(), delay in 1..20i64) {
        let table = table(&rows.iter().map(|row| (row.0, row.1, 0, row.3, row.4, row.5)).collect::<Vec<_>>());
        let (panel, _) = Panel::take_in(table, &rules()).unwrap();
        let items = serde_json::json!([
            { "op": "lag", "column": "x", "with": { "by": [1, 4] } },
            { "op": "rolling", "column": "x", "with": { "window": 7, "least": 1, "stats": ["mean", "std", "min"] } },
            { "op": "ema", "column": "x", "with": { "half_life": "5m" } },
        ]);
        let mut late = document(&items);
        late["covariates"] = serde_json::json!({ "x": { "delay": format!("{delay}m") } });
        let plan = plan_of(&document(&items), &panel);
        let late_plan = plan_of(&late, &panel);

        let (fitted, late_fitted) = (fit(&plan, &panel), fit(&late_plan, &panel));
        let now = Program::new(&plan, &fitted).unwrap().transform(&panel, ONE).unwrap();
        let program = Program::new(&late_plan, &late_fitted).unwrap();
        let later = program.transform(&panel, ONE).unwrap();

        let online = one_by_one(&program, &mut Live::new(&program), &panel);
        prop_assert_eq!(difference((&panel, &later), (&panel, &online)), None);
        for entity in 0..panel.entities().len() {
            let rows = panel.rows_of(entity);
            let times = &panel.times()[rows.clone()];
            for (index, at) in times.iter().enumerate() {
                let Ok(before) = times.binary_search(&(at - delay * MINUTE)) else { continue };
                for (now, later) in now.columns.iter().zip(&later.columns) {
                    prop_assert_eq!(now[rows.start + before].to_bits(), later[rows.start + index].to_bits());
                }
            }
        }
    }

    #[test]
    fn rows_without_a_grid_and_late_columns_have_the_same_bits_on_all_ways(rows in raw_rows(), cut in 0..150i64, shift in 0..60u8) {
        let rows: Vec<_> = rows.iter().map(|row| (row.0, row.1, (row.2 + shift + row.5 * 11) % 60, row.3, row.4, row.5)).collect();
        let panel = panel(&rows);
        let mut document = document(&serde_json::json!([
            { "op": "lag", "column": "y", "with": { "by": ["5m"] } },
            { "op": "difference", "column": "y", "with": { "by": ["4m"] } },
            { "op": "rolling", "column": "y", "with": { "window": "13m", "quantiles": [0.25], "stats": ["mean", "std", "max", "slope", "skew", "median"] } },
            { "op": "ema", "column": "y", "with": { "half_life": "90s" } },
            { "op": "delta", "column": "x" },
            { "op": "impute", "column": "x", "with": { "method": "mean" }, "as": "filled" },
            { "op": "impute", "column": "x", "with": { "method": "forward", "limit": "9m" } },
            { "op": "rolling", "column": "filled_imputed", "with": { "window": "6m", "stats": ["min", "max"] } },
            { "op": "column", "column": "x" },
            { "op": "pooled", "column": "x" },
        ]));
        document["grid"] = "irregular".into();
        document["covariates"] = serde_json::json!({ "x": { "delay": "3m20s" } });
        let plan = plan_of(&document, &panel);
        let fitted = fit(&plan, &panel);
        let program = Program::new(&plan, &fitted).unwrap();
        let all = program.transform(&panel, Limits { threads: 2 }).unwrap();

        let online = one_by_one(&program, &mut Live::new(&program), &panel);
        let mut live = Live::new(&program);
        live.advance(&program, &upto(&panel, cut), ONE).unwrap();
        let mut live = Live::restore(&program, &live.save()).unwrap();
        let night = from(&panel, cut);
        let later = live.advance(&program, &night, ONE).unwrap();

        prop_assert_eq!(difference((&panel, &all), (&panel, &online)), None);
        prop_assert_eq!(difference((&panel, &all), (&night, &later)), None);
    }
}

/// Another future: noise, signs, missing values, infinities, rows that are gone, and rows that are new.
fn perturb(panel: &Panel, cut: i64, adversary: u8) -> Panel {
    let is_future = |row: usize| panel.times()[row] >= cut;
    let values = |change: fn(f64) -> f64| {
        let changed = |row: usize, value: f64| if is_future(row) { change(value) } else { value };
        panel.with_values("y", changed).with_values("x", changed)
    };
    match adversary {
        0 => values(|value| value * 1e6 + 1.0),
        1 => values(|value| -value),
        2 => values(|_| f64::NAN),
        3 => values(|_| f64::INFINITY),
        4 => panel.keep(|_, row| !is_future(row) || row % 2 == 0),
        _ => {
            let mut table = panel.to_table();
            let last = panel.times().iter().max().copied().unwrap_or(0).max(cut);
            for extra in 1..5 {
                table.entity.push(0);
                table.times.push(last + extra * MINUTE);
                for column in &mut table.columns {
                    let new = column.labels.as_mut().map(|labels| {
                        labels.push("never seen".into());
                        (labels.len() - 1) as f64
                    });
                    column.values.push(new.unwrap_or(1e9));
                }
            }
            Panel::take_in(table, &rules()).expect("the rows are taken in").0
        }
    }
}

fn rows_before(
    features: &tidemill_features::run::Features,
    panel: &Panel,
    cut: i64,
) -> Vec<(String, i64, Vec<u64>)> {
    let mut found = Vec::new();
    for (entity, name) in panel.entities().iter().enumerate() {
        for row in panel.rows_of(entity).filter(|row| panel.times()[*row] < cut * MINUTE) {
            let bits = features.columns.iter().map(|column| column[row].to_bits()).collect();
            found.push((name.to_string(), panel.times()[row], bits));
        }
    }
    found
}

#[test]
fn every_operator_says_something_on_plain_rows() {
    let rows: Vec<_> = (0..150u16)
        .map(|minute| {
            (
                0,
                minute,
                0,
                Some(i32::from(minute) * 37 % 400 - 200),
                Some(i32::from(minute) * 11 % 90 + 1),
                (minute % 3) as u8,
            )
        })
        .collect();
    let panel = panel(&rows);
    let mut lines = Vec::new();
    for kind in operators::all() {
        let mut items = vec![item_of(kind)];
        if items[0]["columns"].is_array() {
            items.insert(0, item_of(operators::find("ema").unwrap()));
        }
        let plan = plan_of(&document(&Value::Array(items)), &panel);
        let fitted = fit(&plan, &panel);
        let program = Program::new(&plan, &fitted).unwrap();
        let features = program.transform(&panel, ONE).unwrap();
        for ((name, column), provenance) in
            features.names.iter().zip(&features.columns).zip(program.provenance())
        {
            let last = column[149];
            let known = column.iter().filter(|value| !value.is_nan()).count();
            let window = provenance.window.map_or("all".to_owned(), |window| window.to_string());
            lines.push(format!(
                "{:16} {name:40} {last:>12.6} {known:>4} {:?} {window}",
                kind.name, provenance.grade
            ));
            assert!(known > 0, "`{name}` is missing in all rows");
        }
    }
    lines.dedup();
    insta::assert_snapshot!(lines.join("\n"));
}

#[test]
fn one_row_an_empty_panel_and_ten_thousand_short_entities_are_no_special_cases() {
    let single = panel(&[(0, 5, 0, Some(3), None, 1)]);
    let plan = plan_of(&all_operators(), &single);
    let fitted = fit(&plan, &single);
    let program = Program::new(&plan, &fitted).unwrap();
    let features = program.transform(&single, ONE).unwrap();
    assert_eq!(features.cold_rows(), 1);
    assert_eq!(features.cold_entities(&single), 1);

    let empty = single.keep(|_, _| false);
    assert_eq!(program.transform(&empty, ONE).unwrap().columns[0].len(), 0);
    assert!(plan.fit(&empty, fitted.range, ONE).is_ok());

    let names: Vec<String> = (0..10_000).map(|entity| format!("unit-{entity:05}")).collect();
    let mut table = table(&[]);
    table.names = names.iter().map(|name| name.as_str().into()).collect();
    for (entity, _) in names.iter().enumerate() {
        for row in 0..3 {
            table.entity.push(u32::try_from(entity).unwrap());
            table.times.push(row * MINUTE);
            for column in &mut table.columns {
                column.values.push(if column.labels.is_some() { f64::NAN } else { entity as f64 });
            }
        }
    }
    let (many, _) = Panel::take_in(table, &rules()).unwrap();
    let all = program.transform(&many, Limits { threads: 2 }).unwrap();
    let lag = all.column("f_lag_lag_1").unwrap();
    assert!(lag[0].is_nan());
    assert_eq!(lag[29_999].to_bits(), 9_999.0_f64.to_bits());
}
