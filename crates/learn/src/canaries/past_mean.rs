//! A control: the mean of the last rows.

use super::{Canary, FoundBy, Planted, Setting, column, mean_of_present};
use crate::panel::Panel;

pub(crate) struct PastMean;

impl Canary for PastMean {
    const NAME: &'static str = "past_mean";
    const ABOUT: &'static str =
        "a control: the mean of the last six values, without the row itself";
    const FOUND_BY: FoundBy = FoundBy::Nothing;

    fn plant(panel: &Panel, _: &Setting) -> Planted {
        Planted::Column(column(panel, |_, target, row| {
            mean_of_present(&target[row.saturating_sub(6)..row])
        }))
    }
}
