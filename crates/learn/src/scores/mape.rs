//! The mean absolute error as a share of what came true.

use super::{Better, Judged, NoScore, Score};

pub(crate) struct Mape;

impl Score for Mape {
    const NAME: &'static str = "mape";
    const ABOUT: &'static str = "the mean absolute error as a share of what came true";
    const BETTER: Better = Better::Lower;

    fn score(judged: &Judged<'_>) -> Result<f64, NoScore> {
        if let Some(row) = judged.truth.iter().position(|truth| *truth == 0.0) {
            return Err(NoScore::Zero { row });
        }
        Ok(judged.mean(|truth, predicted| ((truth - predicted) / truth).abs()))
    }
}
