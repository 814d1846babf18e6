//! The symmetric share of the M4 competition, from 0 to 200 %.

use super::{Better, Judged, NoScore, Score};

pub(crate) struct Smape;

impl Score for Smape {
    const NAME: &'static str = "smape";
    const ABOUT: &'static str =
        "the error as a percentage of the mean of truth and prediction, as in M4 (0 to 200)";
    const BETTER: Better = Better::Lower;

    fn score(judged: &Judged<'_>) -> Result<f64, NoScore> {
        // Where both are 0 the prediction is right.
        let share = |truth: f64, predicted: f64| match truth.abs() + predicted.abs() {
            0.0 => 0.0,
            size => 200.0 * (truth - predicted).abs() / size,
        };
        Ok(judged.mean(share))
    }
}
