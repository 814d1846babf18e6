//! Numbers, shares and times as people read them.

use chrono::DateTime;

/// A count with its thousands apart: `1,234,567`.
pub(crate) fn count(value: u64) -> String {
    let digits = value.to_string();
    let mut shown = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            shown.push(',');
        }
        shown.push(digit);
    }
    shown
}

/// A count with its noun: `1 row`, `2 rows`. The noun is given in the plural that ends in `s`.
pub(crate) fn counted(value: u64, plural: &str) -> String {
    let noun = if value == 1 { plural.strip_suffix('s').unwrap_or(plural) } else { plural };
    format!("{} {noun}", count(value))
}

/// A number with six significant digits, without needless zeros.
pub(crate) fn number(value: f64) -> String {
    if value.is_nan() {
        return "not a number".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "infinity" } else { "-infinity" }.to_owned();
    }
    if value.fract() == 0.0 && value.abs() < 1e15 {
        return format!("{}", value + 0.0);
    }
    let scientific = format!("{value:.5e}");
    let rounded: f64 = scientific.parse().unwrap_or(value);
    if (1e-4..1e15).contains(&rounded.abs()) {
        return format!("{rounded}");
    }
    format!("{rounded:e}")
}

/// A part of a whole in percent: four significant digits, and never `0 %` or `100 %` where it is not.
pub(crate) fn percent(part: u64, whole: u64) -> String {
    if whole == 0 || part == 0 {
        return "0 %".to_owned();
    }
    if part == whole {
        return "100 %".to_owned();
    }
    let value = 100.0 * part as f64 / whole as f64;
    if value > 99.99 {
        return "over 99.99 %".to_owned();
    }
    if value < 0.0001 {
        return "under 0.0001 %".to_owned();
    }
    let digits = if value >= 10.0 { 2 } else { 4 };
    let shown = format!("{value:.digits$}");
    format!("{} %", shown.trim_end_matches('0').trim_end_matches('.'))
}

/// A share between 0 and 1 in percent, as its author wrote it.
pub(crate) fn share(value: f64) -> String {
    format!("{} %", number(value * 100.0))
}

/// A time of the time line, from ticks since 1970 in UTC.
pub(crate) fn time(ticks: i64, ticks_per_second: i64, date: bool) -> String {
    let seconds = ticks.div_euclid(ticks_per_second);
    let rest = ticks.rem_euclid(ticks_per_second);
    let nanoseconds = u32::try_from(rest * (1_000_000_000 / ticks_per_second)).unwrap_or(0);
    match DateTime::from_timestamp(seconds, nanoseconds) {
        Some(time) if date => time.format("%Y-%m-%d").to_string(),
        Some(time) if nanoseconds > 0 => time.format("%Y-%m-%d %H:%M:%S%.f").to_string(),
        Some(time) => time.format("%Y-%m-%d %H:%M:%S").to_string(),
        None => format!("{seconds} s since 1970"),
    }
}

/// A length of time: the two largest units that it has, such as `1 d 2 h`.
pub(crate) fn length(seconds: f64) -> String {
    const UNITS: [(&str, f64); 4] = [("d", 86_400.0), ("h", 3_600.0), ("min", 60.0), ("s", 1.0)];
    let sign = if seconds < 0.0 { "-" } else { "" };
    let size = seconds.abs();
    if size < 60.0 {
        return format!("{sign}{} s", number(size));
    }
    let mut left = size.round();
    let mut parts = Vec::new();
    for (unit, unit_seconds) in UNITS {
        let whole = (left / unit_seconds).floor();
        if whole > 0.0 {
            parts.push(format!("{whole} {unit}"));
            left -= whole * unit_seconds;
        }
    }
    parts.truncate(2);
    format!("{sign}{}", parts.join(" "))
}

/// Names in back quotes, with commas between.
pub(crate) fn names<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    names.into_iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

/// A text cut to a number of characters, the cut marked.
pub(crate) fn cut(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    text.chars().take(most.saturating_sub(1)).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_and_true() {
        assert_eq!(number(0.1 + 0.2), "0.3");
        assert_eq!(number(-0.0), "0");
        assert_eq!(number(1_234_567.0), "1234567");
        assert_eq!(number(1_234_567.891), "1234570");
        assert_eq!(number(1.5e-9), "1.5e-9");
        assert_eq!(count(1_000), "1,000");
        assert_eq!(counted(1, "rows"), "1 row");
    }

    #[test]
    fn a_share_that_is_not_whole_never_reads_as_whole() {
        assert_eq!(percent(1, 1_000_000_000), "under 0.0001 %");
        assert_eq!(percent(999_999_999, 1_000_000_000), "over 99.99 %");
        assert_eq!(percent(1, 3), "33.33 %");
        assert_eq!(percent(12, 1_000_000), "0.0012 %");
        assert_eq!(percent(3, 3), "100 %");
    }

    #[test]
    fn lengths_of_time_have_their_two_largest_units() {
        assert_eq!(length(90.0), "1 min 30 s");
        assert_eq!(length(15_638_400.0), "181 d");
        assert_eq!(length(-93_784.0), "-1 d 2 h");
        assert_eq!(length(0.25), "0.25 s");
    }
}
