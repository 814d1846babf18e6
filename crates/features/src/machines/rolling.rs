//! Statistics of a sliding window of time.

use super::{History, Stat};
use crate::kernel::{
    Aggregate, Extremes, Line, Seen, Shape, Spread, Summaries, Windows, quantile, reciprocal,
    sweep, sweep_sorted, sweep_spreads,
};
use crate::operator::Machine;
use crate::state::{BadState, StateReader, StateWriter};

/// One column of the window.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Column {
    Of(Stat),
    Quantile(f64),
}

/// What summarises the window for a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Through {
    Spread,
    Extremes,
    Shape,
    Line,
    Order,
}

/// Statistics of what happened in `[at - window, at)`.
#[derive(Clone, Debug)]
pub(crate) struct Rolling {
    window: i64,
    /// With fewer values than this, statistics are missing.
    least: u32,
    /// The step of the grid, for the share of missing values.
    step: Option<i64>,
    columns: Vec<Column>,
    /// When the series began.
    first: Option<i64>,
    history: History,
    windows: Windows,
    extremes: Vec<Extremes>,
}

impl Rolling {
    pub(crate) fn new(window: i64, least: u32, step: Option<i64>, columns: Vec<Column>) -> Self {
        Self {
            window,
            least: least.max(1),
            step,
            columns,
            first: None,
            history: History::default(),
            windows: Windows::default(),
            extremes: Vec::new(),
        }
    }

    fn through(&self, column: Column) -> Through {
        match column {
            Column::Quantile(_) | Column::Of(Stat::Median) => Through::Order,
            Column::Of(Stat::Skew) => Through::Shape,
            Column::Of(Stat::Slope) => Through::Line,
            Column::Of(Stat::Min | Stat::Max) if !self.has_moments() => Through::Extremes,
            Column::Of(
                Stat::Mean
                | Stat::Std
                | Stat::Min
                | Stat::Max
                | Stat::Sum
                | Stat::Count
                | Stat::ShareMissing,
            ) => Through::Spread,
        }
    }

    fn has_moments(&self) -> bool {
        self.columns.iter().any(|column| {
            matches!(
                column,
                Column::Of(Stat::Mean | Stat::Std | Stat::Sum | Stat::Count | Stat::ShareMissing)
            )
        })
    }

    fn needs(&self, through: Through) -> bool {
        self.columns.iter().any(|column| self.through(*column) == through)
    }

    /// The begin of the block before that of `newest`: no later window looks further back.
    fn needed(window: i64, newest: i64) -> i64 {
        (newest.div_euclid(window) - 1).saturating_mul(window)
    }

    /// Writes the statistics of rows, with all that happened before each at hand. Both paths end here.
    fn write(&mut self, rows: &[i64], all: Seen<'_>, out: &mut [&mut [f64]]) {
        if self.needs(Through::Spread) {
            self.write_spreads(rows, all, out);
        }
        if self.needs(Through::Extremes) {
            let (columns, least) = (&self.columns, self.least);
            sweep::<Extremes>(self.window, rows, all, &mut self.extremes, |row, extremes| {
                let is_missing = extremes.count() < least;
                for (column, place) in columns.iter().zip(out.iter_mut()) {
                    let value = match column {
                        Column::Of(Stat::Min) => extremes.min,
                        Column::Of(Stat::Max) => extremes.max,
                        Column::Of(_) | Column::Quantile(_) => continue,
                    };
                    place[row] = if is_missing { f64::NAN } else { value };
                }
            });
        }
        if self.needs(Through::Shape) {
            let place = self.place(Stat::Skew);
            sweep::<Shape>(self.window, rows, all, &mut Vec::new(), |row, shape| {
                out[place][row] = if shape.count() < self.least { f64::NAN } else { shape.skew() };
            });
        }
        if self.needs(Through::Line) {
            let place = self.place(Stat::Slope);
            sweep::<Line>(self.window, rows, all, &mut Vec::new(), |row, line| {
                out[place][row] =
                    if line.count() < self.least { f64::NAN } else { line.slope() * 3600.0 };
            });
        }
        if self.needs(Through::Order) {
            self.write_sorted(rows, all, out);
        }
    }

    fn place(&self, stat: Stat) -> usize {
        let place = self.columns.iter().position(|column| *column == Column::Of(stat));
        place.expect("a summary is needed by a column")
    }

    fn write_spreads(&mut self, rows: &[i64], all: Seen<'_>, out: &mut [&mut [f64]]) {
        let mut room = std::mem::take(&mut self.windows);
        sweep_spreads(self.window, rows, all, &mut room, |row, summaries| match summaries {
            Summaries::One(spread) => self.write_one(row, rows[row], spread, out),
            Summaries::Many(windows) => self.write_many(row, rows, windows, out),
        });
        self.windows = room;
    }

