//! Principal components.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::mistake::Mistake;
use crate::operator::{
    BadFit, Draft, Fit, Formula, Grade, Operator, Reads, Rows, Sight, Site, Training, Work,
};
use crate::time::Span;

#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Params {
    /// How many components.
    #[schemars(range(min = 1))]
    components: u16,
}

pub(crate) struct Pca;

impl Operator for Pca {
    const NAME: &'static str = "pca";
    const ABOUT: &'static str = "the directions in which standardised training rows differ most; missing where one of the values is";
    const GRADE: Grade = Grade::FoldSafe;
    const SIGHT: Sight = Sight::At;
    const READS: Reads = Reads::Numbers(2);
    const EXAMPLE: &'static str = r#"{ "components": 2 }"#;
    type Params = Params;

    fn draft(params: Params, site: &Site<'_>) -> Result<Draft, Mistake> {
        if params.components == 0 || usize::from(params.components) > site.columns.len() {
            return Err(Mistake::new(
                "/components",
                format!("{} columns have no {} components", site.columns.len(), params.components),
            )
            .hint("write a number from 1 to the number of columns"));
        }
        Ok(Draft {
            outputs: (1..=params.components).map(|component| format!("pca_{component}")).collect(),
            window: Some(Span(0)),
            work: Work::Fitted(Box::new(params)),
        })
    }
}

#[derive(Serialize, Deserialize)]
struct Components {
    means: Vec<f64>,
    widths: Vec<f64>,
    /// One list of weights for each component.
    weights: Vec<Vec<f64>>,
}

impl Fit for Params {
    fn fit(&self, training: &Training<'_>) -> Value {
        let columns = training.inputs;
        let is_whole = |row: &usize| columns.iter().all(|column| column[*row].is_finite());
        let rows: Vec<usize> = (0..training.at.len()).filter(is_whole).collect();
        let count = rows.len().max(1) as f64;
        let mean = |column: &Vec<f64>| rows.iter().map(|row| column[*row]).sum::<f64>() / count;
        let means: Vec<f64> = columns.iter().map(mean).collect();
        let product = |left: usize, right: usize| {
            let one = |row: &usize| {
                (columns[left][*row] - means[left]) * (columns[right][*row] - means[right])
            };
            rows.iter().map(one).sum::<f64>() / count
        };
        let width =
            |column: usize| Some(product(column, column).sqrt()).filter(|width| *width > 0.0);
        let widths: Vec<f64> =
            (0..columns.len()).map(|column| width(column).unwrap_or(1.0)).collect();
        let correlation: Vec<Vec<f64>> = (0..columns.len())
            .map(|left| {
                let scaled = |right: usize| product(left, right) / (widths[left] * widths[right]);
                (0..columns.len()).map(scaled).collect()
            })
            .collect();
        let mut weights = eigenvectors(correlation);
        weights.truncate(usize::from(self.components));
        serde_json::json!(Components { means, widths, weights })
    }

    fn formula(&self, learnt: &Value) -> Result<Box<dyn Formula>, BadFit> {
        Ok(Box::new(Components::deserialize(learnt)?))
    }
}

/// The eigenvectors of a symmetric matrix, that of the largest eigenvalue first, by Jacobi's rotations (Golub and Van Loan, section 8.5).
///
/// The largest weight of each is positive, so that the same rows give the same signs.
fn eigenvectors(mut matrix: Vec<Vec<f64>>) -> Vec<Vec<f64>> {
    /// Each sweep squares what is left beside the diagonal: ten are plenty.
    const SWEEPS: usize = 30;
    let size = matrix.len();
    let mut vectors: Vec<Vec<f64>> = (0..size)
        .map(|row| (0..size).map(|column| f64::from(u8::from(row == column))).collect())
        .collect();
    for _ in 0..SWEEPS {
        for left in 0..size {
            for right in left + 1..size {
                rotate(&mut matrix, &mut vectors, left, right);
            }
        }
    }
    let mut order: Vec<usize> = (0..size).collect();
    order.sort_by(|left, right| matrix[*right][*right].total_cmp(&matrix[*left][*left]));
    let upright = |index: usize| {
        let vector: Vec<f64> = vectors.iter().map(|row| row[index]).collect();
        let largest =
            vector.iter().copied().max_by(|left, right| left.abs().total_cmp(&right.abs()));
        let sign = largest.map_or(1.0, f64::signum);
        vector.into_iter().map(|weight| weight * sign).collect()
    };
    order.into_iter().map(upright).collect()
}

/// Turns the plane of two axes so that they have nothing in common.
fn rotate(matrix: &mut [Vec<f64>], vectors: &mut [Vec<f64>], left: usize, right: usize) {
    let common = matrix[left][right];
    if common.abs() < 1e-300 {
        return;
    }
    let theta = (matrix[right][right] - matrix[left][left]) / (2.0 * common);
    let tangent = theta.signum() / (theta.abs() + (theta * theta + 1.0).sqrt());
    let cosine = 1.0 / (tangent * tangent + 1.0).sqrt();
    let sine = tangent * cosine;
    for row in matrix.iter_mut().chain(vectors.iter_mut()) {
        let (old_left, old_right) = (row[left], row[right]);
        row[left] = cosine * old_left - sine * old_right;
        row[right] = sine * old_left + cosine * old_right;
    }
    // The left axis is the earlier one.
    let (above, below) = matrix.split_at_mut(right);
    for (on_left, on_right) in above[left].iter_mut().zip(&mut below[0]) {
        let (old_left, old_right) = (*on_left, *on_right);
        *on_left = cosine * old_left - sine * old_right;
        *on_right = sine * old_left + cosine * old_right;
    }
}

impl Formula for Components {
    fn apply(&self, rows: &Rows<'_>, out: &mut [&mut [f64]]) {
        for (column, weights) in out.iter_mut().zip(&self.weights) {
            column.fill(0.0);
            for (index, input) in rows.inputs.iter().enumerate() {
                for (value, place) in input.iter().zip(column.iter_mut()) {
                    *place += (value - self.means[index]) / self.widths[index] * weights[index];
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn eigenvectors_are_those_of_a_matrix_with_known_ones() {
        // The eigenvalues of [[2, 1], [1, 2]] are 3 and 1, along the diagonals.
        let vectors = eigenvectors(vec![vec![2.0, 1.0], vec![1.0, 2.0]]);

        let half = 0.5_f64.sqrt();
        for (found, expected) in vectors.concat().iter().zip([half, half, -half, half]) {
            assert!((found.abs() - expected.abs()).abs() < 1e-15);
        }
        assert!((vectors[0][0] * vectors[1][0] + vectors[0][1] * vectors[1][1]).abs() < 1e-15);
    }
}
