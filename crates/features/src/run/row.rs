//! One row, online: `emit`, then `absorb`.

use std::sync::Arc;

use super::live::{LateRow, Live};
use super::program::{Action, Home, Program, Step, Unfit};
use super::series::EntityState;
use crate::operator::{Formula, Rows};
use crate::time::Timestamp;

/// A value of a row.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Cell<'a> {
    /// A number; NaN is missing.
    Number(f64),
    /// A category.
    Category(&'a str),
    /// Nothing.
    Missing,
}

impl Program<'_> {
    /// Computes the features of one row, and remembers what later rows need. Columns that the row does not have are missing.
    pub fn row(
        &self,
        live: &mut Live,
        entity: &str,
        at: Timestamp,
        cells: &[(&str, Cell<'_>)],
    ) -> Result<Vec<f64>, LateRow> {
        let name: Arc<str> = Arc::from(entity);
        let known = live.entities.get(&name).and_then(|state| state.last);
        let of_all = live.pooled.iter().filter_map(super::pool::PooledState::newest).max();
        // Another entity may have a row of the newest time, too.
        let last = known.max(of_all.map(|newest| newest - 1));
        if let Some(last) = last.filter(|last| at.0 <= *last) {
            return Err(LateRow::NotLater { entity: name, at, last: Timestamp(last) });
        }
        let RowValues { mut values, labels } = self.read(cells)?;
        let state =
            live.entities.entry(Arc::clone(&name)).or_insert_with(|| EntityState::new(self));
        state.first.get_or_insert(at.0);
        state.last = Some(at.0);
        for step in &self.steps {
            let mut out = vec![f64::NAN; step.outputs.len()];
            match &step.action {
                Action::Series { state: place, .. } => {
                    let follower = &mut state.followers[*place];
                    // What it may see at the row lies before the horizon; what it may not see waits.
                    follower.note(at.0, values[step.inputs[0]]);
                    follower.emit(step.horizon(at.0), &mut out);
                }
                Action::Pooled { state: place, .. } => {
                    out[0] = live.pooled[*place].row(step, &name, at.0, values[step.inputs[0]]);
                }
                Action::Formula(formula) => {
                    apply_once(*formula, step, at.0, (&values, &labels), &mut out);
                }
                Action::Fitted(formula) => {
                    apply_once(&**formula, step, at.0, (&values, &labels), &mut out);
                }
            }
            for (place, value) in step.outputs.iter().zip(out) {
                values[*place] = value;
            }
        }
        let mut features = vec![f64::NAN; self.names.len()];
        for (home, value) in self.homes.iter().zip(values) {
            if let Home::Feature(feature) = home {
                features[*feature] = value;
            }
        }
        Ok(features)
    }

    /// The values of the row's columns; a category is the only one of its column, with index 0.
    fn read(&self, cells: &[(&str, Cell<'_>)]) -> Result<RowValues, Unfit> {
        let mut values = vec![f64::NAN; self.homes.len()];
        let mut labels = vec![Vec::new(); self.homes.len()];
        for (place, home) in self.homes.iter().enumerate() {
            let Home::Source(source) = home else { continue };
            let (name, is_category) = &self.sources[*source];
            let cell = cells.iter().find(|(known, _)| known == name).map(|(_, cell)| *cell);
            match (cell, is_category) {
                (None | Some(Cell::Missing), _) => {}
                (Some(Cell::Number(number)), false) => {
                    // As in a panel: one missing value has the bits of another.
                    values[place] = if number.is_nan() { f64::NAN } else { number };
                }
                (Some(Cell::Category(category)), true) => {
                    values[place] = 0.0;
                    labels[place] = vec![Arc::from(category)];
                }
                (Some(Cell::Number(_)), true) => {
                    return Err(Unfit::NoColumn { column: name.clone(), kind: "categories" });
                }
                (Some(Cell::Category(_)), false) => {
                    return Err(Unfit::NoColumn { column: name.clone(), kind: "numbers" });
                }
            }
        }
        Ok(RowValues { values, labels })
    }
}

/// One row's columns.
struct RowValues {
    values: Vec<f64>,
    /// The category of each column that holds one.
    labels: Vec<Vec<Arc<str>>>,
}

fn apply_once(
    formula: &dyn Formula,
    step: &Step<'_>,
    at: i64,
    (values, labels): (&[f64], &[Vec<Arc<str>>]),
    out: &mut [f64],
) {
    let value = |place: &usize| std::slice::from_ref(&values[*place]);
    let inputs: Vec<&[f64]> = step.inputs.iter().map(value).collect();
    let labels: Vec<&[Arc<str>]> = step.inputs.iter().map(|place| &labels[*place][..]).collect();
    let mut columns: Vec<&mut [f64]> = out.iter_mut().map(std::slice::from_mut).collect();
    formula.apply(&Rows { at: &[at], inputs: &inputs, labels: &labels }, &mut columns);
}
