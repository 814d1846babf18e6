//! Scaled by the mean and the deviation of all rows, those to come included.

use super::{Canary, FoundBy, Planted, Setting, mean_of_present};
use crate::panel::Panel;

pub(crate) struct GlobalZScore;

impl Canary for GlobalZScore {
    const NAME: &'static str = "global_z_score";
    const ABOUT: &'static str = "the distance from the mean of the whole series, in its deviations";
    const FOUND_BY: FoundBy = FoundBy::Future;

    fn plant(panel: &Panel, _: &Setting) -> Planted {
        let scaled = |series| {
            let target = panel.target_of(series);
            let mean = mean_of_present(target);
            let squares: Vec<f64> = target.iter().map(|value| (value - mean).powi(2)).collect();
            let deviation = mean_of_present(&squares).sqrt();
            target.iter().map(|value| (value - mean) / deviation).collect()
        };
        Planted::Column(panel.series.iter().map(scaled).collect())
    }
}
