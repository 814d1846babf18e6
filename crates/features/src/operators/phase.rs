//! Warm-up and cool-down.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::machines::{Carry, Step, carried_time, time};
use crate::mistake::Mistake;
use crate::operator::{Draft, Grade, Operator, Reads, Sight, Site, Work};
use crate::time::Span;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Params {
    /// The machine is on while the value is above this.
    above: f64,
    /// How long it warms up after it was switched on.
    warm_up: Span,
    /// How long it cools down after it was switched off.
    cool_down: Span,
}

pub(crate) struct Phase;

impl Operator for Phase {
    const NAME: &'static str = "phase";
    const ABOUT: &'static str = "whether it warms up, whether it cools down, and the seconds since it was switched on or off";
    const GRADE: Grade = Grade::Causal;
    const SIGHT: Sight = Sight::Before;
    const READS: Reads = Reads::Number;
    const EXAMPLE: &'static str = r#"{ "above": 0.0, "warm_up": "10m", "cool_down": "20m" }"#;
    type Params = Params;

    fn draft(params: Params, _: &Site<'_>) -> Result<Draft, Mistake> {
        if !params.above.is_finite() {
            return Err(Mistake::new("/above", "the threshold is not finite"));
        }
        let (above, warm_up, cool_down) = (params.above, params.warm_up.0, params.cool_down.0);
        Ok(Draft {
            outputs: ["warming", "cooling", "since_switch"].map(str::to_owned).into(),
            window: None,
            work: Work::Series(Box::new(move || {
                Box::new(Carry::new(Switch { above, warm_up, cool_down }, 2))
            })),
        })
    }
}

/// Carries whether it is on (1) or off (0), and since when.
struct Switch {
    above: f64,
    warm_up: i64,
    cool_down: i64,
}

impl Step for Switch {
    fn emit(&self, carried: &[f64], at: i64, out: &mut [f64]) {
        let Some(since) = time(carried[1]) else { return out.fill(f64::NAN) };
        let is_on = carried[0] > 0.5;
        let passed = at - since;
        out[0] = f64::from(u8::from(is_on && passed <= self.warm_up));
        out[1] = f64::from(u8::from(!is_on && passed <= self.cool_down));
        out[2] = Span(passed).as_seconds();
    }

    fn absorb(&self, carried: &mut [f64], at: i64, value: f64) {
        if value.is_nan() {
            return;
        }
        let is_on = f64::from(u8::from(value > self.above));
        if (is_on - carried[0]).abs() < 0.5 {
            return;
        }
        carried[0] = is_on;
        carried[1] = carried_time(at);
    }
}
