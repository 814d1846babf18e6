//! Fixed bounds.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::mistake::Mistake;
use crate::operator::{Draft, Formula, Grade, Operator, Reads, Rows, Sight, Site, Work};
use crate::time::Span;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Params {
    /// Smaller values become this.
    min: Option<f64>,
    /// Larger values become this.
    max: Option<f64>,
}

pub(crate) struct Clip;

impl Operator for Clip {
    const NAME: &'static str = "clip";
    const ABOUT: &'static str = "the value within fixed bounds";
    const GRADE: Grade = Grade::Causal;
    const SIGHT: Sight = Sight::At;
    const READS: Reads = Reads::Number;
    const EXAMPLE: &'static str = r#"{ "min": -1.0, "max": 1.0 }"#;
    type Params = Params;

    fn draft(params: Params, _: &Site<'_>) -> Result<Draft, Mistake> {
        let (min, max) = match (params.min, params.max) {
            (None, None) => {
                return Err(
                    Mistake::new("", "nothing is clipped").hint("give `min`, `max` or both")
                );
            }
            (min, max) => (min.unwrap_or(f64::NEG_INFINITY), max.unwrap_or(f64::INFINITY)),
        };
        if min > max {
            return Err(
                Mistake::new("/min", format!("{min} lies above {max}")).hint("swap the bounds")
            );
        }
        Ok(Draft {
            outputs: vec!["clipped".to_owned()],
            window: Some(Span(0)),
            work: Work::Rows(Box::new(Within { min, max })),
        })
    }
}

/// Values between two bounds.
pub(super) struct Within {
    pub(super) min: f64,
    pub(super) max: f64,
}

impl Formula for Within {
    fn apply(&self, rows: &Rows<'_>, out: &mut [&mut [f64]]) {
        for (value, place) in rows.inputs[0].iter().zip(out[0].iter_mut()) {
            // Comparisons with a missing value are false, so it stays missing.
            let low = if *value < self.min { self.min } else { *value };
            *place = if low > self.max { self.max } else { low };
        }
    }
}
