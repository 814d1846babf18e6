//! The workbench of an audit: the panel, its features, and what they become when the future is another.

use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};

use super::compare::{Comparison, of_entity};
use super::cuts::{cuts, step_of};
use super::labels::{Labelled, label};
use super::{Adversary, AuditError, Features, Finding, Modelling, Request, Subject, SubjectError};
use crate::folds::Folds;
use crate::panel::{Panel, Series};
use crate::seed::Seed;
use crate::splits::Splitting;
use crate::time::{Span, Stretch, Timestamp};

/// How much is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effort {
    /// One pass over all rows with another future for each entity, and short windows around all cuts: about two and a half passes in all.
    Sample,
    /// Every cut with every adversary over all rows.
    Exhaustive,
}

/// What an audit does.
#[derive(Clone, Debug)]
pub struct Plan {
    /// How many quantiles of each entity are cuts.
    pub cuts: usize,
    /// How much is tried.
    pub effort: Effort,
    /// How rows are divided for what is about folds.
    pub split: Value,
    /// Where chance begins.
    pub seed: Seed,
}

impl Default for Plan {
    /// Eight cuts, and three expanding folds with two inner ones each.
    fn default() -> Self {
        let split = json!({ "split": "nested", "with": {
            "outer": { "split": "expanding", "with": { "folds": 3 } },
            "inner": { "split": "expanding", "with": { "folds": 2 } },
        } });
        Self { cuts: 8, effort: Effort::Sample, split, seed: Seed(0) }
    }
}

/// The workbench of an audit.
pub struct Bench<'a> {
    pub(crate) subject: &'a dyn Subject,
    pub(crate) modelling: &'a dyn Modelling,
    pub(crate) panel: &'a Panel,
    pub(crate) plan: &'a Plan,
    pub(crate) base: Features,
    pub(crate) labelled: Labelled,
    pub(crate) folds: Folds,
    /// For each series, the last rows of the past.
    pub(crate) cuts: Vec<Vec<usize>>,
    pub(crate) future: Future,
    pub(crate) step: Span,
    worked: AtomicUsize,
}

/// What features became when the future was another.
#[derive(Clone, Debug, Default)]
pub(crate) struct Future {
    /// What changed before the cut.
    pub(crate) ahead: Comparison,
    /// What changed because of another entity.
    pub(crate) isolation: Comparison,
    /// What changed in prefixes: rows up to the cut, and none after.
    pub(crate) prefix: Comparison,
    /// How many entities were cut, over all cuts and adversaries.
    pub(crate) cases: usize,
}

/// A short panel around one cut of some entities.
pub(crate) struct Window {
    pub(crate) panel: Panel,
    /// For each series of it: when the future begins, just after this.
    pub(crate) cuts: Vec<Timestamp>,
    pub(crate) request: Request,
}

impl<'a> Bench<'a> {
    pub(crate) fn new(
        subject: &'a dyn Subject,
        modelling: &'a dyn Modelling,
        panel: &'a Panel,
        plan: &'a Plan,
    ) -> Result<Self, AuditError> {
        panel.check().map_err(AuditError::Panel)?;
        let rows = panel.series.iter().map(|series| series.event.len()).max().unwrap_or(0);
        if rows < 32 {
            return Err(AuditError::TooFewRows { rows });
        }
        let fit_until = first_cut(panel, plan);
        let request = Request::fit_until(fit_until);
        let base = subject.transform(panel, request).map_err(|source| AuditError::Subject {
            during: "make features of all rows",
            source,
        })?;
        let labelled = label(panel, &base, subject).map_err(AuditError::Panel)?;
        let folds = Splitting::read(&plan.split)
            .and_then(|splitting| splitting.split(&labelled.dataset.clock()))
            .map_err(AuditError::Folds)?;
        let boundaries: Vec<Timestamp> =
            folds.folds.iter().flat_map(|fold| &fold.tested).map(|tested| tested.from).collect();
        let cuts = panel.series.iter().map(|series| cuts(series, plan.cuts, &boundaries)).collect();
        let mut bench = Self {
            subject,
            modelling,
            panel,
            plan,
            base,
            labelled,
            folds,
            cuts,
            future: Future::default(),
            step: step_of(panel),
            worked: AtomicUsize::new(panel.rows()),
        };
        bench.future = bench.futures_of(subject, &bench.base)?;
        Ok(bench)
    }

    /// Rows that were made into features, over the rows of the panel.
    pub(crate) fn passes(&self) -> f64 {
        let worked = self.worked.load(Ordering::Relaxed) as f64;
        (worked / self.panel.rows() as f64 * 1000.0).round() / 1000.0
    }

    /// When the last test begins: before it is training, after it is not.
    pub(crate) fn split(&self) -> Timestamp {
        let last = self.folds.folds.last().and_then(|fold| fold.tested.first());
        last.map_or(Timestamp::NEVER, |tested| tested.from)
    }

