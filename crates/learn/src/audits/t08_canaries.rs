//! Planted leaks are found, and controls are not flagged.

use std::collections::BTreeSet;

use super::t04_clock::late_stamps;
use super::t09_provenance::twins;
use super::t10_backstop::too_good;
use super::{Audit, AuditError, Bench, Tried};
use crate::canaries::{self, FoundBy, Planted, Setting};
use crate::certificate::{CanarySubject, Subject};

pub(crate) struct Canaries;

impl Audit for Canaries {
    const ID: &'static str = "T8";
    const ABOUT: &'static str =
        "planted leaks are found by the tests above and below, and pure lags are not flagged";

    fn run(bench: &Bench<'_>) -> Result<Tried, AuditError> {
        let setting = Setting {
            horizon: bench.subject.horizon(),
            split: bench.split(),
            seed: bench.plan.seed.derive("canaries"),
        };
        let subject = CanarySubject { setting };
        let base = subject
            .transform(bench.panel, bench.request())
            .map_err(crate::certificate::failed("plant canaries"))?;
        let future = bench.futures_of(&subject, &base)?;
        let changed = future.ahead.findings(&base.columns, "").into_iter();
        let changed = changed.chain(future.prefix.findings(&base.columns, ""));
        let changed: BTreeSet<String> = changed.filter_map(|finding| finding.column).collect();
        let mut tried = Tried::default();
        for kind in canaries::all() {
            let planted = (kind.plant)(bench.panel, &setting);
            let found = match (&planted, kind.found_by) {
                (Planted::Column(_), _) => changed.contains(kind.name),
                (Planted::Data(values), _) => {
                    let Some(found) = too_good(bench, &bench.on_rows(values)) else {
                        tried.notes.push(format!("`{}` could not be tried: too few rows, or past values alone predict the target without an error", kind.name));
                        continue;
                    };
                    found.is_too_good()
                }
                (Planted::Panel(panel), FoundBy::Clock) => late_stamps(panel)
                    .iter()
                    .any(|finding| finding.column.as_deref() == Some(kind.name)),
                (Planted::Panel(panel), _) => twins(panel, setting.split).1.is_some(),
            };
            let is_control = kind.found_by == FoundBy::Nothing;
            tried.hold(found != is_control, || {
                let what = if is_control {
                    "the control was flagged"
                } else {
                    "the planted leak was not found"
                };
                format!("`{}`: {what}", kind.name)
            });
        }
        tried.notes.insert(0, format!("{} canaries and controls", canaries::all().len()));
        Ok(tried)
    }
}
