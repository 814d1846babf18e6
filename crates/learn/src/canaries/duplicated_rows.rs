//! Rows of the training that come again in the test.

use super::{Canary, FoundBy, Planted, Setting};
use crate::panel::Panel;

pub(crate) struct DuplicatedRows;

impl Canary for DuplicatedRows {
    const NAME: &'static str = "duplicated_rows";
    const ABOUT: &'static str =
        "rows from before the split, copied to after it under another entity";
    const FOUND_BY: FoundBy = FoundBy::Twins;

    fn plant(panel: &Panel, setting: &Setting) -> Planted {
        let mut planted = panel.clone();
        let longest = panel.series.iter().max_by_key(|series| series.until(setting.split));
        if let Some(series) = longest {
            let before = series.event.partition_point(|at| *at < setting.split);
            let count = (before / 10).clamp(8.min(before), 64);
            let rows = before / 2 - (count / 2).min(before / 2)
                ..before / 2 + count.div_ceil(2).min(before - before / 2);
            let mut copy = series.slice(rows);
            copy.entity = format!("{} again", series.entity);
            if let Some(first) = copy.event.first().copied() {
                let shift = setting.split - first;
                copy.event.iter_mut().for_each(|at| *at = *at + shift);
                planted.series.push(copy);
            }
        }
        Planted::Panel(planted)
    }
}
