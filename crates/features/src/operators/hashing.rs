//! Categories in so many columns, whatever they are.

use schemars::JsonSchema;
use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::one_hot::category;
use crate::mistake::Mistake;
use crate::operator::{Draft, Formula, Grade, Operator, Reads, Rows, Sight, Site, Work};
use crate::time::Span;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Params {
    /// How many columns.
    #[schemars(range(min = 2, max = 1024))]
    buckets: u16,
}

pub(crate) struct Hashing;

impl Operator for Hashing {
    const NAME: &'static str = "hashing";
    const ABOUT: &'static str = "1 or -1 in the column that the category's hash chooses";
    const GRADE: Grade = Grade::Causal;
    const SIGHT: Sight = Sight::At;
    const READS: Reads = Reads::Category;
    const EXAMPLE: &'static str = r#"{ "buckets": 4 }"#;
    type Params = Params;

    fn draft(params: Params, _: &Site<'_>) -> Result<Draft, Mistake> {
        if !(2..=1024).contains(&params.buckets) {
            return Err(Mistake::new(
                "/buckets",
                format!("{} columns are not made", params.buckets),
            )
            .hint("write a number from 2 to 1024"));
        }
        Ok(Draft {
            outputs: (0..params.buckets).map(|bucket| format!("hash_{bucket}")).collect(),
            window: Some(Span(0)),
            work: Work::Rows(Box::new(params)),
        })
    }
}

impl Params {
    /// The column and the sign of a category: two that collide cancel out as often as they add up (Weinberger et al. 2009).
    fn place(&self, name: &str) -> (usize, f64) {
        let digest: [u8; 32] = Sha256::digest(name.as_bytes()).into();
        let number = u16::from_le_bytes([digest[0], digest[1]]);
        let sign = if digest[2] & 1 == 0 { 1.0 } else { -1.0 };
        (usize::from(number % self.buckets), sign)
    }
}

impl Formula for Params {
    fn apply(&self, rows: &Rows<'_>, out: &mut [&mut [f64]]) {
        let places: Vec<(usize, f64)> =
            rows.labels[0].iter().map(|name| self.place(name)).collect();
        for column in out.iter_mut() {
            column.fill(0.0);
        }
        for (row, code) in rows.inputs[0].iter().enumerate() {
            if let Some(code) = category(*code) {
                let (bucket, sign) = places[code];
                out[bucket][row] = sign;
            }
        }
    }
}
