//! The rules: what a profile suggests.

use serde_json::{Map, Value, json};

use super::profile::{ColumnProfile, Profile, TextProfile, TimeProfile};
use crate::quality::measures::extent::Extent;
use crate::quality::measures::moments::Moments;
use crate::quality::{CheckItem, Severity, words};

type Suggested = (CheckItem, String);

/// Rows below which chance looks like a rule.
const ENOUGH: u64 = 20;

pub(super) fn items(profile: &Profile) -> Vec<Suggested> {
    let mut items = vec![schema(profile)];
    items.extend(row_count(profile));
    items.extend(present(profile));
    for column in &profile.columns {
        items.extend(sometimes_missing(column, profile.rows));
        items.extend(range(column));
        items.extend(mean(column));
        items.extend(column.texts.as_ref().and_then(|texts| text(column, texts)));
        items.extend(unique(column, profile.rows));
    }
    if let Some(time) = &profile.time {
        items.extend(order(time, profile));
        items.extend(repeats(time, profile));
        items.extend(rhythm(time));
        items.extend(freshness(time, profile));
    }
    items
}

fn item(check: &str, column: Option<&str>, with: Value) -> CheckItem {
    let with = match with {
        Value::Object(with) => with,
        _ => Map::new(),
    };
    CheckItem {
        name: None,
        check: check.to_owned(),
        column: column.map(str::to_owned),
        columns: Vec::new(),
        with,
        severity: Severity::Fail,
        mostly: None,
        filter: None,
    }
}

fn schema(profile: &Profile) -> Suggested {
    let columns: Vec<Value> = profile
        .columns
        .iter()
        .map(|column| match column.is {
            Some(is) => json!({ "name": column.name, "is": is }),
            None => json!({ "name": column.name }),
        })
        .collect();
    let why = "the columns that were there; others may come";
    (item("schema", None, json!({ "columns": columns })), why.to_owned())
}

fn row_count(profile: &Profile) -> Option<Suggested> {
    let rows = profile.rows;
    let (min, max) = (rows / 2, rows.checked_mul(2)?);
    let why = format!("from half to double of the {}", words::counted(rows, "rows"));
    (rows > 0).then(|| (item("row_count", None, json!({ "min": min.max(1), "max": max })), why))
}

fn present(profile: &Profile) -> Option<Suggested> {
    let whole = profile.columns.iter().filter(|column| column.missing == 0);
    let columns: Vec<String> = whole.map(|column| column.name.clone()).collect();
    (profile.rows > 0 && !columns.is_empty()).then(|| {
        let check = CheckItem { columns, ..item("not_null", None, Value::Null) };
        (check, "no value was missing here".to_owned())
    })
}

fn sometimes_missing(column: &ColumnProfile, rows: u64) -> Option<Suggested> {
    /// A column with more missing values than this has no rule about them.
    const MOST: f64 = 0.6;
    let share = column.missing as f64 / rows.max(1) as f64;
    if column.missing == 0 || share > MOST {
        return None;
    }
    // Half as much again, and a percent.
    let mostly = ((1.0 - (1.5 * share + 0.01)).max(0.0) * 100.0).floor() / 100.0;
    let check =
        CheckItem { mostly: Some(mostly), ..item("not_null", Some(&column.name), Value::Null) };
    Some((check, format!("{} were missing", words::percent(column.missing, rows))))
}

fn range(column: &ColumnProfile) -> Option<Suggested> {
    // Numbers that never repeat are names of rows, and go on rising.
    let counts = column.unique && matches!(column.extent, Some(Extent::Integers(..)));
    let extent = column.extent.filter(|_| !column.personal && !counts)?;
    let with = match (extent, column.moments) {
        // Times move on; their range is no rule.
        (Extent::Integers(..), None) => return None,
        (Extent::Integers(low, high), Some(_)) => {
            let margin = (i128::from(high) - i128::from(low)) / 10;
            let wider = |bound: i128| {
                i64::try_from(bound).unwrap_or(if bound < 0 { i64::MIN } else { i64::MAX })
            };
            let min = wider(i128::from(low) - margin);
            let max = wider(i128::from(high) + margin);
            json!({ "min": if low >= 0 { min.max(0) } else { min }, "max": max })
        }
        (Extent::Floats(low, high), _) => {
            let (min, max) = wider(low, high, (high - low) / 10.0)?;
            json!({ "min": if low >= 0.0 { min.max(0.0) } else { min }, "max": max })
        }
    };
    let (low, high) = match extent {
        Extent::Integers(low, high) => (low.to_string(), high.to_string()),
        Extent::Floats(low, high) => (words::number(low), words::number(high)),
    };
    let why =
        if low == high { format!("always {low}") } else { format!("seen from {low} to {high}") };
    Some((item("range", Some(&column.name), with), why))
}

