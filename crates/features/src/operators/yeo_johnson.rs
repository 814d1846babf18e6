//! A power that makes training values as normal as it can.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::kernel::{Aggregate, Spread};
use crate::mistake::Mistake;
use crate::operator::{
    BadFit, Draft, Fit, Formula, Grade, NoParams, Operator, Reads, Rows, Sight, Site, Training,
    Work,
};
use crate::time::Span;

pub(crate) struct YeoJohnson;

impl Operator for YeoJohnson {
    const NAME: &'static str = "yeo_johnson";
    const ABOUT: &'static str = "the value under the power transform of Yeo and Johnson, most likely normal in the training rows";
    const GRADE: Grade = Grade::FoldSafe;
    const SIGHT: Sight = Sight::At;
    const READS: Reads = Reads::Number;
    const EXAMPLE: &'static str = "{}";
    type Params = NoParams;

    fn draft(_: NoParams, _: &Site<'_>) -> Result<Draft, Mistake> {
        Ok(Draft {
            outputs: vec!["yeo_johnson".to_owned()],
            window: Some(Span(0)),
            work: Work::Fitted(Box::new(MostLikely)),
        })
    }
}

struct MostLikely;

#[derive(Serialize, Deserialize)]
struct Power {
    lambda: f64,
}

/// Powers outside of this range are no gain, and overflow.
const RANGE: (f64, f64) = (-3.0, 5.0);
/// Golden-section steps: the range shrinks to 1e-9 of itself.
const STEPS: usize = 44;

impl Fit for MostLikely {
    fn fit(&self, training: &Training<'_>) -> Value {
        let values: Vec<f64> =
            training.inputs[0].iter().copied().filter(|value| value.is_finite()).collect();
        serde_json::json!(Power { lambda: most_likely(&values) })
    }

    fn formula(&self, learnt: &Value) -> Result<Box<dyn Formula>, BadFit> {
        Ok(Box::new(Power::deserialize(learnt)?))
    }
}

/// The power of the largest likelihood; 1, which changes nothing, where all values are equal.
fn most_likely(values: &[f64]) -> f64 {
    let mut spread = Spread::empty();
    for value in values {
        spread.push(0, *value);
    }
    if values.len() < 2 || spread.min() >= spread.max() {
        return 1.0;
    }
    let ratio = (5.0_f64.sqrt() - 1.0) / 2.0;
    let (mut low, mut high) = RANGE;
    let mut inner = (high - ratio * (high - low), low + ratio * (high - low));
    let mut found = (likelihood(values, inner.0), likelihood(values, inner.1));
    for _ in 0..STEPS {
        if found.0 >= found.1 {
            high = inner.1;
            inner = (high - ratio * (high - low), inner.0);
            found = (likelihood(values, inner.0), found.0);
        } else {
            low = inner.0;
            inner = (inner.1, low + ratio * (high - low));
            found = (found.1, likelihood(values, inner.1));
        }
    }
    f64::midpoint(low, high)
}

/// The logarithm of the likelihood, up to a constant (Yeo and Johnson 2000, section 3).
fn likelihood(values: &[f64], lambda: f64) -> f64 {
    let mut spread = Spread::empty();
    let mut logarithms = 0.0;
    for value in values {
        spread.push(0, transform(*value, lambda));
        logarithms += value.signum() * value.abs().ln_1p();
    }
    let count = values.len() as f64;
    let variance = spread.std().powi(2) * (count - 1.0) / count;
    let found = (lambda - 1.0) * logarithms - count / 2.0 * variance.ln();
    if found.is_nan() { f64::NEG_INFINITY } else { found }
}

fn transform(value: f64, lambda: f64) -> f64 {
    /// Nearer than that, the logarithm is the better approximation.
    const NEAR: f64 = 1e-9;
    if value >= 0.0 {
        if lambda.abs() < NEAR { value.ln_1p() } else { (lambda * value.ln_1p()).exp_m1() / lambda }
    } else if (lambda - 2.0).abs() < NEAR {
        -(-value).ln_1p()
    } else {
        let mirrored = 2.0 - lambda;
        -(mirrored * (-value).ln_1p()).exp_m1() / mirrored
    }
}

impl Formula for Power {
    fn apply(&self, rows: &Rows<'_>, out: &mut [&mut [f64]]) {
        for (value, place) in rows.inputs[0].iter().zip(out[0].iter_mut()) {
            *place = if value.is_nan() { f64::NAN } else { transform(*value, self.lambda) };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_those_of_the_definition() {
        // By hand: ((x + 1)^0.5 - 1) / 0.5, and -((1 - x)^1.5 - 1) / 1.5.
        assert!((transform(3.0, 0.5) - 2.0).abs() < 1e-15);
        assert!((transform(-3.0, 0.5) + 7.0 / 1.5).abs() < 1e-14);
        assert!((transform(2.5, 1.0) - 2.5).abs() < 1e-15);
        assert!((transform(1.0, 0.0) - 2.0_f64.ln()).abs() < 1e-15);
    }

    #[test]
    fn no_other_power_is_more_likely() {
        let values = [0.0, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0];

        let lambda = most_likely(&values);

        let around = [likelihood(&values, lambda - 1e-3), likelihood(&values, lambda + 1e-3)];
        assert!(around.iter().all(|other| *other < likelihood(&values, lambda)));
        assert!((most_likely(&[5.0; 4]) - 1.0).abs() < 1e-300);
    }
}
