//! The share of rows that intervals hold.

use super::{Better, Judged, NoScore, Score};

pub(crate) struct Coverage;

impl Score for Coverage {
    const NAME: &'static str = "coverage";
    const ABOUT: &'static str = "the share of rows within their interval";
    const BETTER: Better = Better::Nearest;

    fn score(judged: &Judged<'_>) -> Result<f64, NoScore> {
        let (lower, upper) = judged.bounds()?;
        Ok(judged.mean_by_row(|row| {
            let truth = judged.truth[row];
            f64::from(u8::from(lower[row] <= truth && truth <= upper[row]))
        }))
    }
}
