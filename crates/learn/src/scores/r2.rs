//! The share of variance that is explained.

use super::{Better, Judged, NoScore, Score};

pub(crate) struct R2;

impl Score for R2 {
    const NAME: &'static str = "r2";
    const ABOUT: &'static str = "the share of variance that is explained";
    const BETTER: Better = Better::Higher;

    fn score(judged: &Judged<'_>) -> Result<f64, NoScore> {
        let mean = judged.mean(|truth, _| truth);
        let variance = judged.mean(|truth, _| (truth - mean).powi(2));
        let first = judged.truth.first().copied().unwrap_or_default().to_bits();
        if variance <= 0.0 || judged.truth.iter().all(|truth| truth.to_bits() == first) {
            return Err(NoScore::Constant);
        }
        Ok(1.0 - judged.mean(|truth, predicted| (truth - predicted).powi(2)) / variance)
    }
}
