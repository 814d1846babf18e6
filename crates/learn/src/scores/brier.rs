//! The mean squared error of probabilities (Brier, 1950).

use super::{Better, Judged, NoScore, Score};

pub(crate) struct Brier;

impl Score for Brier {
    const NAME: &'static str = "brier";
    const ABOUT: &'static str = "the mean squared error of probabilities";
    const BETTER: Better = Better::Lower;

    fn score(judged: &Judged<'_>) -> Result<f64, NoScore> {
        judged.check_probabilities()?;
        Ok(judged.mean(|truth, predicted| (truth - predicted).powi(2)))
    }
}
