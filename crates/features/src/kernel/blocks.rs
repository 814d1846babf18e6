//! Sliding windows of time as a suffix and a prefix of blocks.

use std::ops::Range;

use super::{Aggregate, Seen};

/// Tells `emit`, for each of `rows`, the summary of what happened in `[row - window, row)`.
///
/// `rows` and `seen` are sorted, and `seen` has no missing values. It must begin no later than the block before the first row's, or with the
/// first observation that there is. `suffixes` is room that is used again.
pub fn sweep<A: Aggregate>(
    window: i64,
    rows: &[i64],
    seen: Seen<'_>,
    suffixes: &mut Vec<A>,
    mut emit: impl FnMut(usize, &A),
) {
    for_each_block(window, rows, seen, |block| slide(&block, rows, seen, suffixes, &mut emit));
}

/// Rows of one block of time.
pub(super) struct Block {
    pub(super) window: i64,
    /// When it begins.
    pub(super) begin: i64,
    pub(super) rows: Range<usize>,
    /// The observations of the block before; its own follow.
    pub(super) before: Range<usize>,
}

pub(super) fn for_each_block(
    window: i64,
    rows: &[i64],
    seen: Seen<'_>,
    mut work: impl FnMut(Block),
) {
    let (mut index, mut first, mut next) = (0, 0, 0);
    while let Some(row) = rows.get(index) {
        let begin = row.div_euclid(window).saturating_mul(window);
        next += count_before(&seen.at[next..], begin);
        first += count_before(&seen.at[first..next], begin.saturating_sub(window));
        let count = count_before(&rows[index..], begin.saturating_add(window));
        work(Block { window, begin, rows: index..index + count, before: first..next });
        index += count;
    }
}

/// Row after row, whatever lies between them.
pub(super) fn slide<A: Aggregate>(
    block: &Block,
    rows: &[i64],
    seen: Seen<'_>,
    suffixes: &mut Vec<A>,
    emit: &mut impl FnMut(usize, &A),
) {
    let Range { start: first, end } = block.before;
    fill_suffixes(seen, first, end, suffixes);
    let mut prefix = A::empty();
    // The observations from `oldest` on are in the window; those up to `next` have happened.
    let (mut oldest, mut next) = (first, end);
    for index in block.rows.clone() {
        let row = rows[index];
        while let Some(&at) = seen.at.get(next)
            && at < row
        {
            prefix.push(at, seen.values[next]);
            next += 1;
        }
        while oldest < end && seen.at[oldest] < row - block.window {
            oldest += 1;
        }
        match suffixes.get(oldest - first) {
            Some(suffix) => emit(index, &suffix.merge(prefix)),
            None => emit(index, &prefix),
        }
    }
}

/// How many sorted times lie before `bound`, looked for in growing steps: usually they are few.
fn count_before(times: &[i64], bound: i64) -> usize {
    let mut reach = 1;
    while reach < times.len() && times[reach] < bound {
        reach *= 2;
    }
    let from = reach / 2;
    let to = times.len().min(reach + 1);
    if from >= to {
        return times.partition_point(|at| *at < bound);
    }
    from + times[from..to].partition_point(|at| *at < bound)
}

/// The summaries of `i..block` for each `i` of `first..block`, put together from the end.
fn fill_suffixes<A: Aggregate>(seen: Seen<'_>, first: usize, block: usize, suffixes: &mut Vec<A>) {
    suffixes.clear();
    suffixes.resize(block - first, A::empty());
    let mut suffix = A::empty();
    let (at, values) = (&seen.at[first..block], &seen.values[first..block]);
    for ((place, at), value) in suffixes.iter_mut().zip(at).zip(values).rev() {
        suffix.push(*at, *value);
        *place = suffix;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::Spread;
    use super::*;

    #[test]
    fn times_before_a_bound_are_counted() {
        let times: Vec<i64> = (0..50).map(|row| row * 3).collect();

        for bound in -2..160 {
            let slow = times.iter().filter(|at| **at < bound).count();
            assert_eq!(count_before(&times, bound), slow, "{bound}");
            assert_eq!(count_before(&times[..1], bound), usize::from(bound > 0));
        }
        assert_eq!(count_before(&[], 5), 0);
    }

    fn sorted_times() -> impl Strategy<Value = Vec<i64>> {
        proptest::collection::btree_set(-500..500i64, 1..80)
            .prop_map(|times| times.into_iter().collect())
    }

    proptest! {
        #[test]
        fn a_sweep_summarises_exactly_what_lies_in_each_window(
            at in sorted_times(), rows in sorted_times(), window in 1..200i64,
        ) {
            let values: Vec<f64> = at.iter().map(|at| (*at * 37 % 101) as f64).collect();
            let mut found = Vec::new();

            sweep::<Spread>(window, &rows, Seen { at: &at, values: &values }, &mut Vec::new(), |_, spread| {
                found.push((spread.count(), spread.sum(), spread.min()));
            });

            for (row, (count, sum, min)) in rows.iter().zip(found) {
                let inside: Vec<f64> = at.iter().zip(&values)
                    .filter(|(at, _)| row - window <= **at && **at < *row).map(|(_, value)| *value).collect();
                prop_assert_eq!(count as usize, inside.len());
                prop_assert!((sum - inside.iter().sum::<f64>()).abs() < 1e-9);
                prop_assert_eq!(min.to_bits(), inside.iter().copied().fold(f64::INFINITY, f64::min).to_bits());
            }
        }

        #[test]
        fn where_a_sweep_begins_changes_no_bit(
            at in sorted_times(), window in 1..60i64, from in 0..80usize,
        ) {
            let values: Vec<f64> = at.iter().map(|at| (*at as f64 * 0.37).sin() * 1e3).collect();
            let from = from.min(at.len() - 1);
            let start = (at[from].div_euclid(window) - 1) * window;
            let kept = at.partition_point(|at| *at < start);
            let bits = |rows: &[i64], seen: Seen<'_>| {
                let mut bits = Vec::new();
                sweep::<Spread>(window, rows, seen, &mut Vec::new(), |_, spread| {
                    bits.push((spread.mean().to_bits(), spread.std().to_bits()));
                });
                bits
            };

            let whole = bits(&at, Seen { at: &at, values: &values });
            let part = bits(&at[from..], Seen { at: &at[kept..], values: &values[kept..] });

            prop_assert_eq!(&whole[from..], &part[..]);
        }
    }
}
