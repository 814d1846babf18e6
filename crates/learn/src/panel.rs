//! A raw panel, as features are made of it: series of entities with columns that have clocks of their own.

use crate::mistake::Mistakes;
use crate::time::{Span, Timestamp};

/// A column of a panel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PanelColumn {
    /// Its name.
    pub name: String,
    /// How long after the event a value can be read. Below 0: known ahead by so much. [`PanelColumn::ALWAYS`]: static.
    pub delay: Span,
}

impl PanelColumn {
    /// The delay of what never changes and was always known.
    pub const ALWAYS: Span = Span(i64::MIN);

    /// When the value of an event can be read.
    pub fn known(&self, event: Timestamp) -> Timestamp {
        event + self.delay
    }
}

/// The values of one column in one series.
#[derive(Clone, Debug, PartialEq)]
pub enum Cells {
    /// Numbers; NaN is missing.
    Numbers(Vec<f64>),
    /// Words, such as categories.
    Words(Vec<Option<String>>),
    /// Moments.
    Times(Vec<Option<Timestamp>>),
}

impl Cells {
    /// How many there are.
    pub fn len(&self) -> usize {
        match self {
            Self::Numbers(values) => values.len(),
            Self::Words(values) => values.len(),
            Self::Times(values) => values.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The cells of some rows.
    #[must_use]
    pub fn slice(&self, rows: std::ops::Range<usize>) -> Self {
        match self {
            Self::Numbers(values) => Self::Numbers(values[rows].to_vec()),
            Self::Words(values) => Self::Words(values[rows].to_vec()),
            Self::Times(values) => Self::Times(values[rows].to_vec()),
        }
    }
}

/// The rows of one entity, in the order of their times.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// The entity.
    pub entity: String,
    /// When each row happened, rising.
    pub event: Vec<Timestamp>,
    /// One for each column of the panel.
    pub cells: Vec<Cells>,
}

impl Series {
    /// Some of its rows.
    #[must_use]
    pub fn slice(&self, rows: std::ops::Range<usize>) -> Self {
        Self {
            entity: self.entity.clone(),
            event: self.event[rows.clone()].to_vec(),
            cells: self.cells.iter().map(|cells| cells.slice(rows.clone())).collect(),
        }
    }

    /// How many rows happened by a time.
    pub fn until(&self, at: Timestamp) -> usize {
        self.event.partition_point(|event| *event <= at)
    }
}

/// A raw panel.
#[derive(Clone, Debug, PartialEq)]
pub struct Panel {
    /// The columns.
    pub columns: Vec<PanelColumn>,
    /// The position of the column that is to be predicted: of numbers.
    pub target: usize,
    /// One for each entity.
    pub series: Vec<Series>,
}

impl Panel {
    /// How many rows there are.
    pub fn rows(&self) -> usize {
        self.series.iter().map(|series| series.event.len()).sum()
    }

    /// The values of the target in one series.
    pub fn target_of<'a>(&self, series: &'a Series) -> &'a [f64] {
        match &series.cells[self.target] {
            Cells::Numbers(values) => values,
            Cells::Words(_) | Cells::Times(_) => &[],
        }
    }

    /// The same columns with other series.
    #[must_use]
    pub fn with(&self, series: Vec<Series>) -> Self {
        Self { columns: self.columns.clone(), target: self.target, series }
    }

    /// Refuses what is no panel.
    ///
    /// # Errors
    /// All that is wrong.
    pub fn check(&self) -> Result<(), Mistakes> {
        let mut mistakes = Mistakes::default();
        if self.target >= self.columns.len() {
            mistakes.add("target", format!("there is no column {}", self.target));
        }
        let mut names: Vec<&str> =
            self.series.iter().map(|series| series.entity.as_str()).collect();
        names.sort_unstable();
        if let Some([entity, ..]) = names.windows(2).find(|pair| pair[0] == pair[1]) {
            mistakes.add("series", format!("`{entity}` comes twice"));
        }
        for series in &self.series {
            let place = format!("series.{}", series.entity);
            let rows = series.event.len();
            if series.cells.len() != self.columns.len() {
                let message = format!(
                    "has {} columns, the panel has {}",
                    series.cells.len(),
                    self.columns.len()
                );
                mistakes.add(place.clone(), message);
                continue;
            }
            for (column, cells) in self.columns.iter().zip(&series.cells) {
                if cells.len() != rows {
                    let message =
                        format!("`{}` has {} values for {rows} rows", column.name, cells.len());
                    mistakes.add(place.clone(), message);
                }
            }
            if let Some(row) = (1..rows).find(|row| series.event[*row] <= series.event[row - 1]) {
                mistakes
                    .add(
                        place.clone(),
                        format!("{} does not come after the row before it", series.event[row]),
                    )
                    .hint("sort by time, and drop or merge rows of one time");
            }
            if series
                .cells
                .get(self.target)
                .is_some_and(|cells| !matches!(cells, Cells::Numbers(_)))
            {
                mistakes.add(place, "the target is no column of numbers");
            }
        }
        mistakes.check()
    }
}
