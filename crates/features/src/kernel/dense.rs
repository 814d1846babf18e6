//! Windows over blocks without gaps: the same sums, column by column, which a processor does several at a time.

use super::aggregate::{joined_mean, joined_squares, joined_sum, reciprocal};
use super::blocks::{Block, for_each_block, slide};
use super::{Aggregate, Seen, Spread};

/// Summaries of ever more values, in columns.
#[derive(Clone, Debug, Default)]
struct Ladder {
    sum: Vec<f64>,
    mean: Vec<f64>,
    squares: Vec<f64>,
    min: Vec<f64>,
    max: Vec<f64>,
}

impl Ladder {
    fn resize(&mut self, rungs: usize) {
        for column in
            [&mut self.sum, &mut self.mean, &mut self.squares, &mut self.min, &mut self.max]
        {
            column.resize(rungs, 0.0);
        }
    }

    /// Summarises the values one after the other, and writes each summary to its rung.
    fn climb<'a>(&mut self, steps: impl Iterator<Item = (usize, &'a f64)>, rungs: usize) -> Spread {
        self.resize(rungs);
        // Cut to one length, so that the loop has one check for all.
        let (sum, mean) = (&mut self.sum[..rungs], &mut self.mean[..rungs]);
        let squares = &mut self.squares[..rungs];
        let (min, max) = (&mut self.min[..rungs], &mut self.max[..rungs]);
        let mut spread = Spread::empty();
        for (rung, value) in steps {
            spread.push(0, *value);
            if rung < rungs {
                let (_, parts) = spread.parts();
                [sum[rung], mean[rung], squares[rung]] = [parts[1], parts[2], parts[3]];
                [min[rung], max[rung]] = [parts[4], parts[5]];
            }
        }
        spread
    }
}

/// Room that is used again, and the summaries of consecutive windows.
#[derive(Clone, Debug, Default)]
pub struct Windows {
    slow: Vec<Spread>,
    prefixes: Ladder,
    suffixes: Ladder,
    /// How many values each window has.
    pub count: u32,
    /// What means are counted from.
    pub origin: f64,
    /// The sums of deviations from the origin.
    pub sum: Vec<f64>,
    /// The means of deviations from the origin.
    pub mean: Vec<f64>,
    /// The squared deviations from the means.
    pub squares: Vec<f64>,
    /// The smallest values.
    pub min: Vec<f64>,
    /// The largest values.
    pub max: Vec<f64>,
}

/// What a sweep tells of a row, or of consecutive ones.
#[derive(Clone, Copy, Debug)]
pub enum Summaries<'a> {
    /// Of one row.
    One(&'a Spread),
    /// Of consecutive rows.
    Many(&'a Windows),
}

/// Tells the same as [`sweep`](super::sweep) of [`Spread`], to the bit, and of many rows at once where it can.
pub fn sweep_spreads(
    window: i64,
    rows: &[i64],
    seen: Seen<'_>,
    room: &mut Windows,
    mut emit: impl FnMut(usize, Summaries<'_>),
) {
    for_each_block(window, rows, seen, |block| {
        if is_dense(&block, rows, seen.at) {
            let first = room.fill(&block, seen.values);
            emit(block.rows.start, Summaries::One(&first));
            emit(block.rows.start + 1, Summaries::Many(room));
        } else {
            let mut one = |row: usize, spread: &Spread| emit(row, Summaries::One(spread));
            slide(&block, rows, seen, &mut room.slow, &mut one);
        }
    });
}

/// Whether the block before has an observation at each step, and each row one of its own, from the first step on.
fn is_dense(block: &Block, rows: &[i64], at: &[i64]) -> bool {
    let (count, rows) = (block.before.len(), &rows[block.rows.clone()]);
    let Ok(steps) = i64::try_from(count) else { return false };
    // A few rows are done sooner than they are looked through.
    if steps < 2 || rows.len() < 2 || block.window % steps != 0 {
        return false;
    }
    let step = block.window / steps;
    let own = at.get(block.before.end..block.before.end + rows.len());
    let is_regular = |times: &[i64], begin: i64| {
        // Counting has no branch in it.
        let others = times.windows(2).filter(|pair| pair[1] - pair[0] != step).count();
        times[0] == begin && others == 0
    };
    own == Some(rows)
        && is_regular(rows, block.begin)
        && is_regular(&at[block.before.clone()], block.begin - block.window)
}

impl Windows {
    /// Summarises the windows of all rows of a block but the first, and gives that of the first.
    fn fill(&mut self, block: &Block, values: &[f64]) -> Spread {
        let (count, rows) = (block.before.len(), block.rows.len());
        let before = &values[block.before.clone()];
        let suffix = self.suffixes.climb(before.iter().enumerate().rev(), count);
        let own = &values[block.before.end..block.before.end + rows - 1];
        let prefix = self.prefixes.climb((1..).zip(own), rows);
        let (origin, later) = (suffix.parts().1[0], prefix.parts().1[0]);
        self.join(rows - 1, later - origin);
        self.origin = origin;
        self.count = suffix.count();
        suffix
    }

    /// Puts suffix and prefix of each window together; the prefix grows as the suffix shrinks.
    fn join(&mut self, windows: usize, apart: f64) {
        let of_all = self.suffixes.mean.len();
        let part = reciprocal(u32::try_from(of_all).unwrap_or(u32::MAX));
        for column in
            [&mut self.sum, &mut self.mean, &mut self.squares, &mut self.min, &mut self.max]
        {
            column.resize(windows, 0.0);
        }
        let (before, own) = (&self.suffixes, &self.prefixes);
        let ends = 1..windows + 1;
        let (means, own_means) = (&before.mean[ends.clone()], &own.mean[ends.clone()]);
        let (squares, own_squares) = (&before.squares[ends.clone()], &own.squares[ends.clone()]);
        let (sums, own_sums) = (&before.sum[ends.clone()], &own.sum[ends.clone()]);
        let (outer_mean, outer_squares) = (&mut self.mean[..windows], &mut self.squares[..windows]);
        let outer_sum = &mut self.sum[..windows];
        for window in 0..windows {
            let later_count = (window + 1) as f64;
            let share = later_count * part;
            let between = apart + (own_means[window] - means[window]);
            let earlier_count = of_all as f64 - later_count;
            let pair = (squares[window], own_squares[window]);
            outer_mean[window] = joined_mean(means[window], between, share);
            outer_squares[window] = joined_squares(pair, between, earlier_count, share);
            outer_sum[window] = joined_sum(sums[window], own_sums[window], apart, later_count);
        }
        let mins = before.min[ends.clone()].iter().zip(&own.min[ends.clone()]);
        for (place, (earlier, later)) in self.min.iter_mut().zip(mins) {
            *place = if later < earlier { *later } else { *earlier };
        }
        let maxs = before.max[ends.clone()].iter().zip(&own.max[ends]);
        for (place, (earlier, later)) in self.max.iter_mut().zip(maxs) {
            *place = if later > earlier { *later } else { *earlier };
        }
    }
}
