//! Reading how many tests passed.

use std::fmt;
use std::ops::Add;

/// The counts of a test run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Summary {
    pub(crate) passed: u32,
    pub(crate) failed: u32,
    pub(crate) skipped: u32,
}

impl Summary {
    /// Reads the line that nextest ends with, such as
    /// `Summary [ 1.2s] 9/10 tests run: 7 passed (1 slow), 1 failed, 1 timed out, 3 skipped`.
    /// The words are those of `nextest-runner`'s `reporter/displayer/formatters.rs`.
    pub(crate) fn from_nextest(output: &str) -> Option<Self> {
        let plain = without_colours(output);
        let line = plain.lines().rev().find(|line| line.trim_start().starts_with("Summary ["))?;
        let counts = line.split_once(" run: ")?.1;
        let mut summary = Self::default();
        for part in without_parentheses(counts).split(',') {
            let Some((number, words)) = part.trim().split_once(' ') else { continue };
            let number: u32 = number.parse().ok()?;
            match words.trim() {
                "passed" => summary.passed += number,
                "skipped" => summary.skipped += number,
                _failed_in_some_way => summary.failed += number,
            }
        }
        Some(summary)
    }

    /// Adds up the lines of rustdoc's test runs, such as
    /// `test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out`.
    pub(crate) fn from_doctests(output: &str) -> Self {
        let plain = without_colours(output);
        let results = plain.lines().filter_map(|line| line.strip_prefix("test result: "));
        results.map(Self::from_doctest_result).fold(Self::default(), Self::add)
    }

    fn from_doctest_result(result: &str) -> Self {
        let mut summary = Self::default();
        for part in result.split([';', '.']) {
            let Some((number, word)) = part.trim().split_once(' ') else { continue };
            let Ok(number) = number.parse::<u32>() else { continue };
            match word {
                "passed" => summary.passed = number,
                "failed" => summary.failed = number,
                "ignored" => summary.skipped = number,
                _ => {}
            }
        }
        summary
    }
}

impl Add for Summary {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            passed: self.passed + other.passed,
            failed: self.failed + other.failed,
            skipped: self.skipped + other.skipped,
        }
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { passed, failed, skipped } = self;
        write!(formatter, "{passed} passed, {failed} failed, {skipped} skipped")
    }
}

/// Removes the escape sequences that set colours: `ESC [ ... m`.
fn without_colours(text: &str) -> String {
    let mut parts = text.split("\u{1b}[");
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        plain += part.split_once('m').map_or(part, |(_, rest)| rest);
    }
    plain
}

fn without_parentheses(text: &str) -> String {
    let mut depth = 0;
    let mut plain = String::new();
    for sign in text.chars() {
        match sign {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ if depth == 0 => plain.push(sign),
            _ => {}
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn last_line_of_a_good_run_is_read() {
        let output =
            "   PASS [0.1s] a\n     Summary [  15.041s] 39 tests run: 39 passed, 1 skipped\n";

        let expected = Summary { passed: 39, failed: 0, skipped: 1 };
        assert_eq!(Summary::from_nextest(output), Some(expected));
    }

    #[test]
    fn every_way_to_fail_counts_as_failed() {
        let line = "Summary [   2.000s] 9/12 tests run: 5 passed (1 slow, 2 leaky), 2 failed, \
                    1 timed out, 1 exec failed, 3 skipped";

        let expected = Summary { passed: 5, failed: 4, skipped: 3 };
        assert_eq!(Summary::from_nextest(line), Some(expected));
    }

    #[test]
    fn colours_do_not_hide_the_summary() {
        let line = "\u{1b}[32;1m     Summary\u{1b}[0m [   0.004s] \u{1b}[1m2\u{1b}[0m tests run: \
                    \u{1b}[1m2\u{1b}[0m \u{1b}[32;1mpassed\u{1b}[0m, \u{1b}[1m0\u{1b}[0m \
                    \u{1b}[33;1mskipped\u{1b}[0m";

        let expected = Summary { passed: 2, failed: 0, skipped: 0 };
        assert_eq!(Summary::from_nextest(line), Some(expected));
    }

    #[test]
    fn run_that_did_not_compile_has_no_summary() {
        assert_eq!(Summary::from_nextest("error: could not compile `x`\n"), None);
    }

    #[test]
    fn doctests_of_all_crates_are_added_up() {
        let output = "   Doc-tests a\n\ntest result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; \
                      0 filtered out; finished in 0.00s\n\ntest result: FAILED. 2 passed; 1 failed; \
                      4 ignored; 0 measured; 0 filtered out; finished in 0.30s\n";

        let expected = Summary { passed: 3, failed: 1, skipped: 4 };
        assert_eq!(Summary::from_doctests(output), expected);
    }

    #[test]
    fn last_line_is_plain() {
        let summary = Summary { passed: 3, failed: 1, skipped: 0 };

        assert_eq!(summary.to_string(), "3 passed, 1 failed, 0 skipped");
    }
}
