//! Ways to change what was not known yet.

use crate::panel::{Cells, Panel, PanelColumn, Series};
use crate::seed::{Draws, Seed};
use crate::time::{Span, Timestamp};

/// A way to change the future of a series.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Adversary {
    /// Noise of a million times the size.
    Noise,
    /// The other sign.
    Flip,
    /// Nothing there.
    Missing,
    /// Infinite, of both signs.
    Infinite,
    /// No rows after the cut.
    Deleted,
    /// More rows between the others, with categories that were never seen.
    Added,
}

impl Adversary {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Noise, Self::Flip, Self::Missing, Self::Infinite, Self::Deleted, Self::Added];

    /// Changes all that was not known at the cut, and nothing else: rows after it, and values of earlier rows that are published later.
    #[must_use]
    pub fn change(self, panel: &Panel, series: &Series, cut: Timestamp, seed: Seed) -> Series {
        let mut draws = seed.derive(&series.entity).draws();
        let mut changed = series.clone();
        for (column, cells) in panel.columns.iter().zip(&mut changed.cells) {
            if column.delay == PanelColumn::ALWAYS {
                continue;
            }
            for (row, event) in series.event.iter().enumerate() {
                if column.known(*event) > cut {
                    self.change_cell(cells, row, &mut draws);
                }
            }
        }
        match self {
            Self::Deleted => changed.slice(0..series.until(cut)),
            Self::Added => with_rows_between(&changed, series.until(cut), &mut draws),
            Self::Noise | Self::Flip | Self::Missing | Self::Infinite => changed,
        }
    }

    fn change_cell(self, cells: &mut Cells, row: usize, draws: &mut Draws) {
        match cells {
            Cells::Numbers(values) => {
                let value = values[row];
                let size = if value.is_finite() { value.abs().max(1.0) } else { 1.0 };
                values[row] = match self {
                    Self::Noise | Self::Added => size * 1e6 * draws.normal(),
                    // 0 has no other sign.
                    Self::Flip if value == 0.0 => -1.0,
                    Self::Flip => -value,
                    Self::Missing | Self::Deleted => f64::NAN,
                    Self::Infinite if draws.bits() & 1 == 0 => f64::INFINITY,
                    Self::Infinite => f64::NEG_INFINITY,
                };
            }
            Cells::Words(values) => {
                values[row] = match self {
                    Self::Missing | Self::Deleted => None,
                    Self::Noise | Self::Flip | Self::Infinite | Self::Added => {
                        Some(format!("never seen {}", draws.below(1000)))
                    }
                };
            }
            Cells::Times(values) => {
                values[row] = match self {
                    Self::Missing | Self::Deleted => None,
                    Self::Noise | Self::Flip | Self::Infinite | Self::Added => {
                        values[row].map(|at| {
                            at + Span::days(1 + i64::try_from(draws.below(5000)).unwrap_or(0))
                        })
                    }
                };
            }
        }
    }
}

/// A row in the middle between each two of the future, like the later of them.
fn with_rows_between(series: &Series, from: usize, draws: &mut Draws) -> Series {
    let mut rows: Vec<(Timestamp, usize)> =
        series.event.iter().copied().enumerate().map(|(row, at)| (at, row)).collect();
    for row in from.max(1)..series.event.len() {
        let (before, at) = (series.event[row - 1], series.event[row]);
        // Not between the last row before the cut and the first one after it: that could be before the cut.
        let middle = before + Span((at - before).0 / 2);
        if row > from && middle > before && middle < at {
            rows.push((middle, row));
        }
    }
    let last = series.event.len();
    if let Some(newest) = series.event.last().filter(|_| last > from) {
        for extra in 1..=3 {
            rows.push((
                *newest + Span::hours(extra + i64::try_from(draws.below(3)).unwrap_or(0) * 4),
                last - 1,
            ));
        }
    }
    rows.sort_unstable();
    rows.dedup_by_key(|(at, _)| *at);
    let pick = |cells: &Cells| match cells {
        Cells::Numbers(values) => {
            Cells::Numbers(rows.iter().map(|(_, row)| values[*row]).collect())
        }
        Cells::Words(values) => {
            Cells::Words(rows.iter().map(|(_, row)| values[*row].clone()).collect())
        }
        Cells::Times(values) => Cells::Times(rows.iter().map(|(_, row)| values[*row]).collect()),
    };
    Series {
        entity: series.entity.clone(),
        event: rows.iter().map(|(at, _)| *at).collect(),
        cells: series.cells.iter().map(pick).collect(),
    }
}
