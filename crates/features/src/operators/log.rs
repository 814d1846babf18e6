//! Logarithms.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::mistake::Mistake;
use crate::operator::{Draft, Formula, Grade, Operator, Reads, Rows, Sight, Site, Work};
use crate::time::Span;

#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Params {
    /// Added before, such as 1 where values may be 0.
    #[serde(default)]
    shift: f64,
}

pub(crate) struct Log;

impl Operator for Log {
    const NAME: &'static str = "log";
    const ABOUT: &'static str =
        "the natural logarithm of the value plus a shift; missing where that is not positive";
    const GRADE: Grade = Grade::Causal;
    const SIGHT: Sight = Sight::At;
    const READS: Reads = Reads::Number;
    const EXAMPLE: &'static str = r#"{ "shift": 1.0 }"#;
    type Params = Params;

    fn draft(params: Params, _: &Site<'_>) -> Result<Draft, Mistake> {
        if !params.shift.is_finite() {
            return Err(Mistake::new("/shift", "the shift is not finite"));
        }
        Ok(Draft {
            outputs: vec!["log".to_owned()],
            window: Some(Span(0)),
            work: Work::Rows(Box::new(params)),
        })
    }
}

impl Formula for Params {
    fn apply(&self, rows: &Rows<'_>, out: &mut [&mut [f64]]) {
        for (value, place) in rows.inputs[0].iter().zip(out[0].iter_mut()) {
            let shifted = value + self.shift;
            *place = if shifted > 0.0 { shifted.ln() } else { f64::NAN };
        }
    }
}
