//! What all entities did before.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::machines::{Column, Expanding, Rolling, Stat};
use crate::mistake::Mistake;
use crate::operator::{Draft, Grade, Operator, Reads, Sight, Site, Work};
use crate::time::Reach;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Params {
    /// The window that ends before the row; all the past where it is left out.
    window: Option<Reach>,
}

pub(crate) struct Pooled;

impl Operator for Pooled {
    const NAME: &'static str = "pooled";
    const ABOUT: &'static str =
        "the mean over earlier times of the mean of all entities at that time";
    const GRADE: Grade = Grade::Causal;
    const SIGHT: Sight = Sight::Before;
    const READS: Reads = Reads::Number;
    const EXAMPLE: &'static str = r#"{ "window": "1h" }"#;
    type Params = Params;

    fn draft(params: Params, site: &Site<'_>) -> Result<Draft, Mistake> {
        let step = site.step.map(|step| step.0);
        let Some(window) = params.window else {
            return Ok(Draft {
                outputs: vec!["pooled_mean".to_owned()],
                window: None,
                work: Work::Pooled(Box::new(move || {
                    Box::new(Expanding::new(1, step, vec![Stat::Mean]))
                })),
            });
        };
        let span = site.span(window, "window")?;
        let machine = Rolling::new(span.0, 1, step, vec![Column::Of(Stat::Mean)]);
        Ok(Draft {
            outputs: vec![format!("pooled{window}_mean")],
            window: Some(span),
            work: Work::Pooled(Box::new(move || Box::new(machine.clone()))),
        })
    }
}
