//! Ridge regression: exact, and for all penalties at the price of one.

use super::eigen::{Eigen, eigen};
use super::{FitError, Fitted, Gram, Learner, Sample};
use crate::digest::Hasher;
use crate::seed::Seed;

/// Ridge regression on columns of unit deviation. The penalty is chosen by time: each of the later fifths of the training rows is predicted
/// from what comes before it.
#[derive(Clone, Debug, PartialEq)]
pub struct Ridge {
    /// The penalties to choose from, each relative to the number of rows: 1 halves the slope of a single column.
    pub penalties: Vec<f64>,
}

impl Default for Ridge {
    /// From hardly any to almost nothing left, half a decade apart.
    fn default() -> Self {
        Self {
            penalties: (-12..=4)
                .map(|half_decade| 10_f64.powf(f64::from(half_decade) / 2.0))
                .collect(),
        }
    }
}

/// In how many parts of time the training rows are cut to choose a penalty.
const PARTS: usize = 5;

impl Learner for Ridge {
    fn name(&self) -> &'static str {
        "ridge"
    }

    fn fit(&self, sample: &Sample, _: Seed) -> Result<Box<dyn Fitted>, FitError> {
        sample.check("ridge")?;
        let fill: Vec<f64> =
            sample.columns.iter().map(|column| observed_mean(column, &sample.weights)).collect();
        let parts = grams_by_time(sample, &fill);
        let penalty = self.choose(&parts);
        let empty = Gram::empty(sample.columns.len() + 1);
        let all = parts.iter().fold(empty, |all, part| all.plus(part));
        let target = sample.columns.len();
        let path = Path::of(&all, target);
        let (slopes, constant) = path.line(penalty);
        let importance = path.importance(&slopes);
        Ok(Box::new(Line { slopes, constant, fill, importance }))
    }
}

impl Ridge {
    fn choose(&self, parts: &[Gram]) -> f64 {
        let first = self.penalties.first().copied().unwrap_or(1.0);
        let mut errors = vec![0.0; self.penalties.len()];
        let Some((head, tail)) = parts.split_first() else {
            return first;
        };
        let target = head.columns() - 1;
        let mut before = head.clone();
        for part in tail {
            let path = Path::of(&before, target);
            for (error, penalty) in errors.iter_mut().zip(&self.penalties) {
                let (slopes, constant) = path.line(*penalty);
                *error += part.weight() * part.squared_error(target, &slopes, constant);
            }
            before = before.plus(part);
        }
        let best = (0..errors.len()).min_by(|a, b| errors[*a].total_cmp(&errors[*b]));
        best.map_or(first, |best| self.penalties[best])
    }
}

fn observed_mean(column: &[f64], weights: &[f64]) -> f64 {
    let (mut total, mut weight) = (0.0, 0.0);
    for (value, own) in column.iter().zip(weights).filter(|(value, _)| value.is_finite()) {
        total += value * own;
        weight += own;
    }
    if weight > 0.0 { total / weight } else { 0.0 }
}

/// One Gram for each part of time, with about as many rows; the target is the last column.
fn grams_by_time(sample: &Sample, fill: &[f64]) -> Vec<Gram> {
    let mut times = sample.event.clone();
    times.sort_unstable();
    let bounds: Vec<_> = (1..PARTS).map(|part| times[times.len() * part / PARTS]).collect();
    let part_of = |row: usize| bounds.partition_point(|bound| *bound <= sample.event[row]);
    let mut fills = fill.to_vec();
    fills.push(0.0);
    (0..PARTS)
        .map(|part| {
            let rows: Vec<usize> = (0..times.len()).filter(|row| part_of(*row) == part).collect();
            let pick = |values: &[f64]| rows.iter().map(|row| values[*row]).collect::<Vec<f64>>();
            let columns: Vec<Vec<f64>> =
                sample.columns.iter().chain([&sample.target]).map(|column| pick(column)).collect();
            let columns: Vec<&[f64]> = columns.iter().map(Vec::as_slice).collect();
            Gram::of(&columns, &pick(&sample.weights), &fills)
        })
        .collect()
}

