//! Ratios.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::mistake::Mistake;
use crate::operator::{Draft, Formula, Grade, Operator, Reads, Rows, Sight, Site, Work};
use crate::time::Span;

#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Params {
    /// Divisors smaller than this, whatever their sign, are no divisors.
    #[serde(default = "tiny")]
    least: f64,
}

/// Far below what sensors tell apart, and far above what overflows.
fn tiny() -> f64 {
    1e-9
}

pub(crate) struct Ratio;

impl Operator for Ratio {
    const NAME: &'static str = "ratio";
    const ABOUT: &'static str =
        "the first value over the second; missing where the second is all but 0";
    const GRADE: Grade = Grade::Causal;
    const SIGHT: Sight = Sight::At;
    const READS: Reads = Reads::Numbers(2);
    const EXAMPLE: &'static str = r#"{ "least": 0.001 }"#;
    type Params = Params;

    fn draft(params: Params, _: &Site<'_>) -> Result<Draft, Mistake> {
        if !params.least.is_finite() || params.least <= 0.0 {
            return Err(Mistake::new("/least", "the smallest divisor is not above 0"));
        }
        Ok(Draft {
            outputs: vec!["ratio".to_owned()],
            window: Some(Span(0)),
            work: Work::Rows(Box::new(params)),
        })
    }
}

impl Formula for Params {
    fn apply(&self, rows: &Rows<'_>, out: &mut [&mut [f64]]) {
        let (over, under) = (rows.inputs[0], rows.inputs[1]);
        for ((over, under), place) in over.iter().zip(under).zip(out[0].iter_mut()) {
            *place = if under.abs() >= self.least { over / under } else { f64::NAN };
        }
    }
}
