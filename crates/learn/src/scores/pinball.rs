//! The loss of a quantile (Koenker and Bassett, 1978).

use super::{Better, Judged, NoScore, Score};

pub(crate) struct Pinball;

impl Score for Pinball {
    const NAME: &'static str = "pinball";
    const ABOUT: &'static str = "the loss of a predicted quantile";
    const BETTER: Better = Better::Lower;

    fn score(judged: &Judged<'_>) -> Result<f64, NoScore> {
        let quantile = judged.quantile;
        if !(quantile > 0.0 && quantile < 1.0) {
            return Err(NoScore::Quantile(quantile));
        }
        Ok(judged.mean(|truth, predicted| {
            let over = truth - predicted;
            if over >= 0.0 { quantile * over } else { (quantile - 1.0) * over }
        }))
    }
}
