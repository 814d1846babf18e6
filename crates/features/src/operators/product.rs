//! Products.

use crate::mistake::Mistake;
use crate::operator::{Draft, Formula, Grade, NoParams, Operator, Reads, Rows, Sight, Site, Work};
use crate::time::Span;

pub(crate) struct Product;

impl Operator for Product {
    const NAME: &'static str = "product";
    const ABOUT: &'static str = "the product of the values";
    const GRADE: Grade = Grade::Causal;
    const SIGHT: Sight = Sight::At;
    const READS: Reads = Reads::Numbers(2);
    const EXAMPLE: &'static str = "{}";
    type Params = NoParams;

    fn draft(_: NoParams, _: &Site<'_>) -> Result<Draft, Mistake> {
        Ok(Draft {
            outputs: vec!["product".to_owned()],
            window: Some(Span(0)),
            work: Work::Rows(Box::new(Factors)),
        })
    }
}

struct Factors;

impl Formula for Factors {
    fn apply(&self, rows: &Rows<'_>, out: &mut [&mut [f64]]) {
        out[0].copy_from_slice(rows.inputs[0]);
        for factor in &rows.inputs[1..] {
            for (value, place) in factor.iter().zip(out[0].iter_mut()) {
                *place *= value;
            }
        }
    }
}
