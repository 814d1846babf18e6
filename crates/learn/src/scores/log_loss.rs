//! The mean surprise at what came true.

use super::{Better, Judged, NoScore, Score};

pub(crate) struct LogLoss;

impl Score for LogLoss {
    const NAME: &'static str = "log_loss";
    const ABOUT: &'static str =
        "the mean logarithm of the probability of what came true, with its sign turned";
    const BETTER: Better = Better::Lower;

    fn score(judged: &Judged<'_>) -> Result<f64, NoScore> {
        judged.check_probabilities()?;
        // As scikit-learn does: certainty is taken to be off by the least that is possible, so that one wrong row is not infinite.
        let bounded = |share: f64| share.clamp(f64::EPSILON, 1.0 - f64::EPSILON);
        Ok(judged.mean(|truth, predicted| {
            let chance = if truth > 0.5 { predicted } else { 1.0 - predicted };
            -bounded(chance).ln()
        }))
    }
}
