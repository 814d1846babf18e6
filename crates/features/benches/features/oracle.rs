//! What features must be, computed the slow way: each window for itself, twice through, in the order of time.

use anyhow::{Result, ensure};

/// The relative error that is let through.
pub(crate) const TOLERANCE: f64 = 1e-9;

/// The 17 features of a row of a series without gaps, by the definition; the average needs all rows before.
pub(crate) fn features(values: &[f64], row: usize) -> Vec<f64> {
    let lag = |by: usize| row.checked_sub(by).map_or(f64::NAN, |row| values[row]);
    let mut features: Vec<f64> = [1, 5, 30, 60].map(lag).into();
    for window in [5, 30, 120] {
        let Some(begin) = row.checked_sub(window) else {
            features.extend([f64::NAN; 4]);
            continue;
        };
        let inside = &values[begin..row];
        features.extend([
            mean(inside),
            std(inside),
            inside.iter().copied().fold(f64::INFINITY, f64::min),
            inside.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        ]);
    }
    let before = values[..row].iter().copied();
    features.push(before.reduce(|average, value| 0.9 * average + 0.1 * value).unwrap_or(f64::NAN));
    features
}

/// The mean, about the first value, so that a high level costs no digits.
fn mean(values: &[f64]) -> f64 {
    let origin = values[0];
    origin + values.iter().map(|value| value - origin).sum::<f64>() / values.len() as f64
}

/// The standard deviation of a sample, twice through.
pub(crate) fn std(values: &[f64]) -> f64 {
    let origin = values[0];
    let mean = values.iter().map(|value| value - origin).sum::<f64>() / values.len() as f64;
    let squares = values.iter().map(|value| (value - origin - mean).powi(2)).sum::<f64>();
    (squares / (values.len() - 1) as f64).sqrt()
}

pub(crate) fn relative_error(found: f64, right: f64) -> f64 {
    match (found.is_nan(), right.is_nan()) {
        (true, true) => 0.0,
        (false, false) => (found - right).abs() / right.abs().max(f64::MIN_POSITIVE),
        (true, false) | (false, true) => f64::INFINITY,
    }
}

/// Holds rows of one series against the definition: the first 300, and then every `every`.
pub(crate) fn check(values: &[f64], columns: &[&[f64]], every: usize) -> Result<()> {
    ensure!(columns.len() == 17, "there are {} features instead of 17", columns.len());
    let rows = (0..values.len().min(300)).chain((300..values.len()).step_by(every));
    for row in rows {
        let right = features(values, row);
        for (feature, (column, right)) in columns.iter().zip(right).enumerate() {
            let error = relative_error(column[row], right);
            ensure!(
                error <= TOLERANCE,
                "feature {feature} of row {row} is {} instead of {right}",
                column[row]
            );
        }
    }
    Ok(())
}
