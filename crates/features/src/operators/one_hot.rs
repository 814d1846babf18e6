//! A column for each category.

use std::collections::BTreeMap;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::mistake::Mistake;
use crate::operator::{
    BadFit, Draft, Fit, Formula, Grade, Operator, Reads, Rows, Sight, Site, Training, Work,
};
use crate::time::Span;

#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Params {
    /// With more categories in the training rows, the most frequent ones have a column.
    #[serde(default = "fifty")]
    #[schemars(range(min = 1, max = 1000))]
    most: u16,
}

fn fifty() -> u16 {
    50
}

pub(crate) struct OneHot;

impl Operator for OneHot {
    const NAME: &'static str = "one_hot";
    const ABOUT: &'static str =
        "a column for each category of the training rows; an unseen one has none";
    const GRADE: Grade = Grade::FoldSafe;
    const SIGHT: Sight = Sight::At;
    const READS: Reads = Reads::Category;
    const EXAMPLE: &'static str = "{}";
    type Params = Params;

    fn draft(params: Params, _: &Site<'_>) -> Result<Draft, Mistake> {
        Ok(Draft {
            // Follows from what is learnt.
            outputs: Vec::new(),
            window: Some(Span(0)),
            work: Work::Fitted(Box::new(params)),
        })
    }
}

#[derive(Serialize, Deserialize)]
struct Categories {
    categories: Vec<String>,
}

impl Fit for Params {
    fn fit(&self, training: &Training<'_>) -> Value {
        let counts = counts(training);
        let mut names: Vec<(&str, usize)> =
            counts.iter().map(|(name, count)| (&***name, *count)).collect();
        names.sort_by_key(|(name, count)| (std::cmp::Reverse(*count), *name));
        names.truncate(usize::from(self.most));
        let mut categories: Vec<String> =
            names.into_iter().map(|(name, _)| name.to_owned()).collect();
        categories.sort_unstable();
        serde_json::json!(Categories { categories })
    }

    fn outputs(&self, learnt: &Value) -> Option<Vec<String>> {
        let learnt = Categories::deserialize(learnt).ok()?;
        Some(learnt.categories)
    }

    fn formula(&self, learnt: &Value) -> Result<Box<dyn Formula>, BadFit> {
        Ok(Box::new(Categories::deserialize(learnt)?))
    }
}

impl Formula for Categories {
    fn apply(&self, rows: &Rows<'_>, out: &mut [&mut [f64]]) {
        let place_of =
            |name: &Arc<str>| self.categories.binary_search_by(|known| (**known).cmp(&**name)).ok();
        let places: Vec<Option<usize>> = rows.labels[0].iter().map(place_of).collect();
        for column in out.iter_mut() {
            column.fill(0.0);
        }
        for (row, code) in rows.inputs[0].iter().enumerate() {
            if let Some(place) = category(*code).and_then(|code| places[code])
                && let Some(column) = out.get_mut(place)
            {
                column[row] = 1.0;
            }
        }
    }
}

/// The index of a category; none where it is missing.
pub(super) fn category(code: f64) -> Option<usize> {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "codes are indices, or missing"
    )]
    (!code.is_nan()).then_some(code as usize)
}

/// How many training rows each category has, by name.
pub(super) fn counts<'a>(training: &Training<'a>) -> BTreeMap<&'a Arc<str>, usize> {
    let mut by_code = vec![0; training.labels[0].len()];
    for code in training.inputs[0].iter().filter_map(|code| category(*code)) {
        by_code[code] += 1;
    }
    let named = training.labels[0].iter().zip(by_code);
    named.filter(|(_, count)| *count > 0).collect()
}
