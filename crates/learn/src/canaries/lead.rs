//! The target itself, from the time that it is predicted for.

use super::{Canary, FoundBy, Planted, Setting, column, value_from};
use crate::panel::Panel;
use crate::time::Span;

pub(crate) struct Lead;

impl Canary for Lead {
    const NAME: &'static str = "lead";
    const ABOUT: &'static str = "the target at the horizon";
    const FOUND_BY: FoundBy = FoundBy::Future;

    fn plant(panel: &Panel, setting: &Setting) -> Planted {
        Planted::Column(column(panel, |series, target, row| {
            value_from(series, target, series.event[row] + setting.horizon.max(Span(1)))
        }))
    }
}