/// Bounds with a margin, rounded outwards to two digits of the margin.
fn wider(low: f64, high: f64, margin: f64) -> Option<(f64, f64)> {
    if margin == 0.0 && low.is_finite() {
        return Some((low, high));
    }
    let (min, max) = (low - margin, high + margin);
    if !min.is_finite() || !max.is_finite() || !margin.is_finite() {
        return None;
    }
    #[expect(clippy::cast_possible_truncation, reason = "a power of ten of a float is small")]
    let decimals = 1 - margin.log10().floor() as i32;
    let rounded = |value: f64, up: bool| {
        let scale = 10.0_f64.powi(decimals);
        let whole = if up { (value * scale).ceil() } else { (value * scale).floor() };
        let exact = whole / scale;
        let places = usize::try_from(decimals.max(0)).unwrap_or(0);
        let short = format!("{exact:.places$}").parse().unwrap_or(value);
        // Where rounding itself came out on the wrong side, the value stays as it is.
        if up == (short >= value) && f64::is_finite(short) { short } else { value }
    };
    Some((rounded(min, false), rounded(max, true)))
}

fn mean(column: &ColumnProfile) -> Option<Suggested> {
    let integers = matches!(column.extent, Some(Extent::Integers(..)));
    if column.personal || column.unique && integers {
        return None;
    }
    let moments = column.moments.filter(|moments: &Moments| moments.count >= ENOUGH)?;
    let deviation = moments.deviation().filter(|deviation| *deviation > 0.0)?;
    let (min, max) = wider(moments.mean, moments.mean, deviation / 2.0)?;
    let check = CheckItem {
        severity: Severity::Warn,
        ..item("mean", Some(&column.name), json!({ "min": min, "max": max }))
    };
    let (mean, deviation) = (words::number(moments.mean), words::number(deviation));
    Some((check, format!("the mean was {mean}, with a standard deviation of {deviation}")))
}

fn text(column: &ColumnProfile, texts: &TextProfile) -> Option<Suggested> {
    let (shortest, longest) = (texts.shortest, texts.longest);
    if texts.count == 0 {
        return None;
    }
    if let Some(members) = texts.members.as_ref().filter(|_| !column.personal)
        && texts.count >= ENOUGH
        && members.len() as u64 * 10 <= texts.count
    {
        let why = match members.len() {
            1 => "always the same text".to_owned(),
            count => format!("only these {count} texts were seen"),
        };
        return Some((item("set", Some(&column.name), json!({ "values": members })), why));
    }
    if let Some(shape) = texts.shape.as_ref().filter(|shape| !column.personal && shape.tells())
        && texts.count >= ENOUGH
    {
        let with = json!({ "pattern": shape.pattern() });
        return Some((
            item("regex", Some(&column.name), with),
            "all texts have this form".to_owned(),
        ));
    }
    let (min, max) = (shortest / 2, longest.saturating_mul(2).max(1));
    let max = u32::try_from(max).ok()?;
    let why = if shortest == longest {
        format!("{longest} characters long")
    } else {
        format!("from {shortest} to {longest} characters long")
    };
    Some((item("length", Some(&column.name), json!({ "min": min, "max": max })), why))
}

fn unique(column: &ColumnProfile, rows: u64) -> Option<Suggested> {
    (column.unique && rows - column.missing >= ENOUGH).then(|| {
        (item("unique", Some(&column.name), Value::Null), "no value came twice".to_owned())
    })
}

