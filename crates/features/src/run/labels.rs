//! Labels: what is predicted, and when that became known.

use crate::panel::Panel;
use crate::pipeline::{Plan, TargetForm};
use crate::run::program::Unfit;
use crate::time::Span;

/// The labels of one horizon.
#[derive(Clone, Debug, PartialEq)]
pub struct Label {
    /// How far ahead.
    pub horizon: Span,
    /// What is predicted, in the form of the pipeline; missing where the target is, or where it lies beyond the rows.
    pub values: Vec<f64>,
    /// The target itself.
    pub levels: Vec<f64>,
    /// What the form is relative to: the last value of the target that was known at the row.
    pub base: Vec<f64>,
    /// When the label became known, in microseconds since 1970.
    pub known: Vec<i64>,
}

impl Label {
    /// The target, from what was predicted for a row.
    pub fn level(&self, form: TargetForm, row: usize, predicted: f64) -> f64 {
        match form {
            TargetForm::Level | TargetForm::Class => predicted,
            TargetForm::Difference => self.base[row] + predicted,
            TargetForm::Ratio => self.base[row] * (1.0 + predicted),
        }
    }
}

/// The labels of all horizons.
#[derive(Clone, Debug, PartialEq)]
pub struct Labels {
    /// One for each horizon.
    pub horizons: Vec<Label>,
}

impl Plan {
    /// The labels of the rows of a panel.
    pub fn labels(&self, panel: &Panel) -> Result<Labels, Unfit> {
        let horizons: Result<Vec<Label>, Unfit> =
            self.horizons.iter().map(|horizon| self.label(panel, *horizon)).collect();
        Ok(Labels { horizons: horizons? })
    }

    fn label(&self, panel: &Panel, horizon: Span) -> Result<Label, Unfit> {
        let missing = |column: &str, kind| Unfit::NoColumn { column: column.to_owned(), kind };
        let target =
            panel.column(&self.file.target).ok_or_else(|| missing(&self.file.target, "numbers"))?;
        let label_time = match &self.file.targets.label_time {
            Some(name) => Some(panel.column(name).ok_or_else(|| missing(name, "times"))?),
            None => None,
        };
        let rows = panel.rows();
        let mut label = Label {
            horizon,
            values: vec![f64::NAN; rows],
            levels: vec![f64::NAN; rows],
            base: vec![f64::NAN; rows],
            known: Vec::with_capacity(rows),
        };
        let delay = self.file.targets.delay.0;
        for entity in 0..panel.entities().len() {
            let range = panel.rows_of(entity);
            let (times, values) = (&panel.times[range.clone()], &target.values[range.clone()]);
            let (mut ahead, mut known, mut base) = (0, 0, f64::NAN);
            for (index, at) in times.iter().enumerate() {
                while ahead < times.len() && times[ahead] < at + horizon.0 {
                    ahead += 1;
                }
                // The row's own value is what is predicted where nothing lies ahead.
                let until = if horizon.0 > 0 { at - delay + 1 } else { at - delay };
                while known < times.len() && times[known] < until {
                    base = if values[known].is_nan() { base } else { values[known] };
                    known += 1;
                }
                let row = range.start + index;
                if times.get(ahead) == Some(&(at + horizon.0)) {
                    label.levels[row] = values[ahead];
                }
                label.base[row] = base;
                label.values[row] = in_form(self.form(), label.levels[row], base);
                let own =
                    label_time.map(|column| column.values[row]).filter(|known| !known.is_nan());
                #[expect(
                    clippy::cast_possible_truncation,
                    reason = "a column of times holds whole microseconds"
                )]
                label.known.push(own.map_or(at + horizon.0 + delay, |known| known as i64));
            }
        }
        Ok(label)
    }
}

fn in_form(form: TargetForm, level: f64, base: f64) -> f64 {
    match form {
        TargetForm::Level | TargetForm::Class => level,
        TargetForm::Difference => level - base,
        TargetForm::Ratio if base == 0.0 => f64::NAN,
        TargetForm::Ratio => level / base - 1.0,
    }
}
