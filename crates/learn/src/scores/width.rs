//! How wide intervals are.

use super::{Better, Judged, NoScore, Score};

pub(crate) struct Width;

impl Score for Width {
    const NAME: &'static str = "width";
    const ABOUT: &'static str = "the mean width of intervals";
    const BETTER: Better = Better::Lower;

    fn score(judged: &Judged<'_>) -> Result<f64, NoScore> {
        let (lower, upper) = judged.bounds()?;
        Ok(judged.mean_by_row(|row| upper[row] - lower[row]))
    }
}
