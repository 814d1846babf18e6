//! The tests of the leakage certificate. A test is one file in this folder and one line in the list below.

use crate::certificate::{AuditError, Bench, Finding, Outcome, TestResult};

mod t01_future;
mod t02_prefix;
mod t03_state;
mod t04_clock;
mod t05_folds;
mod t06_isolation;
mod t07_own_label;
mod t08_canaries;
mod t09_provenance;
mod t10_backstop;

/// All tests: one line for each.
static KINDS: &[AuditKind] = &[
    AuditKind::of::<t01_future::Future>(),
    AuditKind::of::<t02_prefix::Prefix>(),
    AuditKind::of::<t03_state::State>(),
    AuditKind::of::<t04_clock::Clock>(),
    AuditKind::of::<t05_folds::Folds>(),
    AuditKind::of::<t06_isolation::Isolation>(),
    AuditKind::of::<t07_own_label::OwnLabel>(),
    AuditKind::of::<t08_canaries::Canaries>(),
    AuditKind::of::<t09_provenance::Provenance>(),
    AuditKind::of::<t10_backstop::Backstop>(),
];

/// All tests, T1 first.
pub fn all() -> &'static [AuditKind] {
    KINDS
}

/// One test.
pub(crate) trait Audit: 'static {
    /// T1 to T10.
    const ID: &'static str;
    /// What it tries, in a line.
    const ABOUT: &'static str;

    fn run(bench: &Bench<'_>) -> Result<Tried, AuditError>;
}

/// What came of a test.
#[derive(Debug, Default)]
pub(crate) struct Tried {
    pub(crate) compared: usize,
    pub(crate) findings: Vec<Finding>,
    pub(crate) notes: Vec<String>,
}

impl Tried {
    /// Nothing to try it on.
    pub(crate) fn nothing(why: impl Into<String>) -> Self {
        Self { notes: vec![why.into()], ..Self::default() }
    }

    pub(crate) fn hold(&mut self, holds: bool, what: impl FnOnce() -> String) {
        self.compared += 1;
        if !holds {
            self.findings.push(Finding::of_all(what()));
        }
    }
}

/// A test without its type.
pub struct AuditKind {
    /// T1 to T10.
    pub id: &'static str,
    /// What it tries, in a line.
    pub about: &'static str,
    run: fn(&Bench<'_>) -> Result<Tried, AuditError>,
}

impl AuditKind {
    const fn of<A: Audit>() -> Self {
        Self { id: A::ID, about: A::ABOUT, run: A::run }
    }

    /// Runs it.
    ///
    /// # Errors
    /// Where the subject fails.
    pub fn run(&self, bench: &Bench<'_>) -> Result<TestResult, AuditError> {
        let Tried { compared, findings, notes } = (self.run)(bench)?;
        let outcome = match (compared, findings.is_empty()) {
            (_, false) => Outcome::Failed,
            (0, true) => Outcome::NotApplicable,
            (_, true) => Outcome::Passed,
        };
        Ok(TestResult {
            id: self.id.to_owned(),
            about: self.about.to_owned(),
            outcome,
            compared,
            findings,
            notes,
        })
    }
}
