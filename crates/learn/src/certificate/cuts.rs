//! Where the future begins, for a test.

use crate::panel::{Panel, Series};
use crate::time::{Span, Timestamp};

/// The cuts of one series, as the last row of the past: quantiles first, then around gaps and at fold boundaries.
pub(crate) fn cuts(series: &Series, quantiles: usize, boundaries: &[Timestamp]) -> Vec<usize> {
    /// At most so many gaps are looked at.
    const MOST_GAPS: usize = 4;
    let (rows, quantiles) = (series.event.len(), quantiles.max(1));
    let mut cuts: Vec<usize> = (0..quantiles)
        // From a third to nearly all: what is fitted needs rows before the first cut.
        .map(|cut| rows * (33 + cut * 62 / (quantiles - 1).max(1)) / 100)
        .collect();
    let step = typical_step(series);
    let is_gap = |row: &usize| (series.event[*row] - series.event[row - 1]).0 > 3 * step.0;
    let first = cuts[0];
    let gaps = (first.max(1)..rows).filter(is_gap).take(MOST_GAPS);
    cuts.extend(gaps.flat_map(|row| [row - 1, row]));
    for boundary in boundaries {
        let before = series.event.partition_point(|at| at < boundary);
        cuts.extend(before.checked_sub(1).filter(|row| *row >= first));
    }
    let mut seen = std::collections::BTreeSet::new();
    cuts.retain(|row| row + 1 < rows && seen.insert(*row));
    cuts
}

/// The distance between rows that is in the middle of all.
pub(crate) fn typical_step(series: &Series) -> Span {
    let mut steps: Vec<Span> = series.event.windows(2).map(|pair| pair[1] - pair[0]).collect();
    steps.sort_unstable();
    steps.get(steps.len() / 2).copied().unwrap_or(Span(1))
}

/// The typical step of the longest series.
pub(crate) fn step_of(panel: &Panel) -> Span {
    panel.series.iter().max_by_key(|series| series.event.len()).map_or(Span(1), typical_step)
}
