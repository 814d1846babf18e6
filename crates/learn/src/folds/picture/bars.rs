//! What rows are, along the time.

use super::super::{Fold, Folds};
use crate::clock::Clock;
use crate::rows::RowSet;
use crate::time::{Stretch, Timestamp};

/// The time is divided into so many cells: finer than the picture.
const CELLS: usize = 1600;

/// One fold.
pub(super) struct Bar {
    pub(super) name: String,
    pub(super) is_inner: bool,
    pub(super) pieces: Vec<Piece>,
    /// How many rows train, are purged, are in the embargo, test.
    pub(super) rows: [usize; 4],
}

impl Bar {
    pub(super) fn height(&self) -> f64 {
        if self.is_inner { 9.0 } else { 20.0 }
    }

    /// From the top of this bar to that of the next.
    pub(super) fn pitch(&self) -> f64 {
        if self.is_inner { 13.0 } else { 28.0 }
    }
}

/// A stretch of time in which rows of some entities have one role: `share` of the bar's height, below `above` of it.
pub(super) struct Piece {
    pub(super) role: usize,
    pub(super) stretch: Stretch,
    pub(super) above: f64,
    pub(super) share: f64,
}

/// The time of all folds, and a bar for each: inner ones below their outer one.
pub(super) fn bars(folds: &Folds, clock: &Clock<'_>) -> (Stretch, Vec<Bar>) {
    let first = clock.event.iter().min().copied().unwrap_or_default();
    let last = clock.event.iter().max().copied().unwrap_or_default();
    let mut whole = Stretch::new(first, Timestamp(last.0 + 1));
    for stretch in folds.folds.iter().flat_map(|fold| &fold.tested) {
        whole.until =
            whole.until.max(stretch.until.min(Timestamp(last.0 + (last.0 - first.0) / 20)));
    }
    let mut bars = Vec::new();
    for fold in &folds.folds {
        bars.push(bar(fold, clock, whole, false));
        bars.extend(fold.inner.iter().map(|inner| bar(inner, clock, whole, true)));
    }
    (whole, bars)
}

fn bar(fold: &Fold, clock: &Clock<'_>, whole: Stretch, is_inner: bool) -> Bar {
    let sets: [&RowSet; 4] = [&fold.train, &fold.purged, &fold.embargoed, &fold.test];
    let length = i128::from((whole.until.0 - whole.from.0).max(1));
    let mut cells = vec![[0_usize; 4]; CELLS];
    for (role, rows) in sets.iter().enumerate() {
        for row in rows.iter() {
            let after = i128::from(clock.event[row].0 - whole.from.0);
            let cell = usize::try_from(after * CELLS as i128 / length).unwrap_or(0);
            cells[cell.min(CELLS - 1)][role] += 1;
        }
    }
    Bar {
        name: fold.name.clone(),
        is_inner,
        pieces: pieces(&cells, whole),
        rows: sets.map(RowSet::len),
    }
}

fn pieces(cells: &[[usize; 4]], whole: Stretch) -> Vec<Piece> {
    let roles = |counts: &[usize; 4]| counts.map(|count| count > 0);
    let at = |cell: usize| {
        let length = i128::from(whole.until.0 - whole.from.0);
        let after = length * cell as i128 / CELLS as i128;
        Timestamp(whole.from.0 + i64::try_from(after).unwrap_or(i64::MAX))
    };
    let filled: Vec<usize> =
        (0..cells.len()).filter(|cell| cells[*cell].iter().any(|count| *count > 0)).collect();
    // Sparse rows leave cells empty between them; the longest pause that is usual is no hole.
    let mut pauses: Vec<usize> = filled.windows(2).map(|pair| pair[1] - pair[0]).collect();
    pauses.sort_unstable();
    let usual = pauses.get(pauses.len() * 9 / 10).map_or(1, |pause| pause * 2);
    let mut pieces = Vec::new();
    let mut index = 0;
    while index < filled.len() {
        let start = filled[index];
        let mut counts = cells[start];
        let mut end = index + 1;
        while end < filled.len()
            && filled[end] - filled[end - 1] <= usual
            && roles(&cells[filled[end]]) == roles(&cells[start])
        {
            counts = std::array::from_fn(|role| counts[role] + cells[filled[end]][role]);
            end += 1;
        }
        let next = filled.get(end).copied().filter(|next| *next - filled[end - 1] <= usual);
        let until = next.unwrap_or(filled[end - 1] + 1);
        stack(counts, Stretch::new(at(start), at(until)), &mut pieces);
        index = end;
    }
    pieces
}

/// The roles of one stretch above each other, by their rows.
fn stack(counts: [usize; 4], stretch: Stretch, pieces: &mut Vec<Piece>) {
    let all = counts.iter().sum::<usize>() as f64;
    let mut above = 0.0;
    for (role, count) in counts.iter().enumerate().filter(|(_, count)| **count > 0) {
        let share = *count as f64 / all;
        pieces.push(Piece { role, stretch, above, share });
        above += share;
    }
}
