//! The target at its horizon under noise: leaks that no score would show.

use super::{Canary, FoundBy, Planted, Setting, value_from};
use crate::maths::deviation;
use crate::panel::{Panel, Series};
use crate::time::Span;

/// The ratio of the variance of the target to that of the noise; 0 stands for a tenth.
pub(crate) struct NoisyLead<const RATIO: u32>;

impl<const RATIO: u32> Canary for NoisyLead<RATIO> {
    const NAME: &'static str = match RATIO {
        100 => "noisy_lead_100",
        10 => "noisy_lead_10",
        1 => "noisy_lead_1",
        0 => "noisy_lead_0.1",
        _ => panic!("a ratio has a name of its own"),
    };
    const ABOUT: &'static str = "the target at the horizon, with noise of so much less variance";
    const FOUND_BY: FoundBy = FoundBy::Future;

    fn plant(panel: &Panel, setting: &Setting) -> Planted {
        let ratio = if RATIO == 0 { 0.1 } else { f64::from(RATIO) };
        let noisy = |series: &Series| {
            let target = panel.target_of(series);
            // Of the first rows, which no future changes.
            let head = target.iter().take(8).copied().filter(|value| value.is_finite());
            let head: Vec<f64> = head.collect();
            let size = deviation(&head).max(f64::MIN_POSITIVE) / ratio.sqrt();
            let lead = |at| value_from(series, target, at + setting.horizon.max(Span(1)));
            let draw = |at: crate::time::Timestamp| {
                let seed = setting.seed.derive(&format!("{} {RATIO} {}", series.entity, at.0));
                seed.draws().normal()
            };
            series.event.iter().map(|at| lead(*at) + size * draw(*at)).collect()
        };
        Planted::Column(panel.series.iter().map(noisy).collect())
    }
}