    /// Values of all rows of the panel, for those rows that have features.
    pub(crate) fn on_rows(&self, values: &[Vec<f64>]) -> Vec<f64> {
        let mut kept = Vec::with_capacity(self.labelled.dataset.len());
        for (series, values) in self.panel.series.iter().zip(values) {
            let Some(own) = of_entity(&self.base, &series.entity) else {
                continue;
            };
            let row = |at: &Timestamp| series.event.binary_search(at).ok();
            kept.extend(own.event.iter().map(|at| row(at).map_or(f64::NAN, |row| values[row])));
        }
        kept
    }

    pub(crate) fn request(&self) -> Request {
        Request::fit_until(first_cut(self.panel, self.plan))
    }

    /// Counts work on rows.
    pub(crate) fn count(&self, panel: &Panel) {
        self.worked.fetch_add(panel.rows(), Ordering::Relaxed);
    }

    /// Features of some rows, counted as work.
    pub(crate) fn transform(
        &self,
        panel: &Panel,
        request: Request,
    ) -> Result<Features, AuditError> {
        self.count(panel);
        self.subject.transform(panel, request).map_err(failed("make features of changed rows"))
    }

    /// What features of a subject become with other futures.
    pub(crate) fn futures_of(
        &self,
        subject: &dyn Subject,
        base: &Features,
    ) -> Result<Future, AuditError> {
        let is_own =
            std::ptr::addr_eq(std::ptr::from_ref(subject), std::ptr::from_ref(self.subject));
        let count = |panel: &Panel| {
            if is_own {
                self.count(panel);
            }
        };
        let mut future = Future::default();
        let adversaries = adversaries(subject);
        let rounds = match self.plan.effort {
            Effort::Sample => 1,
            Effort::Exhaustive => {
                adversaries.len() * self.cuts.iter().map(Vec::len).max().unwrap_or(0)
            }
        };
        for round in 0..rounds {
            let cuts: Vec<Timestamp> = (0..self.panel.series.len())
                .map(|index| {
                    let (series, own) = (&self.panel.series[index], &self.cuts[index]);
                    // Short series are left as they are.
                    let cut = own.get((index * 3 + round) % own.len().max(1));
                    cut.map_or(Timestamp::NEVER, |row| series.event[*row])
                })
                .collect();
            let chosen = |index: usize| {
                adversaries[(index + round / self.plan.cuts.max(1)) % adversaries.len()]
            };
            let seed = self.plan.seed.derive(&format!("round {round}"));
            let request = self.request();
            let case =
                Case { panel: self.panel, base, cuts: &cuts, request, chosen: &chosen, seed };
            case.change(subject, &count, &mut future)?;
        }
        for (number, window) in self.windows().into_iter().enumerate() {
            count(&window.panel);
            let base = subject
                .transform(&window.panel, window.request)
                .map_err(failed("make features of a window"))?;
            let chosen = |index: usize| adversaries[(index + number) % adversaries.len()];
            let seed = self.plan.seed.derive(&format!("window {number}"));
            let Window { panel, cuts, request } = &window;
            let case = Case { panel, base: &base, cuts, request: *request, chosen: &chosen, seed };
            case.change(subject, &count, &mut future)?;
        }
        Ok(future)
    }

    /// Short panels around the cuts: as long as windows and horizon are, where a half pass in all allows it.
    pub(crate) fn windows(&self) -> Vec<Window> {
        /// Work on windows besides pairs for futures: prefixes, states, delays, labels.
        const OTHERS: usize = 12;
        let count = self.cuts.iter().map(Vec::len).max().unwrap_or(0);
        let budget = self.panel.rows() / 2 / (2 * count + OTHERS);
        let in_rows =
            |span: Span| usize::try_from(span.0 / self.step.0.max(1)).unwrap_or(0).min(512);
        let wanted_past = in_rows(self.subject.window()) + 6;
        let wanted_future = in_rows(self.subject.horizon()) + 3;
        let entities = self.panel.series.len();
        let chosen = (budget / (wanted_past + wanted_future)).clamp(2.min(entities), entities);
        let length = (budget / chosen).clamp(14, (wanted_past + wanted_future).max(14));
        let future = wanted_future.min(length / 2);
        let window = |number: usize| {
            let (mut series, mut cuts) = (Vec::new(), Vec::new());
            for index in 0..chosen {
                let index = (number * chosen + index) % entities;
                let (whole, own) = (&self.panel.series[index], &self.cuts[index]);
                if own.is_empty() {
                    continue;
                }
                let cut = own[number % own.len()];
                let end = (cut + 1 + future).min(whole.event.len());
                series.push(whole.slice((cut + 1 + future).saturating_sub(length)..end));
                cuts.push(whole.event[cut]);
            }
            let fit_until = cuts.iter().min().copied().unwrap_or_default();
            Window { panel: self.panel.with(series), cuts, request: Request::fit_until(fit_until) }
        };
        (0..count).map(window).filter(|window| !window.panel.series.is_empty()).collect()
    }

