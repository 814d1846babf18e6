//! What the label was, on average, where the category was the same: out of fold, in the order of time.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::one_hot::category;
use crate::mistake::Mistake;
use crate::operator::{
    BadFit, Draft, Fit, Formula, Grade, Operator, Reads, Rows, Sight, Site, Training, Work,
};

#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Params {
    /// The training range is cut into so many stretches of equal length; each is encoded with what was known when it began.
    #[serde(default = "five")]
    #[schemars(range(min = 2, max = 100))]
    cv_folds: u8,
    /// The mean of all labels weighs as much as so many rows of the category.
    #[serde(default = "twenty")]
    #[schemars(range(min = 0.0))]
    smoothing: f64,
}

fn five() -> u8 {
    5
}

fn twenty() -> f64 {
    20.0
}

pub(crate) struct TargetEncoding;

impl Operator for TargetEncoding {
    const NAME: &'static str = "target_encoding";
    const ABOUT: &'static str = "the smoothed mean of labels of the category that were known when the row's stretch of the training range began";
    const GRADE: Grade = Grade::FoldSafe;
    const SIGHT: Sight = Sight::At;
    const READS: Reads = Reads::CategoryAndLabel;
    const EXAMPLE: &'static str = r#"{ "cv_folds": 4, "smoothing": 2.0 }"#;
    type Params = Params;

    fn draft(params: Params, _: &Site<'_>) -> Result<Draft, Mistake> {
        if !(2..=100).contains(&params.cv_folds) {
            return Err(Mistake::new(
                "/cv_folds",
                format!("{} folds are not made", params.cv_folds),
            )
            .hint("write a number from 2 to 100"));
        }
        if !params.smoothing.is_finite() || params.smoothing < 0.0 {
            return Err(Mistake::new("/smoothing", "the smoothing is not 0 or more")
                .hint("write how many rows the mean of all labels weighs, such as 20"));
        }
        Ok(Draft {
            outputs: vec!["target".to_owned()],
            window: None,
            work: Work::Fitted(Box::new(params)),
        })
    }
}

/// What was known at a time.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Table {
    /// From when it is used.
    from: i64,
    /// The mean of all labels; absent where none was known.
    all: Option<f64>,
    categories: BTreeMap<String, f64>,
}

#[derive(Serialize, Deserialize)]
struct Tables {
    /// In the order of time.
    tables: Vec<Table>,
}

#[derive(Clone, Copy, Default)]
struct Mean {
    count: f64,
    mean: f64,
}

impl Mean {
    fn push(&mut self, value: f64) {
        self.count += 1.0;
        self.mean += (value - self.mean) / self.count;
    }
}

impl Fit for Params {
    fn fit(&self, training: &Training<'_>) -> Value {
        let (begin, end) = training.range;
        let folds = i64::from(self.cv_folds);
        let length = end.saturating_sub(begin);
        let edge = |fold: i64| begin + length / folds * fold;
        let mut known: Vec<(i64, usize, f64)> = training.inputs[0]
            .iter()
            .zip(training.label.iter().zip(training.label_known))
            .filter(|(_, (label, _))| !label.is_nan())
            .filter_map(|(code, (label, known))| Some((*known, category(*code)?, *label)))
            .collect();
        // Sums are added up in this order, so it must not depend on anything else.
        known.sort_by(|left, right| {
            (left.0, &training.labels[0][left.1])
                .cmp(&(right.0, &training.labels[0][right.1]))
                .then(left.2.total_cmp(&right.2))
        });
        let mut all = Mean::default();
        let mut each = vec![Mean::default(); training.labels[0].len()];
        let mut rest = known.into_iter().peekable();
        let mut tables = vec![Table { from: i64::MIN, ..Table::default() }];
        for fold in 1..=folds {
            let from = if fold == folds { end } else { edge(fold) };
            while let Some((_, code, label)) = rest.next_if(|(known, ..)| *known < from) {
                all.push(label);
                each[code].push(label);
            }
            let categories = each.iter().enumerate().filter(|(_, mean)| mean.count > 0.0);
            let encoded = |mean: &Mean| {
                (mean.count * mean.mean + self.smoothing * all.mean) / (mean.count + self.smoothing)
            };
            let named = |(code, mean): (usize, &Mean)| {
                (training.labels[0][code].to_string(), encoded(mean))
            };
            tables.push(Table {
                from,
                all: (all.count > 0.0).then_some(all.mean),
                categories: categories.map(named).collect(),
            });
        }
        serde_json::json!(Tables { tables })
    }

    fn formula(&self, learnt: &Value) -> Result<Box<dyn Formula>, BadFit> {
        Ok(Box::new(Tables::deserialize(learnt)?))
    }
}

impl Formula for Tables {
    fn apply(&self, rows: &Rows<'_>, out: &mut [&mut [f64]]) {
        let encoded = |table: &Table| -> Vec<f64> {
            let one =
                |name: &std::sync::Arc<str>| table.categories.get(&**name).copied().or(table.all);
            rows.labels[0].iter().map(|name| one(name).unwrap_or(f64::NAN)).collect()
        };
        let mut known: Option<(usize, Vec<f64>)> = None;
        for ((at, code), place) in rows.at.iter().zip(rows.inputs[0]).zip(out[0].iter_mut()) {
            let table = self.tables.partition_point(|table| table.from <= *at).saturating_sub(1);
            let values = match known.take() {
                Some((same, values)) if same == table => values,
                Some(_) | None => encoded(&self.tables[table]),
            };
            *place = category(*code).map_or(f64::NAN, |code| values[code]);
            known = Some((table, values));
        }
    }
}