    fn write_one(&self, row: usize, at: i64, spread: &Spread, out: &mut [&mut [f64]]) {
        let is_missing = spread.count() < self.least;
        for (column, place) in self.columns.iter().zip(out.iter_mut()) {
            let Column::Of(stat) = column else { continue };
            let value = match stat {
                Stat::Count => {
                    place[row] = f64::from(spread.count());
                    continue;
                }
                Stat::ShareMissing => {
                    place[row] = self.share_missing(at, spread.count());
                    continue;
                }
                Stat::Mean => spread.mean(),
                Stat::Std => spread.std(),
                Stat::Min => spread.min(),
                Stat::Max => spread.max(),
                Stat::Sum => spread.sum(),
                Stat::Median | Stat::Skew | Stat::Slope => continue,
            };
            place[row] = if is_missing { f64::NAN } else { value };
        }
    }

    /// Writes consecutive rows, one statistic after the other.
    fn write_many(&self, from: usize, rows: &[i64], windows: &Windows, out: &mut [&mut [f64]]) {
        let count = windows.count;
        let places = from..from + windows.mean.len();
        for (column, out) in self.columns.iter().zip(out.iter_mut()) {
            let Column::Of(stat) = column else { continue };
            let out = &mut out[places.clone()];
            match stat {
                Stat::Count => out.fill(f64::from(count)),
                Stat::ShareMissing => {
                    for (place, at) in out.iter_mut().zip(&rows[places.clone()]) {
                        *place = self.share_missing(*at, count);
                    }
                }
                Stat::Median | Stat::Skew | Stat::Slope => {}
                _ if count < self.least => out.fill(f64::NAN),
                Stat::Mean => fill(out, &windows.mean, |mean| windows.origin + mean),
                Stat::Std if count < 2 => out.fill(f64::NAN),
                Stat::Std => {
                    let part = reciprocal(count - 1);
                    fill(out, &windows.squares, |squares| (squares * part).sqrt());
                }
                Stat::Min => out.copy_from_slice(&windows.min),
                Stat::Max => out.copy_from_slice(&windows.max),
                Stat::Sum => {
                    let level = windows.origin * f64::from(count);
                    fill(out, &windows.sum, |sum| level + sum);
                }
            }
        }
    }

    fn share_missing(&self, at: i64, count: u32) -> f64 {
        let (Some(first), Some(step)) = (self.first, self.step) else { return f64::NAN };
        let due = (at - first).min(self.window) / step;
        if due <= 0 { f64::NAN } else { (1.0 - f64::from(count) / due as f64).max(0.0) }
    }

    fn write_sorted(&self, rows: &[i64], all: Seen<'_>, out: &mut [&mut [f64]]) {
        sweep_sorted(self.window, rows, all, |row, sorted| {
            let is_missing = sorted.len() < self.least as usize;
            for (column, place) in self.columns.iter().zip(out.iter_mut()) {
                let share = match column {
                    Column::Quantile(share) => *share,
                    Column::Of(Stat::Median) => 0.5,
                    Column::Of(_) => continue,
                };
                place[row] = if is_missing { f64::NAN } else { quantile(sorted, share) };
            }
        });
    }
}

#[inline]
fn fill(out: &mut [f64], values: &[f64], turn: impl Fn(f64) -> f64) {
    for (place, value) in out.iter_mut().zip(values) {
        *place = turn(*value);
    }
}

impl Machine for Rolling {
    fn emit(&self, at: i64, out: &mut [f64]) {
        let mut columns: Vec<&mut [f64]> = out.iter_mut().map(std::slice::from_mut).collect();
        let mut same = Self::new(self.window, self.least, self.step, self.columns.clone());
        same.first = self.first;
        same.write(&[at], self.history.seen(), &mut columns);
    }

    fn absorb(&mut self, at: i64, value: f64) {
        self.first.get_or_insert(at);
        self.history.push(at, value);
        self.history.forget_lazily(Self::needed(self.window, at));
    }

    fn run(&mut self, rows: &[i64], seen: Seen<'_>, out: &mut [&mut [f64]], is_kept: bool) {
        let Some(last) = rows.last() else { return };
        self.first = self.first.or_else(|| seen.at.first().copied().filter(|at| at < last));
        let mut history = std::mem::take(&mut self.history);
        history.followed_by(seen, |all| self.write(rows, all, out));
        if is_kept {
            let window = self.window;
            history.keep(seen, *last, |newest| Self::needed(window, newest));
        }
        self.history = history;
    }

    fn reset(&mut self) {
        self.first = None;
        self.history.reset();
    }

    fn save(&self, state: &mut StateWriter) {
        state.whole(self.first.unwrap_or(i64::MIN));
        let since = self.history.newest().map_or(0, |newest| Self::needed(self.window, newest));
        self.history.save(since, state);
    }

    fn restore(&mut self, state: &mut StateReader<'_>) -> Result<(), BadState> {
        self.first = Some(state.whole()?).filter(|first| *first != i64::MIN);
        self.history = History::restore(state)?;
        Ok(())
    }
}
