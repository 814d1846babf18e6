//! What is missing is taken from what comes next.

use super::{Canary, FoundBy, Planted, Setting, column};
use crate::panel::Panel;
use crate::seed::Seed;
use crate::time::Timestamp;

pub(crate) struct BackFill;

impl Canary for BackFill {
    const NAME: &'static str = "back_fill";
    const ABOUT: &'static str =
        "seven of eight values are lost and filled with the next one that is there";
    const FOUND_BY: FoundBy = FoundBy::Future;

    fn plant(panel: &Panel, _: &Setting) -> Planted {
        // By the time, so that a part of a series loses what the whole does.
        let is_lost = |at: Timestamp| !Seed(at.0.cast_unsigned()).draws().bits().is_multiple_of(8);
        Planted::Column(column(panel, |series, target, row| {
            let present = |row: &usize| !is_lost(series.event[*row]) && target[*row].is_finite();
            (row..target.len()).find(present).map_or(f64::NAN, |row| target[row])
        }))
    }
}
