//! What is missing is taken from what comes next.

use super::{Canary, FoundBy, Planted, Setting, column};
use crate::panel::Panel;

pub(crate) struct BackFill;

impl Canary for BackFill {
    const NAME: &'static str = "back_fill";
    const ABOUT: &'static str =
        "seven of eight values are lost and filled with the next one that is there";
    const FOUND_BY: FoundBy = FoundBy::Future;

    fn plant(panel: &Panel, _: &Setting) -> Planted {
        let is_lost = |row: usize| row % 8 != 0;
        Planted::Column(column(panel, |_, target, row| {
            let present = |row: &usize| !is_lost(*row) && target[*row].is_finite();
            (row..target.len()).find(present).map_or(f64::NAN, |row| target[row])
        }))
    }
}
