//! Quantiles of a column of numbers.

use std::collections::BTreeMap;

use crate::quality::column::{Column, ColumnInfo};
use crate::quality::error::AuditError;
use crate::quality::measure::{Measure, Rows};

/// Measures how the values of a column are distributed.
pub(crate) struct Distribution {
    pub(crate) column: ColumnInfo,
    /// Up to so many values are kept as they are.
    pub(crate) exact: usize,
}

impl Distribution {
    /// 32 MiB of values for a column.
    pub(crate) const EXACT: usize = 4 << 20;
}

/// The values, or beyond a limit of memory how many there are in each of narrow buckets.
///
/// Which of the two depends on the count of all values alone, and counts add up in any order, so the answer does not depend on the course of the scan.
pub(crate) enum Values {
    All(Vec<f64>),
    Buckets { counts: BTreeMap<u64, u64>, count: u64 },
}

/// Bits of a float that name its bucket: sign, exponent and 12 bits of the fraction. A bucket is 2⁻¹² of its value wide, so its middle is within 0.0123 %.
const BUCKET_SHIFT: u32 = 52 - 12;

/// A number that orders as the float does (IEEE 754, `totalOrder`).
fn ordered(value: f64) -> u64 {
    let bits = (value + 0.0).to_bits();
    if bits >> 63 == 1 { !bits } else { bits | (1 << 63) }
}

fn unordered(bits: u64) -> f64 {
    f64::from_bits(if bits >> 63 == 1 { bits & !(1 << 63) } else { !bits })
}

/// The middle of a bucket.
fn middle(bucket: u64) -> f64 {
    let low = unordered(bucket << BUCKET_SHIFT);
    let high = unordered((bucket << BUCKET_SHIFT) | ((1 << BUCKET_SHIFT) - 1));
    if low.is_finite() && high.is_finite() { low + (high - low) / 2.0 } else { low }
}

impl Values {
    fn add(&mut self, value: f64, exact: usize) {
        match self {
            Self::All(values) if values.len() < exact => values.push(value),
            Self::All(_) => {
                self.count();
                self.add(value, exact);
            }
            Self::Buckets { counts, count } => {
                *counts.entry(ordered(value) >> BUCKET_SHIFT).or_default() += 1;
                *count += 1;
            }
        }
    }

    /// Gives up the values and keeps their counts.
    fn count(&mut self) {
        if let Self::All(values) = self {
            let mut counts = BTreeMap::<u64, u64>::new();
            for value in values.iter() {
                *counts.entry(ordered(*value) >> BUCKET_SHIFT).or_default() += 1;
            }
            let count = values.len() as u64;
            *self = Self::Buckets { counts, count };
        }
    }

    fn merge(&mut self, mut later: Self, exact: usize) {
        if let (Self::All(values), Self::All(more)) = (&mut *self, &mut later)
            && values.len() + more.len() <= exact
        {
            values.append(more);
            return;
        }
        self.count();
        later.count();
        if let (
            Self::Buckets { counts, count },
            Self::Buckets { counts: more, count: more_count },
        ) = (self, later)
        {
            for (bucket, bucket_count) in more {
                *counts.entry(bucket).or_default() += bucket_count;
            }
            *count += more_count;
        }
    }

    /// The quantile by linear interpolation between the two values next to it (definition 7 of Hyndman and Fan, "Sample Quantiles in
    /// Statistical Packages", 1996; the default of `NumPy`, pandas and R). None without values.
    pub(crate) fn quantile(&self, share: f64) -> Option<f64> {
        let count = match self {
            Self::All(values) => values.len() as u64,
            Self::Buckets { count, .. } => *count,
        };
        let place = share * count.checked_sub(1)? as f64;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a place among the values is a small whole number"
        )]
        let below = (place.floor() as u64).min(count - 1);
        let low = self.at(below);
        let high = self.at((below + 1).min(count - 1));
        let part = place - below as f64;
        // Where both are the same infinity, their difference is no number.
        Some(if low < high && part > 0.0 { low + (high - low) * part } else { low })
    }

    fn at(&self, place: u64) -> f64 {
        match self {
            Self::All(values) => usize::try_from(place).map_or(f64::NAN, |place| values[place]),
            Self::Buckets { counts, .. } => {
                let mut seen = 0;
                for (bucket, count) in counts {
                    seen += count;
                    if seen > place {
                        return middle(*bucket);
                    }
                }
                f64::NAN
            }
        }
    }
}