/// The solutions of all penalties for one target: one decomposition, then a product for each.
pub struct Path {
    eigen: Eigen,
    /// The correlation of the target with each eigenvector, in units of the target.
    along: Vec<f64>,
    deviations: Vec<f64>,
    means: Vec<f64>,
    target_mean: f64,
}

impl Path {
    /// Decomposes the correlations of all columns before `target`.
    pub fn of(gram: &Gram, target: usize) -> Self {
        let deviations: Vec<f64> = (0..target)
            .map(|column| {
                let deviation = gram.covariance(column, column).max(0.0).sqrt();
                // What rounding alone makes of a constant is no deviation.
                let noise = 1e-12 * gram.mean(column).abs();
                if deviation > noise { deviation } else { 0.0 }
            })
            .collect();
        let scaled = |left: usize, right: usize| match deviations[left] * deviations[right] {
            0.0 => 0.0,
            scale => gram.covariance(left, right) / scale,
        };
        let correlations =
            (0..target).map(|row| (0..target).map(|column| scaled(row, column)).collect());
        let eigen = eigen(correlations.collect());
        let with_target: Vec<f64> = (0..target)
            .map(|column| match deviations[column] {
                0.0 => 0.0,
                deviation => gram.covariance(column, target) / deviation,
            })
            .collect();
        let along = eigen
            .vectors
            .iter()
            .map(|vector| vector.iter().zip(&with_target).map(|(v, c)| v * c).sum())
            .collect();
        let means = (0..target).map(|column| gram.mean(column)).collect();
        Self { eigen, along, deviations, means, target_mean: gram.mean(target) }
    }

    /// The slopes of the columns, and the constant.
    pub fn line(&self, penalty: f64) -> (Vec<f64>, f64) {
        let mut slopes = vec![0.0; self.means.len()];
        let directions = self.eigen.values.iter().zip(&self.eigen.vectors).zip(&self.along);
        for ((value, vector), along) in directions {
            // Directions that hold nothing but rounding are left out, also without a penalty.
            let bent = value.max(0.0) + penalty;
            if bent <= 1e-12 {
                continue;
            }
            for (slope, coordinate) in slopes.iter_mut().zip(vector) {
                *slope += coordinate * along / bent;
            }
        }
        for (slope, deviation) in slopes.iter_mut().zip(&self.deviations) {
            *slope = if *deviation > 0.0 { *slope / deviation } else { 0.0 };
        }
        let through: f64 = slopes.iter().zip(&self.means).map(|(slope, mean)| slope * mean).sum();
        (slopes, self.target_mean - through)
    }

    /// How far each column moves the prediction, for one deviation of its own.
    fn importance(&self, slopes: &[f64]) -> Vec<f64> {
        slopes
            .iter()
            .zip(&self.deviations)
            .map(|(slope, deviation)| (slope * deviation).abs())
            .collect()
    }
}

/// A fitted line.
struct Line {
    slopes: Vec<f64>,
    constant: f64,
    fill: Vec<f64>,
    importance: Vec<f64>,
}

impl Fitted for Line {
    fn predict(&self, columns: &[Vec<f64>], rows: usize) -> Vec<f64> {
        let mut predicted = vec![self.constant; rows];
        for ((column, slope), fill) in columns.iter().zip(&self.slopes).zip(&self.fill) {
            for (prediction, value) in predicted.iter_mut().zip(column) {
                *prediction += slope * if value.is_finite() { *value } else { *fill };
            }
        }
        predicted
    }

    fn importance(&self) -> Vec<f64> {
        self.importance.clone()
    }

