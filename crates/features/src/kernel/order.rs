//! Sliding windows in order of size, for medians and quantiles.

use super::Seen;

/// Tells `emit`, for each of `rows`, the sorted values of `[row - window, row)`; gives how many observations lie before the last row.
pub fn sweep_sorted(
    window: i64,
    rows: &[i64],
    seen: Seen<'_>,
    mut emit: impl FnMut(usize, &[f64]),
) -> usize {
    let mut sorted: Vec<f64> = Vec::new();
    let (mut oldest, mut next) = (0, 0);
    for (index, &row) in rows.iter().enumerate() {
        while seen.at.get(next).is_some_and(|at| *at < row) {
            let value = seen.values[next];
            let place = sorted.partition_point(|other| other.total_cmp(&value).is_lt());
            sorted.insert(place, value);
            next += 1;
        }
        while oldest < next && seen.at[oldest] < row - window {
            let value = seen.values[oldest];
            let place = sorted.partition_point(|other| other.total_cmp(&value).is_lt());
            sorted.remove(place);
            oldest += 1;
        }
        emit(index, &sorted);
    }
    next
}

/// The value below which a share of sorted values lies, linear between two of them; missing for none.
pub fn quantile(sorted: &[f64], share: f64) -> f64 {
    let Some(last) = sorted.len().checked_sub(1) else {
        return f64::NAN;
    };
    let place = share * last as f64;
    let below = place.floor();
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a share of an index is an index"
    )]
    let index = (below as usize).min(last);
    let low = sorted[index];
    match sorted.get(index + 1) {
        Some(high) if place > below => low + (high - low) * (place - below),
        _ => low,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_those_of_numpy() {
        // numpy 2.4: np.quantile([1, 2, 4, 8], [0, .25, .5, .9, 1])
        let sorted = [1.0, 2.0, 4.0, 8.0];
        for (share, expected) in [(0.0, 1.0), (0.25, 1.75), (0.5, 3.0), (0.9, 6.8), (1.0, 8.0)] {
            assert!((quantile(&sorted, share) - expected).abs() < 1e-12, "{share}");
        }
        assert!(quantile(&[], 0.5).is_nan());
        assert!((quantile(&[3.0], 0.9) - 3.0).abs() < 1e-300);
    }

    #[test]
    fn a_sorted_window_holds_what_lies_in_it_and_nothing_else() {
        let at = [0, 10, 20, 30];
        let values = [5.0, 1.0, 1.0, 9.0];
        let mut windows = Vec::new();

        sweep_sorted(20, &[10, 20, 30, 45], Seen { at: &at, values: &values }, |_, sorted| {
            windows.push(sorted.to_vec());
        });

        assert_eq!(windows, [vec![5.0], vec![1.0, 5.0], vec![1.0, 1.0], vec![9.0]]);
    }
}
