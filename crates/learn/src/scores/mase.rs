//! The mean absolute error, scaled by that of the naive forecast in training (Hyndman and Koehler, 2006).

use super::{Better, Judged, NoScore, Score};

pub(crate) struct Mase;

impl Score for Mase {
    const NAME: &'static str = "mase";
    const ABOUT: &'static str =
        "the mean absolute error over that of the seasonal naive forecast in training";
    const BETTER: Better = Better::Lower;

    fn score(judged: &Judged<'_>) -> Result<f64, NoScore> {
        let naive = judged.naive.ok_or(NoScore::Without("errors of the naive forecast"))?;
        if !(naive.is_finite() && naive > 0.0) {
            return Err(NoScore::NoNaiveError);
        }
        Ok(judged.mean(|truth, predicted| (truth - predicted).abs()) / naive)
    }
}