fn order(time: &TimeProfile, profile: &Profile) -> Option<Suggested> {
    let with = match (time.rising, time.falling) {
        (true, false) => Value::Null,
        (false, true) => json!({ "direction": "falling" }),
        (true, true) | (false, false) => return None,
    };
    let direction = if time.rising { "oldest first" } else { "newest first" };
    let why = format!("the rows stood in order{}, {direction}", of_each(profile));
    Some((item("monotone_time", Some(&time.column), with), why))
}

fn of_each(profile: &Profile) -> String {
    if profile.entity.is_empty() {
        return String::new();
    }
    format!(" of each {}", profile.entity.join(", "))
}

fn repeats(time: &TimeProfile, profile: &Profile) -> Option<Suggested> {
    let judged = time.steps.count + time.repeated;
    if judged == 0 {
        return None;
    }
    let check = item("duplicate_times", Some(&time.column), Value::Null);
    if time.repeated == 0 {
        return Some((check, format!("no time came twice{}", of_each(profile))));
    }
    let share = time.repeated as f64 / profile.rows as f64;
    // Times that often repeat are no mistake.
    let mostly = ((1.0 - 1.5 * share) * 1_000.0).floor() / 1_000.0;
    (mostly > 0.9).then(|| {
        let why = format!("{} repeated an earlier time", words::counted(time.repeated, "rows"));
        (CheckItem { mostly: Some(mostly), ..check }, why)
    })
}

fn rhythm(time: &TimeProfile) -> Vec<Suggested> {
    /// The part of all steps that makes a rhythm.
    const RHYTHM: f64 = 0.9;
    let mut items = Vec::new();
    let Some((commonest, times)) = time.steps.commonest() else {
        return items;
    };
    let share = times as f64 / time.steps.count as f64;
    let Some(every) = length(commonest, time.ticks_per_second) else {
        return items;
    };
    let length_words = |ticks: u64| words::length(ticks as f64 / time.ticks_per_second as f64);
    if share >= RHYTHM && time.steps.count >= ENOUGH {
        let mostly = (share * 100.0).floor() / 100.0;
        let regular = item("regular_frequency", Some(&time.column), json!({ "every": every }));
        let regular = CheckItem { mostly: (mostly < 1.0).then_some(mostly), ..regular };
        let of_all = words::percent(times, time.steps.count);
        items.push((regular, format!("{of_all} of the steps were {}", length_words(commonest))));
    }
    let threshold = commonest.saturating_mul(3);
    let gaps = time.steps.longer_than(threshold);
    if let (Some(gaps), Some(longest)) = (gaps, length(threshold, time.ticks_per_second)) {
        let with = match gaps {
            0 => json!({ "longest": longest }),
            gaps => json!({ "longest": longest, "at_most": gaps }),
        };
        let why = format!(
            "the longest step was {}, the commonest {}",
            length_words(time.steps.longest),
            length_words(commonest),
        );
        items.push((item("gaps", Some(&time.column), with), why));
    }
    items
}

fn freshness(time: &TimeProfile, profile: &Profile) -> Option<Suggested> {
    let (now, newest) = (profile.now?, time.newest?);
    let age = now.timestamp() - newest.div_euclid(time.ticks_per_second);
    // Twice the age, in whole hours; what is never older than an hour may be that.
    let hours = age.max(0).checked_mul(2)? / 3_600 + 1;
    let why = format!("the newest time was {} old", words::length(age.max(0) as f64));
    let with = json!({ "within": format!("{hours}h") });
    Some((item("freshness", Some(&time.column), with), why))
}

/// A length of time as checks files write it, in the largest unit that is exact.
fn length(ticks: u64, ticks_per_second: i64) -> Option<String> {
    const UNITS: [(&str, u128); 5] =
        [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];
    let thousandths = u128::from(ticks) * 1_000;
    let ticks_per_second = u128::try_from(ticks_per_second).ok()?;
    if ticks == 0 || thousandths % ticks_per_second != 0 {
        return None;
    }
    let milliseconds = thousandths / ticks_per_second;
    let (unit, factor) = UNITS.iter().find(|(_, factor)| milliseconds % factor == 0)?;
    let length = format!("{}{unit}", milliseconds / factor);
    crate::quality::values::Length::parse(&length).map(|_| length)
}
