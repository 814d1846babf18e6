//! Labels and values count from when they were known.

use super::{Audit, AuditError, Bench, Tried};
use crate::certificate::{Adversary, Comparison, Finding, of_entity, once_each};
use crate::clock;
use crate::folds::{Fold, Folds, Order};
use crate::panel::{Cells, Panel, PanelColumn};
use crate::time::{Span, Stretch, Timestamp};

pub(crate) struct Clock;

impl Audit for Clock {
    const ID: &'static str = "T4";
    const ABOUT: &'static str = "labels are purged by when they were known, embargoes are long enough, delays of values are kept to";

    fn run(bench: &Bench<'_>) -> Result<Tried, AuditError> {
        let mut tried = Tried::default();
        let clock = bench.labelled.dataset.clock();
        for fold in &bench.folds.folds {
            hold_fold(&bench.folds, fold, &clock, &mut tried);
            for inner in &fold.inner {
                hold_fold(&bench.folds, inner, &clock, &mut tried);
            }
        }
        if let Some(shortened) = &bench.folds.guards.shortened {
            let embargo = bench.folds.guards.embargo;
            tried.notes.push(format!(
                "the embargo is {embargo} instead of {}: {}",
                shortened.least, shortened.reason
            ));
        }
        tried.findings.extend(late_stamps(bench.panel));
        delayed(bench, &mut tried)?;
        tried.findings = once_each(tried.findings);
        Ok(tried)
    }
}

fn hold_fold(folds: &Folds, fold: &Fold, clock: &clock::Clock<'_>, tried: &mut Tried) {
    if fold.order == Order::Groups {
        return;
    }
    let least = clock.least_embargo();
    let required = if folds.guards.shortened.is_some() { folds.guards.embargo } else { least };
    let tests: Vec<Stretch> = fold.tested.clone();
    let answered = |stretch: &Stretch| {
        let rows = fold.test.iter().filter(|row| stretch.contains(clock.event[*row]));
        rows.map(|row| clock.known[row]).max()
    };
    for (stretch, answered) in
        tests.iter().filter_map(|stretch| Some((stretch, answered(stretch)?)))
    {
        let told = Stretch::new(stretch.from + Span(1), answered + Span(1));
        let overlapping = fold.train.iter().find(|row| clock.label_interval(*row).overlaps(told));
        tried.hold(overlapping.is_none(), || {
            format!(
                "fold {} learns from a label that was known after its test began, at {}",
                fold.name, stretch.from
            )
        });
        let near = fold.train.iter().find(|row| {
            let at = clock.event[*row];
            at + required > stretch.from && at < answered + required
        });
        tried.hold(near.is_none(), || {
            format!(
                "fold {} learns within the embargo of {required} of its test from {}",
                fold.name, stretch.from
            )
        });
    }
}

/// Columns of moments that had not come when their rows could be read.
pub(super) fn late_stamps(panel: &Panel) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (index, column) in panel.columns.iter().enumerate() {
        if column.delay == PanelColumn::ALWAYS || column.delay < Span::ZERO {
            continue;
        }
        for series in &panel.series {
            let Cells::Times(stamps) = &series.cells[index] else {
                break;
            };
            let late = |(at, stamp): (&Timestamp, &Option<Timestamp>)| {
                stamp.filter(|stamp| *stamp > column.known(*at)).map(|stamp| (*at, stamp))
            };
            if let Some((at, stamp)) = series.event.iter().zip(stamps).find_map(late) {
                findings.push(Finding {
                    column: Some(column.name.clone()),
                    entity: Some(series.entity.clone()),
                    at: Some(at),
                    ..Finding::of_all(format!("a row holds the moment {stamp}, which had not come: give the column a publication delay"))
                });
                break;
            }
        }
    }
    findings
}

/// With every value published later, nothing of what was not published yet may show.
fn delayed(bench: &Bench<'_>, tried: &mut Tried) -> Result<(), AuditError> {
    let Some(window) = bench.window() else {
        return Ok(());
    };
    let delay = Span(bench.step.0.saturating_mul(2));
    let mut panel = window.panel.clone();
    for column in panel.columns.iter_mut().filter(|column| column.delay != PanelColumn::ALWAYS) {
        column.delay = Span(column.delay.0 + delay.0);
    }
    let base = bench.transform(&panel, window.request)?;
    let seed = bench.plan.seed.derive("delayed");
    let changed = panel.series.iter().zip(&window.cuts);
    let changed = changed.map(|(series, cut)| Adversary::Noise.change(&panel, series, *cut, seed));
    let other = bench.transform(&panel.with(changed.collect()), window.request)?;
    let first = window.cuts.iter().min().copied().unwrap_or_default();
    let mut found = Comparison::default();
    for (series, cut) in panel.series.iter().zip(&window.cuts) {
        if let Some(own) = of_entity(&base, &series.entity) {
            let until = |cut: Timestamp| Stretch::new(Timestamp::MIN, cut + Span(1));
            let other = of_entity(&other, &series.entity);
            found.series((own, other), until(*cut), |column| {
                base.columns[column].is_pooled && *cut > first
            });
        }
    }
    tried.compared += found.compared;
    tried.findings.extend(
        found.findings(
            &base.columns,
            &format!("reads values before they are published, {delay} late"),
        ),
    );
    Ok(())
}
