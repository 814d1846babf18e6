//! The numbers of pandas, polars, scipy and scikit-learn on regular rows (`golden_numbers/write.py`).

use crate::support::{MINUTE, ONE, document, plan_of};
use serde_json::{Value, json};
use tidemill_features::panel::{Column, Intake, Panel, Table};
use tidemill_features::run::{Features, FitRange, Fitted, Program};
use tidemill_features::time::Timestamp;

const ROWS: usize = 400;

fn golden() -> Value {
    serde_json::from_str(include_str!("golden_numbers/parity.json")).expect("it is JSON")
}

/// Sums of twelve uniform draws of SplitMix64, as in the script.
fn series(seed: u64) -> Vec<f64> {
    let mut state = seed;
    let mut uniform = || {
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((mixed ^ (mixed >> 31)) >> 11) as f64 * 2.0_f64.powi(-53)
    };
    (0..ROWS).map(|_| ((0..12).map(|_| uniform()).sum::<f64>() - 6.0) * 3.0 + 50.0).collect()
}

fn panel() -> Panel {
    let centred = |seed| series(seed).into_iter().map(|value| value - 50.0).collect();
    let columns = vec![
        Column::numbers("y", series(42)),
        Column::numbers("x", centred(7)),
        Column::numbers("z", centred(9)),
    ];
    let times = (0..).take(ROWS).map(|row: i64| row * MINUTE).collect();
    Panel::take_in(Table::of(vec!["only"; ROWS], times, columns), &Intake::default())
        .expect("the rows are taken in")
        .0
}

fn compute(items: &Value) -> (Features, Fitted) {
    let panel = panel();
    let plan = plan_of(&document(items), &panel);
    let range = FitRange { from: Timestamp(0), until: Timestamp(i64::MAX) };
    let fitted = plan.fit(&panel, range, ONE).expect("the pipeline is fitted");
    let features = Program::new(&plan, &fitted)
        .expect("the pipeline is fitted")
        .transform(&panel, ONE)
        .expect("what was fitted belongs to the plan");
    (features, fitted)
}

fn near(found: f64, right: f64) -> bool {
    (found - right).abs() <= 1e-9 * right.abs().max(1.0)
}

#[test]
fn windows_lags_and_averages_are_those_of_pandas_and_polars() {
    let window = |window: u32| {
        json!({ "op": "rolling", "column": "y", "with": { "window": window, "quantiles": [0.9],
            "stats": ["mean", "std", "min", "max", "sum", "median", "skew", "slope"] } })
    };
    let (features, _) = compute(&json!([
        { "op": "lag", "column": "y", "with": { "by": [1, 30] } },
        { "op": "difference", "column": "y", "with": { "by": [5] } },
        { "op": "ema", "column": "y", "with": { "alpha": 0.1 } },
        { "op": "ema", "column": "y", "with": { "span": 12 } },
        { "op": "expanding", "column": "y", "with": { "stats": ["mean", "std", "max"] } },
        { "op": "expanding", "column": "y", "with": { "stats": ["skew"], "least": 3 } },
        window(5), window(30),
    ]));
    let golden = golden();
    let mut compared = 0;
    for package in ["pandas", "polars"] {
        for (name, values) in golden[package].as_object().unwrap() {
            let column = features.column(name).unwrap_or_else(|| panic!("there is no `{name}`"));
            for (value, row) in values.as_array().unwrap().iter().zip((0..).step_by(7)) {
                let found: f64 = column[row];
                match value.as_f64() {
                    None => assert!(
                        found.is_nan(),
                        "`{name}` of row {row} is {found}, {package} has none"
                    ),
                    Some(right) => assert!(
                        near(found, right),
                        "`{name}` of row {row} is {found}, {package} says {right}"
                    ),
                }
                compared += 1;
            }
        }
    }
    assert_eq!(compared, 37 * ROWS.div_ceil(7));
}

#[test]
fn what_is_learnt_is_what_scikit_learn_and_scipy_learn() {
    let (_, fitted) = compute(&json!([
        { "op": "scale", "column": "x", "with": { "method": "robust" }, "as": "a" },
        { "op": "scale", "column": "x", "with": { "method": "standard" }, "as": "b" },
        { "op": "winsorise", "column": "x", "with": { "lower_q": 0.01, "upper_q": 0.99 } },
        { "op": "yeo_johnson", "column": "x" },
        { "op": "pca", "columns": ["x", "z"], "with": { "components": 2 } },
    ]));
    let learnt: Vec<&Value> = fitted.learnt.values().collect();
    let right = &golden()["fitted"];

    let is_near =
        |found: &Value, right: &Value| near(found.as_f64().unwrap(), right.as_f64().unwrap());
    assert!(
        is_near(&learnt[0]["center"], &right["robust"][0])
            && is_near(&learnt[0]["width"], &right["robust"][1])
    );
    assert!(
        is_near(&learnt[1]["center"], &right["standard"][0])
            && is_near(&learnt[1]["width"], &right["standard"][1])
    );
    assert!(
        is_near(&learnt[2]["min"], &right["quantiles"][0])
            && is_near(&learnt[2]["max"], &right["quantiles"][1])
    );
    // Both minimise by steps: the place of an optimum is known to the root of the precision.
    let lambda = learnt[3]["lambda"].as_f64().unwrap();
    assert!((lambda - right["yeo_johnson"].as_f64().unwrap()).abs() < 1e-6, "{lambda}");
    for component in 0..2 {
        for weight in 0..2 {
            let found = learnt[4]["weights"][component][weight].as_f64().unwrap().abs();
            assert!(near(found, right["pca"][component][weight].as_f64().unwrap()));
        }
    }
}
