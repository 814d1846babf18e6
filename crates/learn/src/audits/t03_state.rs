//! Going on from a saved state gives the same bits as starting anew.

use super::{Audit, AuditError, Bench, Tried};
use crate::certificate::{Comparison, FeatureSeries, failed, of_entity, once_each};
use crate::time::{Span, Stretch, Timestamp};

pub(crate) struct State;

impl Audit for State {
    const ID: &'static str = "T3";
    const ABOUT: &'static str =
        "one row at a time from a saved state gives the bits of the whole pass";

    fn run(bench: &Bench<'_>) -> Result<Tried, AuditError> {
        let Some(window) = bench.window() else {
            return Ok(Tried::nothing("there is no cut"));
        };
        // The state is saved at the first cut, before which everything was fitted.
        let saved = window.request.fit_until;
        let past = window.panel.series.iter().map(|series| series.slice(0..series.until(saved)));
        let past = window.panel.with(past.collect());
        bench.count(&past);
        let state = bench.subject.state(&past, window.request).map_err(failed("save a state"))?;
        let Some(mut state) = state else {
            return Ok(Tried::nothing("the subject has no state"));
        };
        let whole = bench.transform(&window.panel, window.request)?;
        let mut found = Comparison::default();
        for series in &window.panel.series {
            let mut online: Option<FeatureSeries> = None;
            for row in series.until(saved)..series.event.len() {
                let one = window.panel.with(vec![series.slice(row..row + 1)]);
                bench.count(&one);
                let (features, next) =
                    bench.subject.resume(&state, &one).map_err(failed("go on from a state"))?;
                state = next;
                for new in features.series {
                    match &mut online {
                        None => online = Some(new),
                        Some(known) => {
                            known.event.extend(new.event);
                            known
                                .values
                                .iter_mut()
                                .zip(new.values)
                                .for_each(|(known, new)| known.extend(new));
                        }
                    }
                }
            }
            if let Some(batch) = of_entity(&whole, &series.entity) {
                let rest = Stretch::new(saved + Span(1), Timestamp::NEVER);
                // Pooled columns see other entities in another order when rows come one by one.
                found.series((batch, online.as_ref()), rest, |column| {
                    whole.columns[column].is_pooled
                });
            }
        }
        let findings =
            once_each(found.findings(&whole.columns, "is another when its row comes by itself"));
        Ok(Tried { compared: found.compared, findings, notes: Vec::new() })
    }
}