    fn bytes(&self) -> Vec<u8> {
        let parts = [self.slopes.as_slice(), &[self.constant], &self.fill];
        let mut hasher = Hasher::default();
        for part in &parts {
            hasher.bits(part);
        }
        let numbers =
            parts.iter().flat_map(|part| part.iter()).flat_map(|number| number.to_le_bytes());
        hasher.finish().0.into_iter().chain(numbers).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::{Span, Timestamp};

    fn sample(rows: usize, of: impl Fn(&[f64]) -> f64) -> Sample {
        let mut draws = Seed(5).draws();
        let mut sample = Sample { columns: vec![Vec::new(); 3], ..Sample::default() };
        for row in 0..rows {
            let inputs: Vec<f64> = (0..3).map(|_| draws.normal() * 3.0 + 10.0).collect();
            sample.target.push(of(&inputs));
            sample.weights.push(1.0);
            sample.event.push(Timestamp(0) + Span::hours(i64::try_from(row).unwrap()));
            inputs.iter().zip(&mut sample.columns).for_each(|(value, column)| column.push(*value));
        }
        sample
    }

    #[test]
    fn a_line_is_found_exactly() {
        let sample = sample(200, |x| 2.0 * x[0] - 0.5 * x[2] + 7.0);

        let fitted = Ridge { penalties: vec![0.0] }.fit(&sample, Seed(0)).unwrap();

        let predicted = fitted.predict(&sample.columns, 200);
        let worst =
            predicted.iter().zip(&sample.target).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        assert!(worst < 1e-11, "{worst}");
        assert!(fitted.importance()[1] < 1e-12);
    }

    #[test]
    fn every_penalty_solves_its_equations() {
        let sample = sample(60, |x| x[0] * x[1] / 10.0 + x[2]);
        let columns: Vec<&[f64]> =
            sample.columns.iter().chain([&sample.target]).map(Vec::as_slice).collect();
        let gram = Gram::of(&columns, &sample.weights, &[0.0; 4]);
        let path = Path::of(&gram, 3);

        for penalty in [0.0, 0.01, 1.0, 100.0] {
            let (slopes, _) = path.line(penalty);
            for row in 0..3 {
                // (C + penalty · diag(variances)) slopes = c, the normal equations of columns of unit deviation.
                let left: f64 =
                    (0..3).map(|column| gram.covariance(row, column) * slopes[column]).sum();
                let left = left + penalty * gram.covariance(row, row) * slopes[row];
                assert!((left - gram.covariance(row, 3)).abs() < 1e-10, "{penalty}");
            }
        }
    }

    #[test]
    fn noise_is_shrunk_away_and_a_signal_is_not() {
        let mut draws = Seed(9).draws();
        let mut noisy = sample(400, |_| 0.0);
        noisy.target = (0..400).map(|_| draws.normal()).collect();
        let clear = sample(400, |x| x[1]);

        let importance =
            |sample: &Sample| Ridge::default().fit(sample, Seed(0)).unwrap().importance();

        assert!(importance(&noisy).iter().all(|importance| *importance < 0.1));
        assert!(importance(&clear)[1] > 2.5);
    }

    #[test]
    fn what_is_missing_constant_or_double_is_no_harm() {
        let mut odd = sample(100, |x| x[0]);
        odd.columns[1] = odd.columns[0].clone();
        odd.columns[2] = vec![1e9; 100];
        odd.columns.push(vec![f64::NAN; 100]);
        odd.columns[0][7] = f64::NAN;

        let fitted = Ridge::default().fit(&odd, Seed(0)).unwrap();

        assert!(fitted.predict(&odd.columns, 100).iter().all(|value| value.is_finite()));
        assert_eq!(fitted.importance()[2..], [0.0, 0.0]);
        let nothing = Sample { columns: Vec::new(), ..odd };
        assert_eq!(Ridge::default().fit(&nothing, Seed(0)).unwrap().predict(&[], 2).len(), 2);
    }

    #[test]
    fn samples_that_nobody_can_learn_from_are_refused() {
        let mut bad = sample(10, |x| x[0]);
        bad.target[3] = f64::NAN;
        assert_eq!(
            Ridge::default().fit(&bad, Seed(0)).err(),
            Some(FitError::Label { learner: "ridge", row: 3 })
        );
        let empty = Ridge::default().fit(&Sample::default(), Seed(0)).err();
        assert_eq!(empty, Some(FitError::TooFewRows { learner: "ridge", rows: 0 }));
    }
}
