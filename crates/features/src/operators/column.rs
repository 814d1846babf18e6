//! A column as it is.

use crate::mistake::Mistake;
use crate::operator::{Draft, Formula, Grade, NoParams, Operator, Reads, Rows, Sight, Site, Work};
use crate::time::Span;

pub(crate) struct Column;

impl Operator for Column {
    const NAME: &'static str = "column";
    const ABOUT: &'static str = "the value that is known at the row";
    const GRADE: Grade = Grade::Causal;
    const SIGHT: Sight = Sight::At;
    const READS: Reads = Reads::Number;
    const EXAMPLE: &'static str = "{}";
    type Params = NoParams;

    fn draft(_: NoParams, _: &Site<'_>) -> Result<Draft, Mistake> {
        Ok(Draft {
            outputs: vec![String::new()],
            window: Some(Span(0)),
            work: Work::Rows(Box::new(Same)),
        })
    }
}

struct Same;

impl Formula for Same {
    fn apply(&self, rows: &Rows<'_>, out: &mut [&mut [f64]]) {
        out[0].copy_from_slice(rows.inputs[0]);
    }
}
