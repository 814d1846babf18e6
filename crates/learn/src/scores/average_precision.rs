//! The mean precision over what came true.

use super::{Better, Judged, NoScore, Score};
use crate::maths::sum;

pub(crate) struct AveragePrecision;

impl Score for AveragePrecision {
    const NAME: &'static str = "average_precision";
    const ABOUT: &'static str =
        "the mean share of hits among what was ranked as high, over what came true";
    const BETTER: Better = Better::Higher;

    fn score(judged: &Judged<'_>) -> Result<f64, NoScore> {
        judged.check_classes()?;
        let ranked = judged.ranked();
        let yes = sum(ranked.iter().map(|(yes, _)| *yes));
        if yes <= 0.0 {
            return Err(NoScore::OneClass);
        }
        let (mut hits, mut all) = (0.0, 0.0);
        Ok(sum(ranked.iter().map(|(tied_yes, tied_no)| {
            hits += tied_yes;
            all += tied_yes + tied_no;
            if all > 0.0 { hits / all * tied_yes / yes } else { 0.0 }
        })))
    }
}
