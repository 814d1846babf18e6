//! The root of the mean squared error.

use super::{Better, Judged, NoScore, Score};

pub(crate) struct Rmse;

impl Score for Rmse {
    const NAME: &'static str = "rmse";
    const ABOUT: &'static str = "the root of the mean squared error";
    const BETTER: Better = Better::Lower;

    fn score(judged: &Judged<'_>) -> Result<f64, NoScore> {
        Ok(judged.mean(|truth, predicted| (truth - predicted).powi(2)).sqrt())
    }
}
