//! Values at exact distances in time.

use super::History;
use crate::kernel::Seen;
use crate::operator::Machine;
use crate::state::{BadState, StateReader, StateWriter};

/// The values at `at - distance`, for each distance; missing where nothing happened just then.
#[derive(Clone, Debug)]
pub(crate) struct Lookup {
    distances: Vec<i64>,
    history: History,
}

impl Lookup {
    pub(crate) fn new(distances: Vec<i64>) -> Self {
        Self { distances, history: History::default() }
    }

    fn needed(&self, newest: i64) -> i64 {
        newest.saturating_sub(self.distances.iter().copied().max().unwrap_or(0))
    }
}

/// Rows that are compared at once.
const STRETCH: usize = 128;

/// One distance: walks through both, which are sorted, and in long strides where neither has a gap.
fn walk(distance: i64, rows: &[i64], seen: Seen<'_>, out: &mut [f64]) {
    let (mut index, mut next) = (0, 0);
    while index < rows.len() {
        let wanted = rows[index] - distance;
        while next < seen.at.len() && seen.at[next] < wanted {
            next += 1;
        }
        let stretch = STRETCH.min(rows.len() - index).min(seen.at.len() - next);
        let (ahead, behind) = (&rows[index..index + stretch], &seen.at[next..next + stretch]);
        let pairs = ahead.iter().zip(behind);
        if stretch > 1 && pairs.filter(|(row, at)| **row - distance != **at).count() == 0 {
            out[index..index + stretch].copy_from_slice(&seen.values[next..next + stretch]);
            (index, next) = (index + stretch, next + stretch);
            continue;
        }
        // Somewhere in the stretch is a gap: one row after the other.
        for (row, place) in ahead.iter().zip(&mut out[index..]) {
            let wanted = row - distance;
            while next < seen.at.len() && seen.at[next] < wanted {
                next += 1;
            }
            let is_there = seen.at.get(next) == Some(&wanted);
            *place = if is_there { seen.values[next] } else { f64::NAN };
        }
        if stretch == 0 {
            out[index..].fill(f64::NAN);
            return;
        }
        index += stretch;
    }
}

impl Machine for Lookup {
    fn emit(&self, at: i64, out: &mut [f64]) {
        let seen = self.history.seen();
        for (distance, place) in self.distances.iter().zip(out) {
            *place = match seen.at.binary_search(&(at - distance)) {
                Ok(index) => seen.values[index],
                Err(_) => f64::NAN,
            };
        }
    }

    fn absorb(&mut self, at: i64, value: f64) {
        self.history.push(at, value);
        self.history.forget_lazily(self.needed(at));
    }

    fn run(&mut self, rows: &[i64], seen: Seen<'_>, out: &mut [&mut [f64]], is_kept: bool) {
        let Some(last) = rows.last() else { return };
        self.history.followed_by(seen, |all| {
            for (distance, column) in self.distances.iter().zip(out) {
                walk(*distance, rows, all, column);
            }
        });
        if is_kept {
            let furthest = self.distances.iter().copied().max().unwrap_or(0);
            self.history.keep(seen, *last, |newest| newest.saturating_sub(furthest));
        }
    }

    fn reset(&mut self) {
        self.history.reset();
    }

    fn save(&self, state: &mut StateWriter) {
        let since = self.history.newest().map_or(0, |newest| self.needed(newest));
        self.history.save(since, state);
    }

    fn restore(&mut self, state: &mut StateReader<'_>) -> Result<(), BadState> {
        self.history = History::restore(state)?;
        Ok(())
    }
}
