//! What a drill found about one fault.

use serde::Serialize;

/// What became of the runs under one fault.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Finding {
    /// The fault.
    pub fault: &'static str,
    /// What was done, or why nothing was.
    pub done: String,
    /// How many tasks there were.
    pub tasks: usize,
    /// Tasks that did not succeed, or whose result cannot be read.
    pub lost: usize,
    /// Tasks with more than one visible result, or that two attempts worked on at once.
    pub doubled: usize,
    /// How long it took until all that was hit was under way again.
    pub recovery_ms: Option<u64>,
    /// How long it may take.
    pub bound_ms: Option<u64>,
    /// What to make of it.
    pub verdict: Verdict,
    /// What was wrong, one by one.
    pub notes: Vec<String>,
}

/// What to make of a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Verdict {
    /// Nothing was lost, doubled or late.
    Held,
    /// Something was.
    Violated,
    /// The fault could not be put, so that nothing is known.
    Failed,
    /// The fault cannot be put here.
    Skipped,
}

impl Verdict {
    /// In one word, for people.
    pub(crate) const fn label(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::Violated => "VIOLATED",
            Self::Failed => "FAILED",
            Self::Skipped => "skipped",
        }
    }
}

/// Tells whether a drill with this finding is not a success.
pub(crate) const fn counts_as_failed(finding: &Finding) -> bool {
    match finding.verdict {
        Verdict::Violated | Verdict::Failed => true,
        Verdict::Held | Verdict::Skipped => false,
    }
}

impl Finding {
    /// Nothing is known, because something went wrong or the fault cannot be put.
    pub(super) fn without(fault: &'static str, verdict: Verdict, done: String) -> Self {
        Self {
            fault,
            done,
            tasks: 0,
            lost: 0,
            doubled: 0,
            recovery_ms: None,
            bound_ms: None,
            verdict,
            notes: Vec::new(),
        }
    }
}
