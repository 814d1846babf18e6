//! The quality report.

use serde::{Deserialize, Serialize};

use super::document::Severity;

/// How a check, or the whole table, came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// There was nothing to compare with.
    Skipped,
    /// It holds.
    Passed,
    /// It does not hold, and is only a warning.
    Warned,
    /// It does not hold.
    Failed,
}

impl Verdict {
    /// The word of the verdict.
    pub fn label(self) -> &'static str {
        match self {
            Self::Skipped => "skipped",
            Self::Passed => "passed",
            Self::Warned => "warned",
            Self::Failed => "failed",
        }
    }
}

/// A row that does not hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Example {
    /// The file, where the table has several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// The row in the file or the table, counted from 1.
    pub row: u64,
    /// Its time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<String>,
    /// Its entity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entity: Option<String>,
    /// What does not hold; `masked` where a column is personal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
}

/// How one check came out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CheckResult {
    /// Its name; differs from all others of the report.
    pub name: String,
    /// Its kind.
    pub check: String,
    /// The columns that it is about.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub columns: Vec<String>,
    /// What a failure means.
    pub severity: Severity,
    /// How it came out.
    pub verdict: Verdict,
    /// The share of rows that had to hold, where less than all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mostly: Option<f64>,
    /// The condition on rows that were looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filter: Option<String>,
    /// How many rows, values or steps were judged, where they are judged one by one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub judged: Option<u64>,
    /// How many of them do not hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failing: Option<u64>,
    /// What is allowed, in words.
    pub allowed: String,
    /// What was seen, in words.
    pub seen: String,
    /// The first rows that do not hold.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub examples: Vec<Example>,
}

/// How many checks came out how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    /// Checks that hold.
    pub passed: u64,
    /// Checks that do not hold, with severity `warn`.
    pub warned: u64,
    /// Checks that do not hold.
    pub failed: u64,
    /// Checks with nothing to compare with.
    pub skipped: u64,
}

/// What the checks of a table found. The same table, checks and facts give the same bytes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct QualityReport {
    /// The version of this form.
    pub version: u32,
    /// How the table came out: failed if a check failed, else warned if one warned, else passed.
    pub verdict: Verdict,
    /// From 0 to 100, with one decimal; the formula is in [`crate::quality`].
    pub score: f64,
    /// The rows of the table.
    pub rows: u64,
    /// The columns of the table.
    pub columns: u64,
    /// How many checks came out how.
    pub totals: Totals,
    /// The checks, in the order of the file.
    pub checks: Vec<CheckResult>,
}

impl QualityReport {
    /// The version that is written.
    pub const VERSION: u32 = 1;

    pub(crate) fn new(rows: u64, columns: u64, checks: Vec<CheckResult>) -> Self {
        let mut totals = Totals::default();
        for check in &checks {
            match check.verdict {
                Verdict::Passed => totals.passed += 1,
                Verdict::Warned => totals.warned += 1,
                Verdict::Failed => totals.failed += 1,
                Verdict::Skipped => totals.skipped += 1,
            }
        }
        let verdict = match totals {
            Totals { failed: 1.., .. } => Verdict::Failed,
            Totals { warned: 1.., .. } => Verdict::Warned,
            Totals { passed: 1.., .. } => Verdict::Passed,
            Totals { .. } => Verdict::Skipped,
        };
        let score = score(&checks);
        Self { version: Self::VERSION, verdict, score, rows, columns, totals, checks }
    }

    /// The report as JSON, for machines.
    ///
    /// # Panics
    /// Never: a report has only names, texts and finite numbers, which JSON can hold.
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self)
            .expect("a report has only names, texts and finite numbers")
    }
}

/// The formula of the module's documentation. A table whose checks are all skipped has nothing against it.
fn score(checks: &[CheckResult]) -> f64 {
    let mut weights = 0.0;
    let mut earned = 0.0;
    for check in checks {
        let weight = match check.severity {
            Severity::Warn => 1.0,
            Severity::Fail => 3.0,
        };
        let share = match (check.verdict, check.judged, check.failing) {
            (Verdict::Skipped, ..) => continue,
            (Verdict::Passed, ..) => 1.0,
            (Verdict::Warned | Verdict::Failed, Some(judged @ 1..), Some(failing)) => {
                0.5 * (judged - failing) as f64 / judged as f64
            }
            (Verdict::Warned | Verdict::Failed, ..) => 0.0,
        };
        weights += weight;
        earned += weight * share;
    }
    if weights == 0.0 {
        return 100.0;
    }
    // A tenth that rounding alone would take away stays: 0.9 of 1 is 90, not 89.9.
    (1_000.0 * earned / weights + 1e-9).floor() / 10.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(severity: Severity, verdict: Verdict, rows: Option<(u64, u64)>) -> CheckResult {
        CheckResult {
            name: "a".to_owned(),
            check: "range".to_owned(),
            columns: Vec::new(),
            severity,
            verdict,
            mostly: None,
            filter: None,
            judged: rows.map(|(judged, _)| judged),
            failing: rows.map(|(_, failing)| failing),
            allowed: String::new(),
            seen: String::new(),
            examples: Vec::new(),
        }
    }

    #[test]
    fn the_score_is_the_documented_one() {
        let passed = check(Severity::Fail, Verdict::Passed, Some((10, 0)));
        let warned = check(Severity::Warn, Verdict::Warned, Some((10, 2)));
        let failed = check(Severity::Fail, Verdict::Failed, None);
        let skipped = check(Severity::Fail, Verdict::Skipped, None);

        let report = QualityReport::new(10, 1, vec![passed.clone(), warned, failed, skipped]);

        // (3 × 1 + 1 × 0.5 × 8/10 + 3 × 0) / 7 = 3.4 / 7 = 0.4857…
        assert_eq!(report.score.to_string(), "48.5");
        assert_eq!(report.verdict, Verdict::Failed);
        assert_eq!(QualityReport::new(10, 1, vec![passed]).score.to_string(), "100");
    }

    #[test]
    fn a_single_bad_row_in_a_billion_is_no_full_score() {
        let mut checks = vec![check(Severity::Fail, Verdict::Passed, Some((1, 0))); 999];
        checks.push(check(Severity::Warn, Verdict::Warned, Some((1_000_000_000, 1))));

        assert!(QualityReport::new(1, 1, checks).score < 100.0);
    }
}
