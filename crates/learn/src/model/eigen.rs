//! Eigenvalues of symmetric matrices.

/// Values and vectors of a symmetric matrix.
pub(super) struct Eigen {
    pub(super) values: Vec<f64>,
    /// One for each value: `vectors[value][coordinate]`.
    pub(super) vectors: Vec<Vec<f64>>,
}

/// Sweeps of a matrix that converges: seven or eight; the limit only keeps what is broken from going on for ever.
const MOST_SWEEPS: usize = 60;

/// Jacobi's rotations in cyclic order (Golub and Van Loan, 8.5): slower than others beyond a thousand columns, and accurate to the last
/// bits of small values.
pub(super) fn eigen(mut matrix: Vec<Vec<f64>>) -> Eigen {
    let size = matrix.len();
    let unit = |row: usize| (0..size).map(|column| f64::from(u8::from(row == column))).collect();
    let mut vectors: Vec<Vec<f64>> = (0..size).map(unit).collect();
    for _ in 0..MOST_SWEEPS {
        let mut rotated = false;
        for low in 0..size {
            for high in low + 1..size {
                rotated |= rotate(&mut matrix, &mut vectors, low, high);
            }
        }
        if !rotated {
            break;
        }
    }
    let values = (0..size).map(|index| matrix[index][index]).collect();
    Eigen { values, vectors }
}

/// Makes one element zero; nothing where it does not count beside its diagonal.
fn rotate(matrix: &mut [Vec<f64>], vectors: &mut [Vec<f64>], low: usize, high: usize) -> bool {
    let (a, b, off) = (matrix[low][low], matrix[high][high], matrix[low][high]);
    if off.abs() <= f64::EPSILON * 1e-2 * (a * b).abs().sqrt() || off.abs() < 1e-300 {
        return false;
    }
    let ratio = (b - a) / (2.0 * off);
    let tangent = ratio.signum() / (ratio.abs() + ratio.hypot(1.0));
    let cosine = 1.0 / tangent.hypot(1.0);
    let sine = tangent * cosine;
    for row in matrix.iter_mut() {
        let (x, y) = (row[low], row[high]);
        row[low] = cosine * x - sine * y;
        row[high] = sine * x + cosine * y;
    }
    let (upper, lower) = matrix.split_at_mut(high);
    turn(&mut upper[low], &mut lower[0], cosine, sine);
    matrix[low][high] = 0.0;
    matrix[high][low] = 0.0;
    let (upper, lower) = vectors.split_at_mut(high);
    turn(&mut upper[low], &mut lower[0], cosine, sine);
    true
}

fn turn(low: &mut [f64], high: &mut [f64], cosine: f64, sine: f64) {
    for (x, y) in low.iter_mut().zip(high) {
        (*x, *y) = (cosine * *x - sine * *y, sine * *x + cosine * *y);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::seed::Seed;

    proptest! {
        #[test]
        fn values_and_vectors_make_the_matrix_again(size in 1_usize..9, seed in 0_u64..1000) {
            let mut draws = Seed(seed).draws();
            let mut matrix = vec![vec![0.0; size]; size];
            let places = (0..size).flat_map(|row| (0..size).map(move |column| (row, column)));
            for (row, column) in places.clone().filter(|(row, column)| column <= row) {
                let value = draws.normal();
                matrix[row][column] = value;
                matrix[column][row] = value;
            }
            let found = eigen(matrix.clone());
            for (row, column) in places {
                let again: f64 = (0..size)
                    .map(|k| found.values[k] * found.vectors[k][row] * found.vectors[k][column])
                    .sum();
                prop_assert!((again - matrix[row][column]).abs() < 1e-11);
            }
        }
    }

    #[test]
    fn a_known_matrix_has_its_known_values() {
        let mut values = eigen(vec![vec![2.0, 1.0], vec![1.0, 2.0]]).values;
        values.sort_by(f64::total_cmp);
        assert!((values[0] - 1.0).abs() < 1e-15 && (values[1] - 3.0).abs() < 1e-15);
    }
}
