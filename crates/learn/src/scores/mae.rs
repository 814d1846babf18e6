//! The mean absolute error.

use super::{Better, Judged, NoScore, Score};

pub(crate) struct Mae;

impl Score for Mae {
    const NAME: &'static str = "mae";
    const ABOUT: &'static str = "the mean absolute error";
    const BETTER: Better = Better::Lower;

    fn score(judged: &Judged<'_>) -> Result<f64, NoScore> {
        Ok(judged.mean(|truth, predicted| (truth - predicted).abs()))
    }
}
