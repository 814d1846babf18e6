//! A mean over both sides of the row.

use super::{Canary, FoundBy, Planted, Setting, column, mean_of_present};
use crate::panel::Panel;

pub(crate) struct CentredMean;

impl Canary for CentredMean {
    const NAME: &'static str = "centred_mean";
    const ABOUT: &'static str = "the mean of two rows before, the row and two rows after";
    const FOUND_BY: FoundBy = FoundBy::Future;

    fn plant(panel: &Panel, _: &Setting) -> Planted {
        Planted::Column(column(panel, |_, target, row| {
            mean_of_present(&target[row.saturating_sub(2)..(row + 3).min(target.len())])
        }))
    }
}
