//! The series of L1, and the pipeline of its 17 features.

use anyhow::{Result, anyhow};
use serde_json::{Value, json};
use tidemill_features::panel::{Column, GridRule, Intake, Panel, Table};
use tidemill_features::pipeline::{Known, Pipeline, Plan};
use tidemill_features::run::{FitRange, Fitted, Limits, Program};
use tidemill_features::time::{Span, Timestamp};

pub(crate) const MINUTE: i64 = 60_000_000;
/// 2025-01-01.
pub(crate) const BEGIN: i64 = 1_735_689_600_000_000;

/// Numbers that any language can rebuild: SplitMix64, and sums of twelve uniform draws for normal ones.
pub(crate) struct Draws(u64);

impl Draws {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    pub(crate) fn uniform(&mut self) -> f64 {
        (self.next() >> 11) as f64 * 2.0_f64.powi(-53)
    }

    pub(crate) fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.uniform()).sum::<f64>() - 6.0
    }
}

/// Rows in all, of so many entities, each minute.
pub(crate) fn panel(rows: usize, entities: usize) -> Result<Panel> {
    let each = rows / entities;
    let mut draws = Draws::new(42);
    let mut table = Table::default();
    let (mut times, mut values) = (Vec::with_capacity(rows), Vec::with_capacity(rows));
    for code in 0..u32::try_from(entities)? {
        table.names.push(format!("unit-{code:06}").into());
        table.entity.resize(table.entity.len() + each, code);
        let mut walk = 0.0;
        for row in 0..i64::try_from(each)? {
            walk += 0.05 * draws.normal();
            let day = (std::f64::consts::TAU * (row % 1440) as f64 / 1440.0).sin();
            times.push(BEGIN + row * MINUTE);
            values.push(50.0 + 10.0 * day + walk + 0.3 * draws.normal());
        }
    }
    (table.times, table.columns) = (times, vec![Column::numbers("y", values)]);
    let rules = Intake { grid: GridRule::Declared(Span(MINUTE)), ..Intake::default() };
    Ok(Panel::take_in(table, &rules).map_err(|refused| anyhow!("{refused:?}"))?.0)
}

/// The 17 features.
pub(crate) fn document() -> Value {
    let stats = ["mean", "std", "min", "max"];
    let rolling = [5, 30, 120].map(|window| json!({ "window": window, "stats": stats }));
    json!({
        "entity_id": "unit", "timestamp": "at", "target": "y", "grid": "1m",
        "temporal_features": {
            "lags": [1, 5, 30, 60],
            "rolling": rolling,
            "ema": [{ "alpha": 0.1 }],
        },
    })
}

pub(crate) fn plan(document: &Value, panel: &Panel) -> Result<Plan> {
    let pipeline = Pipeline::read(document).map_err(|mistakes| anyhow!("{mistakes:?}"))?;
    pipeline
        .plan(&Known::columns_of(panel), panel.step())
        .map_err(|mistakes| anyhow!("{mistakes:?}"))
}

/// Nothing of L1 is learnt; what is fitted says so.
pub(crate) fn fit(plan: &Plan, panel: &Panel) -> Result<Fitted> {
    let until = Timestamp(BEGIN + MINUTE);
    Ok(plan.fit(panel, FitRange { from: Timestamp(BEGIN), until }, Limits::default())?)
}

/// Runs `work` with the program of the 17 features.
pub(crate) fn with_program<T>(
    panel: &Panel,
    work: impl FnOnce(&Program<'_>) -> Result<T>,
) -> Result<T> {
    let plan = plan(&document(), panel)?;
    let fitted = fit(&plan, panel)?;
    work(&Program::new(&plan, &fitted)?)
}
