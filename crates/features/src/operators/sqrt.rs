//! Square roots.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::mistake::Mistake;
use crate::operator::{Draft, Formula, Grade, Operator, Reads, Rows, Sight, Site, Work};
use crate::time::Span;

#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Params {
    /// Whether values below 0 have the root of their size, with their sign.
    #[serde(default)]
    signed: bool,
}

pub(crate) struct Sqrt;

impl Operator for Sqrt {
    const NAME: &'static str = "sqrt";
    const ABOUT: &'static str =
        "the square root of the value; missing below 0, or with its sign where that is asked for";
    const GRADE: Grade = Grade::Causal;
    const SIGHT: Sight = Sight::At;
    const READS: Reads = Reads::Number;
    const EXAMPLE: &'static str = r#"{ "signed": true }"#;
    type Params = Params;

    fn draft(params: Params, _: &Site<'_>) -> Result<Draft, Mistake> {
        Ok(Draft {
            outputs: vec!["sqrt".to_owned()],
            window: Some(Span(0)),
            work: Work::Rows(Box::new(params)),
        })
    }
}

impl Formula for Params {
    fn apply(&self, rows: &Rows<'_>, out: &mut [&mut [f64]]) {
        for (value, place) in rows.inputs[0].iter().zip(out[0].iter_mut()) {
            *place = if self.signed && *value < 0.0 { -(-value).sqrt() } else { value.sqrt() };
            if place.is_nan() {
                *place = f64::NAN;
            }
        }
    }
}