impl Measure for Distribution {
    type State = Values;
    type Answer = Values;

    fn key(&self) -> Option<String> {
        Some(format!("distribution {}", self.column.index))
    }

    fn columns(&self) -> Vec<usize> {
        vec![self.column.index]
    }

    fn start(&self) -> Values {
        Values::All(Vec::new())
    }

    fn absorb(&self, state: &mut Values, rows: &Rows) -> Result<(), AuditError> {
        match rows.column(&self.column) {
            Column::Floats(array) => {
                array.iter().flatten().for_each(|value| state.add(value, self.exact));
            }
            Column::Integers(array) => {
                array.iter().flatten().for_each(|value| state.add(value as f64, self.exact));
            }
            Column::Texts(_) | Column::Booleans(_) | Column::Other(_) => {
                unreachable!("quantiles are only asked of numbers")
            }
        }
        Ok(())
    }

    fn merge(&self, state: &mut Values, later: Values) {
        state.merge(later, self.exact);
    }

    fn answer(&self, mut state: Values) -> Result<Values, AuditError> {
        if let Values::All(values) = &mut state {
            values.sort_unstable_by_key(|value| ordered(*value));
        }
        Ok(state)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn measured(values: &[f64], exact: usize) -> Values {
        let mut state = Values::All(Vec::new());
        for value in values {
            state.add(*value, exact);
        }
        if let Values::All(values) = &mut state {
            values.sort_unstable_by_key(|value| ordered(*value));
        }
        state
    }

    #[test]
    fn quantiles_are_those_of_numpy() {
        // numpy.quantile([7, 1, 3, 10], [0, 0.1, 0.25, 0.5, 0.9, 1])
        let values = measured(&[7.0, 1.0, 3.0, 10.0], 100);

        let found: Vec<f64> =
            [0.0, 0.1, 0.25, 0.5, 0.9, 1.0].map(|share| values.quantile(share).unwrap()).to_vec();

        let expected = [1.0, 1.6, 2.5, 5.0, 9.1, 10.0];
        for (found, expected) in found.iter().zip(expected) {
            assert!((found - expected).abs() < 1e-12, "{found} is not {expected}");
        }
    }

    #[test]
    fn no_value_has_no_quantile() {
        assert_eq!(measured(&[], 100).quantile(0.5), None);
    }

    proptest! {
        #[test]
        fn buckets_are_within_their_width(
            values in proptest::collection::vec(-1e6_f64..1e6, 1..200),
            share in 0.0_f64..=1.0,
        ) {
            // Between two values the bucketed quantile interpolates too, so it is compared at the values themselves.
            let place = (share * (values.len() - 1) as f64).round() / (values.len().max(2) - 1) as f64;
            let exact = measured(&values, 1_000).quantile(place).unwrap();
            let near = measured(&values, 0).quantile(place).unwrap();

            prop_assert!((exact - near).abs() <= exact.abs() * 2.0_f64.powi(-12) + 1e-300 + (exact.abs() * 1e-9).max(1e-6));
        }

        #[test]
        fn the_order_of_bits_is_the_order_of_numbers(left in any::<f64>(), right in any::<f64>()) {
            prop_assume!(!left.is_nan() && !right.is_nan());
            prop_assert_eq!(ordered(left).cmp(&ordered(right)), left.partial_cmp(&right).unwrap());
            prop_assert!(unordered(ordered(left)).partial_cmp(&left) == Some(std::cmp::Ordering::Equal));
        }

        #[test]
        fn where_the_values_are_cut_does_not_matter(
            values in proptest::collection::vec(-1e3_f64..1e3, 0..60),
            cut in 0_usize..60,
            exact in 0_usize..60,
        ) {
            let cut = cut.min(values.len());
            let (left, right) = values.split_at(cut);
            let mut merged = Values::All(Vec::new());
            for part in [left, right] {
                let mut state = Values::All(Vec::new());
                for value in part {
                    state.add(*value, exact);
                }
                merged.merge(state, exact);
            }
            if let Values::All(values) = &mut merged {
                values.sort_unstable_by_key(|value| ordered(*value));
            }

            prop_assert_eq!(merged.quantile(0.3), measured(&values, exact).quantile(0.3));
        }
    }
}
