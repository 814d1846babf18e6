//! A moment in a column of the data that had not come when the row happened.

use super::{Canary, FoundBy, Planted, Setting};
use crate::panel::{Cells, Panel, PanelColumn};
use crate::time::Span;

pub(crate) struct LateStamp;

impl Canary for LateStamp {
    const NAME: &'static str = "late_stamp";
    const ABOUT: &'static str =
        "a column of moments after the event, such as when a fault was closed";
    const FOUND_BY: FoundBy = FoundBy::Clock;

    fn plant(panel: &Panel, setting: &Setting) -> Planted {
        let mut planted = panel.clone();
        planted.columns.push(PanelColumn { name: Self::NAME.to_owned(), delay: Span::ZERO });
        for series in &mut planted.series {
            let late = |at: &crate::time::Timestamp| Some(*at + setting.horizon.max(Span(1)));
            series.cells.push(Cells::Times(series.event.iter().map(late).collect()));
        }
        Planted::Panel(planted)
    }
}
