//! The report as plain text for a terminal of 100 columns.

use super::report::{CheckResult, Example, QualityReport, Verdict};
use super::words;

/// The widest line.
const WIDTH: usize = 100;
/// Where the second column of a check begins.
const INDENT: usize = 10;

impl QualityReport {
    /// The report as text, at most 100 columns wide: what does not hold with its examples, then what is skipped, then the names of what holds.
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        let totals = &self.totals;
        let mut parts = vec![format!("{} passed", totals.passed)];
        for (count, word) in
            [(totals.warned, "warned"), (totals.failed, "failed"), (totals.skipped, "skipped")]
        {
            if count > 0 {
                parts.push(format!("{count} {word}"));
            }
        }
        let verdict = self.verdict.label();
        line(&mut text, &format!("quality: {verdict}, score {:.1} of 100", self.score));
        let rows = words::counted(self.rows, "rows");
        let columns = words::counted(self.columns, "columns");
        let checks = words::counted(self.checks.len() as u64, "checks");
        line(&mut text, &format!("{rows} of {columns}; {checks}: {}", parts.join(", ")));
        for verdict in [Verdict::Failed, Verdict::Warned, Verdict::Skipped] {
            for check in self.checks.iter().filter(|check| check.verdict == verdict) {
                text.push('\n');
                describe(&mut text, check);
            }
        }
        let passed: Vec<&str> = self
            .checks
            .iter()
            .filter(|check| check.verdict == Verdict::Passed)
            .map(|check| check.name.as_str())
            .collect();
        if !passed.is_empty() {
            text.push('\n');
            entry(&mut text, "passed", &passed.join(", "));
        }
        text
    }
}

fn describe(text: &mut String, check: &CheckResult) {
    let columns = words::names(check.columns.iter().map(String::as_str));
    let about = if columns.is_empty() { String::new() } else { format!(" of {columns}") };
    let kind = if check.name.starts_with(&check.check) {
        String::new()
    } else {
        format!(" ({}{about})", check.check)
    };
    entry(text, check.verdict.label(), &format!("{}{kind}", check.name));
    let tolerance = check
        .mostly
        .map(|mostly| format!(", for at least {}", words::share(mostly)))
        .unwrap_or_default();
    let allowed = format!("{}{tolerance}", check.allowed);
    let filter = check.filter.as_ref().map(|filter| format!("`{filter}`")).unwrap_or_default();
    for (word, said) in [("allowed", &allowed), ("seen", &check.seen), ("where", &filter)] {
        if !said.is_empty() {
            entry(text, &format!("  {word}"), said);
        }
    }
    for (index, example) in check.examples.iter().enumerate() {
        entry(text, if index == 0 { "  first" } else { "" }, &show(example));
    }
}

fn show(example: &Example) -> String {
    let mut shown = match &example.file {
        Some(file) => format!("{file} row {}", words::count(example.row)),
        None => format!("row {}", words::count(example.row)),
    };
    for part in [&example.time, &example.entity].into_iter().flatten() {
        shown.push_str(", ");
        shown.push_str(part);
    }
    if let Some(value) = &example.value {
        shown.push_str(": ");
        shown.push_str(value);
    }
    shown
}

/// A word and what belongs to it, wrapped behind the word.
fn entry(text: &mut String, word: &str, said: &str) {
    let mut first = format!("{word:<INDENT$}");
    for part in wrapped(said, WIDTH - INDENT) {
        line(text, &format!("{first}{part}"));
        first = " ".repeat(INDENT);
    }
}

fn line(text: &mut String, said: &str) {
    text.push_str(said.trim_end());
    text.push('\n');
}

/// Lines of at most so many characters, broken between words where it can be. Control characters are shown by their names.
fn wrapped(said: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in said.split(' ') {
        let mut word: String = word
            .chars()
            .flat_map(|letter| {
                let escaped = letter.is_control().then(|| letter.escape_default());
                escaped.map_or_else(|| vec![letter], Iterator::collect)
            })
            .collect();
        loop {
            let last = lines.last_mut().expect("there is always a line");
            let used = last.chars().count();
            let gap = usize::from(used > 0);
            if used + gap + word.chars().count() <= width {
                if gap == 1 {
                    last.push(' ');
                }
                last.push_str(&word);
                break;
            }
            if used == 0 {
                let rest = word.chars().skip(width).collect();
                last.extend(word.chars().take(width));
                word = rest;
            }
            lines.push(String::new());
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_words_and_long_lines_are_broken() {
        assert_eq!(wrapped("aa bb cc", 5), ["aa bb", "cc"]);
        assert_eq!(wrapped("aaaaaaa b", 5), ["aaaaa", "aa b"]);
        assert_eq!(wrapped("a\tb\u{1b}", 20), ["a\\tb\\u{1b}"]);
    }
}
