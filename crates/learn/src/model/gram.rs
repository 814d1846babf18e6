//! Means and products of columns: all that a linear model needs to know of rows.

use rayon::prelude::*;

/// Rows of one piece of work; the pieces are joined in their order, so threads do not show.
const PIECE: usize = 4096;

/// Weighted means of columns and the sums of products of their distances from them. Grams of different rows can be added, so one pass
/// serves all folds, penalties and targets.
#[derive(Clone, Debug, PartialEq)]
pub struct Gram {
    weight: f64,
    means: Vec<f64>,
    /// The full symmetric matrix, row by row.
    products: Vec<Vec<f64>>,
}

impl Gram {
    /// The Gram of no rows.
    pub fn empty(columns: usize) -> Self {
        Self { weight: 0.0, means: vec![0.0; columns], products: vec![vec![0.0; columns]; columns] }
    }

    /// The Gram of rows; `fill` stands in for what is missing in each column.
    pub fn of(columns: &[&[f64]], weights: &[f64], fill: &[f64]) -> Self {
        let starts: Vec<usize> = (0..weights.len()).step_by(PIECE).collect();
        let pieces: Vec<Self> = starts
            .par_iter()
            .map(|start| {
                let rows = *start..(*start + PIECE).min(weights.len());
                let part: Vec<&[f64]> =
                    columns.iter().map(|column| &column[rows.clone()]).collect();
                Self::of_piece(&part, &weights[rows], fill)
            })
            .collect();
        pieces.iter().fold(Self::empty(columns.len()), |all, piece| all.plus(piece))
    }

    fn of_piece(columns: &[&[f64]], weights: &[f64], fill: &[f64]) -> Self {
        let weight: f64 = weights.iter().sum();
        if weight <= 0.0 {
            return Self::empty(columns.len());
        }
        let filled = columns.iter().zip(fill).map(|(column, fill)| {
            let values = column.iter().map(|value| if value.is_nan() { *fill } else { *value });
            values.collect::<Vec<f64>>()
        });
        let mut centred: Vec<Vec<f64>> = filled.collect();
        let mut means = Vec::with_capacity(columns.len());
        for column in &mut centred {
            let total: f64 = column.iter().zip(weights).map(|(value, weight)| value * weight).sum();
            let mean = total / weight;
            for value in column.iter_mut() {
                *value -= mean;
            }
            means.push(mean);
        }
        let mut products = vec![vec![0.0; columns.len()]; columns.len()];
        for (left, column) in centred.iter().enumerate() {
            let weighted: Vec<f64> = column.iter().zip(weights).map(|(x, w)| x * w).collect();
            for right in 0..=left {
                let product: f64 = weighted.iter().zip(&centred[right]).map(|(x, y)| x * y).sum();
                products[left][right] = product;
                products[right][left] = product;
            }
        }
        Self { weight, means, products }
    }

    /// The Gram of the rows of both (Chan, Golub and `LeVeque`, 1979).
    #[must_use]
    pub fn plus(&self, other: &Self) -> Self {
        let weight = self.weight + other.weight;
        if weight <= 0.0 {
            return self.clone();
        }
        let apart: Vec<f64> =
            other.means.iter().zip(&self.means).map(|(theirs, ours)| theirs - ours).collect();
        let share = other.weight / weight;
        let scale = self.weight * share;
        let means = self.means.iter().zip(&apart).map(|(mean, apart)| mean + apart * share);
        let size = self.means.len();
        let joined = |row: usize, column: usize| {
            self.products[row][column]
                + other.products[row][column]
                + apart[row] * apart[column] * scale
        };
        let products =
            (0..size).map(|row| (0..size).map(|column| joined(row, column)).collect()).collect();
        Self { weight, means: means.collect(), products }
    }

    /// How many columns there are.
    pub fn columns(&self) -> usize {
        self.means.len()
    }

    /// The weight of all rows.
    pub fn weight(&self) -> f64 {
        self.weight
    }

    /// The mean of a column.
    pub fn mean(&self, column: usize) -> f64 {
        self.means[column]
    }

    /// The covariance of two columns.
    pub fn covariance(&self, left: usize, right: usize) -> f64 {
        if self.weight > 0.0 { self.products[left][right] / self.weight } else { 0.0 }
    }

    /// The mean squared error, over these rows, of predicting one column from others by a line; computed without the rows.
    pub fn squared_error(&self, target: usize, slopes: &[f64], constant: f64) -> f64 {
        let size = slopes.len();
        let mean: f64 = (0..size).map(|column| slopes[column] * self.means[column]).sum();
        let bias = self.means[target] - mean - constant;
        let mut spread = self.covariance(target, target);
        for left in 0..size {
            spread -= 2.0 * slopes[left] * self.covariance(left, target);
            for right in 0..size {
                spread += slopes[left] * slopes[right] * self.covariance(left, right);
            }
        }
        spread.max(0.0) + bias * bias
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::seed::Seed;

    proptest! {
        #[test]
        fn parts_add_up_to_the_whole(rows in 2_usize..60, cut in 0_usize..60, offset in -1e6_f64..1e6) {
            let cut = cut.min(rows);
            let mut draws = Seed(rows as u64).draws();
            let columns: Vec<Vec<f64>> = (0..3).map(|_| (0..rows).map(|_| draws.normal() + offset).collect()).collect();
            let weights: Vec<f64> = (0..rows).map(|_| draws.uniform() + 0.1).collect();
            let gram = |range: std::ops::Range<usize>| {
                let part: Vec<&[f64]> = columns.iter().map(|column| &column[range.clone()]).collect();
                Gram::of(&part, &weights[range], &[0.0; 3])
            };
            let (whole, joined) = (gram(0..rows), gram(0..cut).plus(&gram(cut..rows)));
            for left in 0..3 {
                prop_assert!((whole.mean(left) - joined.mean(left)).abs() < 1e-9 * (1.0 + offset.abs()));
                for right in 0..3 {
                    let apart = whole.covariance(left, right) - joined.covariance(left, right);
                    prop_assert!(apart.abs() < 1e-8, "{apart}");
                }
            }
        }
    }
}
