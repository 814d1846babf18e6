//! A control: the target some rows ago.

use super::{Canary, FoundBy, Planted, Setting, column};
use crate::panel::Panel;

pub(crate) struct KnownLag<const ROWS: usize>;

impl<const ROWS: usize> Canary for KnownLag<ROWS> {
    const NAME: &'static str = match ROWS {
        1 => "known_lag_1",
        24 => "known_lag_24",
        _ => panic!("a lag has a name of its own"),
    };
    const ABOUT: &'static str = "a control: the target so many rows ago";
    const FOUND_BY: FoundBy = FoundBy::Nothing;

    fn plant(panel: &Panel, _: &Setting) -> Planted {
        Planted::Column(column(panel, |_, target, row| {
            row.checked_sub(ROWS).map_or(f64::NAN, |row| target[row])
        }))
    }
}
