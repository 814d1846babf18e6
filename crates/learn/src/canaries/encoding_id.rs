//! A number of the row that hangs on what will come of it, as numbers do that are given out afterwards.

use super::{Canary, FoundBy, Planted, Setting, column, value_from};
use crate::panel::Panel;
use crate::time::Span;

pub(crate) struct EncodingId;

impl Canary for EncodingId {
    const NAME: &'static str = "encoding_id";
    const ABOUT: &'static str = "an id whose order is that of the target at the horizon";
    const FOUND_BY: FoundBy = FoundBy::TooGood;

    fn plant(panel: &Panel, setting: &Setting) -> Planted {
        let leads = column(panel, |series, target, row| {
            value_from(series, target, series.event[row] + setting.horizon.max(Span(1)))
        });
        let mut order: Vec<(f64, usize, usize)> = Vec::new();
        for (series, leads) in leads.iter().enumerate() {
            order.extend(leads.iter().enumerate().map(|(row, lead)| (*lead, series, row)));
        }
        order.sort_by(|a, b| a.0.total_cmp(&b.0).then_with(|| (a.1, a.2).cmp(&(b.1, b.2))));
        let mut ids: Vec<Vec<f64>> = leads.iter().map(|leads| vec![0.0; leads.len()]).collect();
        for (id, (_, series, row)) in order.into_iter().enumerate() {
            ids[series][row] = 1_000_000.0 + id as f64;
        }
        Planted::Data(ids)
    }
}
