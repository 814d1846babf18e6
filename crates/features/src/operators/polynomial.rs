//! Powers.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::mistake::Mistake;
use crate::operator::{Draft, Formula, Grade, Operator, Reads, Rows, Sight, Site, Work};
use crate::time::Span;

#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Params {
    /// The highest power.
    #[schemars(range(min = 2, max = 5))]
    degree: u8,
}

pub(crate) struct Polynomial;

impl Operator for Polynomial {
    const NAME: &'static str = "polynomial";
    const ABOUT: &'static str = "the square of the value, and higher powers up to a degree";
    const GRADE: Grade = Grade::Causal;
    const SIGHT: Sight = Sight::At;
    const READS: Reads = Reads::Number;
    const EXAMPLE: &'static str = r#"{ "degree": 3 }"#;
    type Params = Params;

    fn draft(params: Params, _: &Site<'_>) -> Result<Draft, Mistake> {
        if !(2..=5).contains(&params.degree) {
            return Err(Mistake::new(
                "/degree",
                format!("a degree of {} is not computed", params.degree),
            )
            .hint("write a number from 2 to 5"));
        }
        Ok(Draft {
            outputs: (2..=params.degree).map(|power| format!("power_{power}")).collect(),
            window: Some(Span(0)),
            work: Work::Rows(Box::new(params)),
        })
    }
}

impl Formula for Params {
    fn apply(&self, rows: &Rows<'_>, out: &mut [&mut [f64]]) {
        for (power, column) in (2..).zip(out.iter_mut()) {
            for (value, place) in rows.inputs[0].iter().zip(column.iter_mut()) {
                *place = value.powi(power);
            }
        }
    }
}
