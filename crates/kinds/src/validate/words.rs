//! A quality report in words.

use tidemill_lake::quality::{CheckResult, Mistake, QualityReport, Verdict};

use super::account::Account;
use crate::tables::SourceInfo;

/// How many checks an error names.
const MOST_NAMED: usize = 5;
/// How many rejected rows the log shows; the report has more.
const MOST_ROWS: usize = 20;

/// What is wrong with a checks file, at its place.
pub(super) fn without_hint(mistake: &Mistake) -> String {
    Mistake { hint: None, ..mistake.clone() }.to_string()
}

/// The error of a task whose table failed.
pub(super) fn failure(report: &QualityReport) -> String {
    let failed: Vec<&CheckResult> =
        report.checks.iter().filter(|check| check.verdict == Verdict::Failed).collect();
    let shown = failed.iter().take(MOST_NAMED).map(|check| line(check));
    let shown: Vec<String> = shown.collect();
    let more = failed.len().saturating_sub(MOST_NAMED);
    let more = if more > 0 { format!("; and {more} more") } else { String::new() };
    let (count, all) = (failed.len(), report.checks.len());
    let score = report.score;
    format!(
        "pass the table: {count} of {all} checks do not hold (score {score}): {}{more}",
        shown.join("; ")
    )
}

/// The report for the log of the task.
pub(super) fn report(report: &QualityReport, account: Option<&Account>) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(account) = account {
        lines.extend(account.sources.iter().map(SourceInfo::in_words));
        for rejected in account.rejected.iter().take(MOST_ROWS) {
            let (source, row) = (&rejected.source, &rejected.row);
            lines.push(format!("  {source}:{}: {}", row.line, row.detail));
        }
        let shown = account.rejected.len().min(MOST_ROWS) as u64;
        let more = account.total.rows_rejected().saturating_sub(shown);
        if more > 0 {
            lines.push(format!("  and {more} more rows, which the quarantine has"));
        }
        lines.extend(account.notes.iter().cloned());
    }
    for check in &report.checks {
        let examples = check.examples.iter().map(|example| {
            let of = |name: &str, value: &Option<String>| {
                value.as_ref().map(|value| format!(", {name} {value}")).unwrap_or_default()
            };
            format!(
                "    row {}{}{}{}",
                example.row,
                of("at", &example.time),
                of("of", &example.entity),
                of("has", &example.value)
            )
        });
        let examples: Vec<String> = examples.collect();
        lines.push(format!("  {:<7}  {}", check.verdict.label(), line(check)));
        lines.extend(examples);
    }
    let totals = report.totals;
    lines.push(format!(
        "{}, score {}: {} passed, {} warned, {} failed, {} skipped, on {} rows",
        report.verdict.label(),
        report.score,
        totals.passed,
        totals.warned,
        totals.failed,
        totals.skipped,
        report.rows
    ));
    lines
}

/// One check: what is allowed, and what was seen.
fn line(check: &CheckResult) -> String {
    format!("{}: {}; {}", check.name, check.allowed, check.seen)
}
