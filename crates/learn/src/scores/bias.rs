//! How much too high predictions are on the mean.

use super::{Better, Judged, NoScore, Score};

pub(crate) struct Bias;

impl Score for Bias {
    const NAME: &'static str = "bias";
    const ABOUT: &'static str = "how much too high predictions are on the mean; best at 0";
    const BETTER: Better = Better::Nearest;

    fn score(judged: &Judged<'_>) -> Result<f64, NoScore> {
        Ok(judged.mean(|truth, predicted| predicted - truth))
    }
}
