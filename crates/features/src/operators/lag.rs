//! Values of earlier times.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::machines::Lookup;
use crate::mistake::Mistake;
use crate::operator::{Draft, Grade, Operator, Reads, Sight, Site, Work};
use crate::time::{Reach, Span};

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Params {
    /// How far back: one column for each.
    by: Vec<Reach>,
}

pub(crate) struct Lag;

impl Operator for Lag {
    const NAME: &'static str = "lag";
    const ABOUT: &'static str =
        "the value at exactly that time before; missing where there was none, as in a gap";
    const GRADE: Grade = Grade::Causal;
    const SIGHT: Sight = Sight::Before;
    const READS: Reads = Reads::Number;
    const EXAMPLE: &'static str = r#"{ "by": [1, 5, "1h"] }"#;
    type Params = Params;

    fn draft(params: Params, site: &Site<'_>) -> Result<Draft, Mistake> {
        if params.by.is_empty() {
            return Err(
                Mistake::new("/by", "there is no lag").hint("write one at least, as in `by: [1]`")
            );
        }
        let spans: Result<Vec<Span>, Mistake> =
            params.by.iter().map(|reach| site.span(*reach, "by")).collect();
        let distances: Vec<i64> = spans?.iter().map(|span| span.0).collect();
        Ok(Draft {
            outputs: params.by.iter().map(|reach| format!("lag_{reach}")).collect(),
            window: distances.iter().max().map(|furthest| Span(*furthest)),
            work: Work::Series(Box::new(move || Box::new(Lookup::new(distances.clone())))),
        })
    }
}
