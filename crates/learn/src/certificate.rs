//! The leakage certificate: what was tried to make features look ahead, and what came of it.
//!
//! Whatever makes features is a [`Subject`]. The tests of the certificate are in [`crate::audits`], the planted leaks in [`crate::canaries`].

mod adversary;
mod bench;
mod canary_subject;
mod compare;
mod cuts;
mod labels;
mod subject;
#[cfg(test)]
mod tests;

pub use adversary::Adversary;
pub use bench::{Bench, Effort, Plan};
pub(crate) use bench::{failed, once_each};
pub(crate) use canary_subject::Canaries as CanarySubject;
pub(crate) use compare::{Comparison, of_entity};
pub use subject::{
    FeatureColumn, FeatureSeries, Features, FittedPart, Grade, Modelled, Modelling, Request,
    RidgeModelling, Subject, SubjectError,
};

use serde::{Deserialize, Serialize};

use crate::audits;
use crate::digest::Digest;
use crate::mistake::Mistakes;
use crate::time::Timestamp;

/// A certificate. The same subject, panel and plan give the same bytes of JSON.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Certificate {
    /// Of the code that was audited.
    pub code: Digest,
    /// What follows.
    pub verdict: Verdict,
    /// How many rows, entities and feature columns were looked at.
    pub rows: usize,
    /// Entities.
    pub entities: usize,
    /// Feature columns.
    pub columns: usize,
    /// Rows that were made into features, over `rows`: what it cost.
    pub passes: f64,
    /// One for each test.
    pub tests: Vec<TestResult>,
}

/// What follows from all tests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Nothing was found, by an audit that finds what is planted.
    Clean,
    /// Something looks ahead.
    Leaks,
    /// A planted leak was missed, or a negative control was flagged: the audit says nothing.
    Void,
}

/// What one test found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TestResult {
    /// T1 to T10.
    pub id: String,
    /// What it tries.
    pub about: String,
    /// What came of it.
    pub outcome: Outcome,
    /// How many values, rows or cases were compared.
    pub compared: usize,
    /// What does not hold; the first of each operator and column.
    pub findings: Vec<Finding>,
    /// What was seen besides.
    pub notes: Vec<String>,
}

/// What came of a test.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It holds.
    Passed,
    /// It does not.
    Failed,
    /// There was nothing to try it on; the notes say why.
    NotApplicable,
}

/// Something that does not hold.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Finding {
    /// The guilty operator, where one is known.
    pub operator: Option<String>,
    /// The guilty column.
    pub column: Option<String>,
    /// Where it was seen first.
    pub entity: Option<String>,
    /// When.
    pub at: Option<Timestamp>,
    /// What does not hold.
    pub what: String,
}

impl Finding {
    /// Something that no single column is guilty of.
    pub fn of_all(what: impl Into<String>) -> Self {
        Self { operator: None, column: None, entity: None, at: None, what: what.into() }
    }
}

/// Why there is no certificate.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// The panel is none.
    #[error("audit features: the panel does not fit")]
    Panel(#[source] Mistakes),
    /// The folds cannot be made.
    #[error("audit features: the rows cannot be divided into folds")]
    Folds(#[source] Mistakes),
    /// There is too little to look at.
    #[error("audit features: {rows} rows of the longest entity are too few; 32 are the least")]
    TooFewRows {
        /// The rows of the longest entity.
        rows: usize,
    },
    /// The subject fails.
    #[error("audit features: {during}")]
    Subject {
        /// What it was asked.
        during: &'static str,
        /// What it said.
        #[source]
        source: SubjectError,
    },
}

/// Audits a subject on a panel.
///
/// # Errors
/// Where it cannot be audited. What it does wrong is no error, but in the certificate.
pub fn audit(
    subject: &dyn Subject,
    modelling: &dyn Modelling,
    panel: &crate::panel::Panel,
    plan: &Plan,
) -> Result<Certificate, AuditError> {
    let bench = Bench::new(subject, modelling, panel, plan)?;
    let tests = audits::all()
        .iter()
        .map(|audit| audit.run(&bench))
        .collect::<Result<Vec<_>, AuditError>>()?;
    Ok(Certificate {
        code: subject.code(),
        verdict: verdict(&tests),
        rows: panel.rows(),
        entities: panel.series.len(),
        columns: bench.base.columns.len(),
        passes: bench.passes(),
        tests,
    })
}

fn verdict(tests: &[TestResult]) -> Verdict {
    let failed =
        |id: &str| tests.iter().any(|test| test.id == id && test.outcome == Outcome::Failed);
    if failed("T8") {
        return Verdict::Void;
    }
    let any = tests.iter().any(|test| test.outcome == Outcome::Failed);
    if any { Verdict::Leaks } else { Verdict::Clean }
}