    /// The window in the middle of all, for what needs only one.
    pub(crate) fn window(&self) -> Option<Window> {
        let mut windows = self.windows();
        let middle = windows.len() / 2;
        (!windows.is_empty()).then(|| windows.swap_remove(middle))
    }
}

pub(crate) fn failed(during: &'static str) -> impl Fn(SubjectError) -> AuditError {
    move |source| AuditError::Subject { during, source }
}

/// What is fitted is fitted before all cuts.
fn first_cut(panel: &Panel, plan: &Plan) -> Timestamp {
    let first =
        |series: &Series| cuts(series, plan.cuts, &[]).iter().min().map(|row| series.event[*row]);
    panel.series.iter().filter_map(first).min().unwrap_or_default()
}

fn adversaries(subject: &dyn Subject) -> Vec<Adversary> {
    let usable =
        |adversary: &Adversary| *adversary != Adversary::Infinite || subject.takes_infinities();
    Adversary::ALL.into_iter().filter(usable).collect()
}

/// A panel with its features, when the future begins for each series, and how it is changed.
struct Case<'a> {
    panel: &'a Panel,
    base: &'a Features,
    cuts: &'a [Timestamp],
    request: Request,
    chosen: &'a dyn Fn(usize) -> Adversary,
    seed: Seed,
}

impl Case<'_> {
    /// Changes the future of all series at once and compares their pasts. On a difference it is found out who is to blame, which costs more.
    fn change(
        &self,
        subject: &dyn Subject,
        count: &dyn Fn(&Panel),
        future: &mut Future,
    ) -> Result<(), AuditError> {
        let changed = |only: Option<usize>| {
            let series = self.panel.series.iter().enumerate().map(|(index, series)| {
                if only.is_some_and(|only| only != index) {
                    return series.clone();
                }
                (self.chosen)(index).change(self.panel, series, self.cuts[index], self.seed)
            });
            self.panel.with(series.collect())
        };
        let transform = |panel: &Panel| {
            count(panel);
            subject
                .transform(panel, self.request)
                .map_err(failed("make features with another future"))
        };
        let features = transform(&changed(None))?;
        let first = self.cuts.iter().min().copied().unwrap_or_default();
        future.cases += self.panel.series.len();
        let mut rest = Comparison::default();
        rest.rest(self.base, &features);
        future.ahead.add(rest);
        for (index, cut) in self.cuts.iter().enumerate() {
            let found = self.compare(&features, index, (*cut, first));
            if found.differences.is_empty() && found.other.is_empty() {
                let is_prefix = (self.chosen)(index) == Adversary::Deleted;
                let holds = if is_prefix { &mut future.prefix } else { &mut future.ahead };
                holds.add(found.clone());
                future.isolation.compared += found.compared;
                continue;
            }
            // Once more, with the future of this entity alone: what differs now is its own fault.
            let own = self.compare(&transform(&changed(Some(index)))?, index, (*cut, *cut));
            let is_prefix = (self.chosen)(index) == Adversary::Deleted;
            let (own, of_others) = divide(found, own);
            future.isolation.add(of_others);
            if is_prefix {
                future.prefix.add(own.clone());
            }
            future.ahead.add(own);
        }
        Ok(())
    }

    /// The past of one series; what is pooled counts up to the first cut of all.
    fn compare(
        &self,
        features: &Features,
        index: usize,
        (cut, first): (Timestamp, Timestamp),
    ) -> Comparison {
        let mut found = Comparison::default();
        let entity = &self.panel.series[index].entity;
        let Some(base) = of_entity(self.base, entity) else {
            return found;
        };
        let other = of_entity(features, entity);
        let pooled = |column: usize| self.base.columns[column].is_pooled;
        let until = |cut: Timestamp| Stretch::new(Timestamp::MIN, cut + Span(1));
        found.series((base, other), until(first), |_| false);
        let later = Stretch::new(first + Span(1), cut.max(first) + Span(1));
        found.series((base, other), later, pooled);
        found
    }
}

/// Differences of an entity by its own future, and those by the future of others.
fn divide(all: Comparison, own: Comparison) -> (Comparison, Comparison) {
    let mut others = Comparison { compared: all.compared, ..Comparison::default() };
    for (column, difference) in all.differences {
        if !own.differences.contains_key(&column) {
            others.differences.insert(column, difference);
        }
    }
    if own.other.is_empty() {
        others.other = all.other;
    }
    (own, others)
}

/// What stands for the same operator and column once.
pub(crate) fn once_each(findings: Vec<Finding>) -> Vec<Finding> {
    let mut seen = std::collections::BTreeSet::new();
    let key = |finding: &Finding| {
        (
            finding.operator.clone(),
            finding.column.clone(),
            if finding.column.is_some() { String::new() } else { finding.what.clone() },
        )
    };
    findings.into_iter().filter(|finding| seen.insert(key(finding))).collect()
}
