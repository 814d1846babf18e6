//! Exponential moving averages.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::machines::{Carry, Step, carried_time, time};
use crate::mistake::Mistake;
use crate::operator::{Draft, Grade, Operator, Reads, Sight, Site, Work};
use crate::time::Reach;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Params {
    /// The span in steps: the weight of a new value is 2 / (span + 1).
    #[schemars(range(min = 1.0))]
    span: Option<f64>,
    /// The weight of a new value one step after the one before.
    #[schemars(range(min = 0.0, max = 1.0))]
    alpha: Option<f64>,
    /// After this the weight of a value is half of what it was.
    half_life: Option<Reach>,
}

pub(crate) struct Ema;

impl Operator for Ema {
    const NAME: &'static str = "ema";
    const ABOUT: &'static str = "the exponential moving average; a value that comes late weighs as much as those that are missing";
    const GRADE: Grade = Grade::Causal;
    const SIGHT: Sight = Sight::Before;
    const READS: Reads = Reads::Number;
    const EXAMPLE: &'static str = r#"{ "half_life": "5m" }"#;
    type Params = Params;

    fn draft(params: Params, site: &Site<'_>) -> Result<Draft, Mistake> {
        let (weight, unit, output) = match (params.span, params.alpha, params.half_life) {
            (Some(span), None, None) if span.is_finite() && span >= 1.0 => {
                let step = site.span(Reach::Steps(1), "span")?;
                (2.0 / (span + 1.0), step.0, format!("ema{span}"))
            }
            (None, Some(alpha), None) if alpha > 0.0 && alpha <= 1.0 => {
                let step = site.span(Reach::Steps(1), "alpha")?;
                (alpha, step.0, format!("ema_alpha{alpha}"))
            }
            (None, None, Some(half_life)) => {
                (0.5, site.span(half_life, "half_life")?.0, format!("ema_half{half_life}"))
            }
            (Some(span), None, None) => {
                return Err(Mistake::new("/span", format!("{span} is no span"))
                    .hint("write a number of steps, 1 or more"));
            }
            (None, Some(alpha), None) => {
                return Err(Mistake::new("/alpha", format!("{alpha} is no weight"))
                    .hint("write a number above 0 and up to 1"));
            }
            (..) => {
                return Err(Mistake::new("", "an average is given by one number")
                    .hint("give one of `span`, `alpha` and `half_life`"));
            }
        };
        let rate = (1.0 - weight).ln() / unit as f64;
        let usual = match site.step {
            Some(step) if step.0 != unit => (step.0, -(rate * step.0 as f64).exp_m1()),
            Some(_) | None => (unit, weight),
        };
        Ok(Draft {
            outputs: vec![output],
            window: None,
            work: Work::Series(Box::new(move || Box::new(Carry::new(Average { rate, usual }, 2)))),
        })
    }
}

/// Carries the time of the last value, and the average.
struct Average {
    /// The logarithm of what is left of a weight after a microsecond.
    rate: f64,
    /// The usual distance of values, with the weight of a new one: spares an exponential for each row.
    usual: (i64, f64),
}

impl Step for Average {
    #[inline]
    fn emit(&self, carried: &[f64], _: i64, out: &mut [f64]) {
        out[0] = carried[1];
    }

    #[inline]
    fn absorb(&self, carried: &mut [f64], at: i64, value: f64) {
        if value.is_nan() {
            return;
        }
        carried[1] = match time(carried[0]) {
            None => value,
            Some(last) => {
                let passed = at - last;
                let weight = if passed == self.usual.0 {
                    self.usual.1
                } else {
                    -(self.rate * passed as f64).exp_m1()
                };
                weight * value + (1.0 - weight) * carried[1]
            }
        };
        carried[0] = carried_time(at);
    }
}
