//! The area under the receiver operating characteristic.

use super::{Better, Judged, NoScore, Score};
use crate::maths::sum;

pub(crate) struct Auc;

impl Score for Auc {
    const NAME: &'static str = "auc";
    const ABOUT: &'static str =
        "the chance that what came true was ranked above what did not; ties count half";
    const BETTER: Better = Better::Higher;

    fn score(judged: &Judged<'_>) -> Result<f64, NoScore> {
        judged.check_classes()?;
        let ranked = judged.ranked();
        let yes = sum(ranked.iter().map(|(yes, _)| *yes));
        let no = sum(ranked.iter().map(|(_, no)| *no));
        if yes <= 0.0 || no <= 0.0 {
            return Err(NoScore::OneClass);
        }
        let mut below = no;
        let wins = sum(ranked.iter().map(|(tied_yes, tied_no)| {
            below -= tied_no;
            tied_yes * (below + tied_no / 2.0)
        }));
        Ok(wins / (yes * no))
    }
}
