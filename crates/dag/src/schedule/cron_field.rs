//! One field of a cron expression, read as crontab users mean it.

use std::collections::BTreeSet;
use std::fmt;

use super::cron::CronFault;

/// A field: what it counts, and what may stand in it.
#[derive(Debug, PartialEq, Eq)]
pub struct CronUnit {
    article: &'static str,
    name: &'static str,
    first: u32,
    /// The last value of a round; Sunday may also be written 7, which is beyond it.
    last: u32,
    highest: u32,
    names: &'static [&'static str],
    /// Whether a range may run past the end: `fri-mon`, `nov-feb`.
    wraps: bool,
}

pub(super) const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

const WEEKDAYS: [&str; 7] =
    ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

pub(super) const SECOND: CronUnit = CronUnit::plain("second", 0, 59);
pub(super) const MINUTE: CronUnit = CronUnit::plain("minute", 0, 59);
pub(super) const HOUR: CronUnit = CronUnit { article: "an", ..CronUnit::plain("hour", 0, 23) };
pub(super) const DAY: CronUnit = CronUnit::plain("day of the month", 1, 31);
pub(super) const MONTH: CronUnit =
    CronUnit { names: &MONTHS, wraps: true, ..CronUnit::plain("month", 1, 12) };
pub(super) const WEEKDAY: CronUnit = CronUnit {
    highest: 7,
    names: &WEEKDAYS,
    wraps: true,
    ..CronUnit::plain("day of the week", 0, 6)
};

impl CronUnit {
    const fn plain(name: &'static str, first: u32, last: u32) -> Self {
        Self { article: "a", name, first, last, highest: last, names: &[], wraps: false }
    }

    /// What may stand in the field.
    pub(super) fn hint(&self) -> String {
        let mut hint = format!("write a number from {} to {}", self.first, self.highest);
        if let (Some(first), Some(last)) = (self.names.first(), self.names.last()) {
            hint = format!("{hint}, a name from `{}` to `{}`", &first[..3], &last[..3]);
        }
        if self.highest > self.last {
            hint += " (0 and 7 are Sunday)";
        }
        hint + ", `*` for all, or ranges, steps and lists of these"
    }

    /// What may stand after the `/` of a step: a longer step than the field has values is a
    /// mistake.
    pub(super) fn step_hint(&self) -> String {
        format!("write a whole number from 1 to {}", self.last)
    }

    /// The two ranges that a backwards range must be written as.
    pub(super) fn unrolled(&self, start: u32, end: u32) -> String {
        format!("{start}-{},{}-{end}", self.last, self.first)
    }

    fn value(&'static self, text: &str) -> Result<u32, CronFault> {
        let fault = || CronFault::Value { text: text.to_owned(), unit: self };
        if text.bytes().all(|byte| byte.is_ascii_digit()) {
            let number: u32 = text.parse().map_err(|_| fault())?;
            return if (self.first..=self.highest).contains(&number) {
                Ok(number)
            } else {
                Err(fault())
            };
        }
        for (number, name) in (self.first..).zip(self.names) {
            if text.eq_ignore_ascii_case(name) || text.eq_ignore_ascii_case(&name[..3]) {
                return Ok(number);
            }
        }
        Err(fault())
    }
}

/// The phrase of an error: `a minute (0-59)`.
impl fmt::Display for CronUnit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} ({}-{})", self.article, self.name, self.first, self.highest)
    }
}

/// The values that a field allows.
pub(super) struct CronField {
    pub(super) values: BTreeSet<u32>,
    /// Whether every value is allowed.
    pub(super) is_full: bool,
    /// Whether it starts with `*`, which makes a day field no restriction of its own in crontab.
    pub(super) is_starred: bool,
}

impl CronField {
    pub(super) fn parse(text: &str, unit: &'static CronUnit) -> Result<Self, CronFault> {
        let mut values = BTreeSet::new();
        for item in text.split(',') {
            for value in item_values(item, unit)? {
                // Sunday has two numbers and is kept as one.
                values.insert(if value > unit.last { unit.first } else { value });
            }
        }
        let is_full = (unit.first..=unit.last).all(|value| values.contains(&value));
        Ok(Self { values, is_full, is_starred: text.starts_with('*') })
    }

    /// The field as explicit numbers, each moved by `shift`.
    pub(super) fn render(&self, shift: u32) -> String {
        if self.is_full {
            return "*".to_owned();
        }
        let numbers: Vec<String> =
            self.values.iter().map(|value| (value + shift).to_string()).collect();
        numbers.join(",")
    }
}

/// The values of one item of a list: `*`, `5`, `1-5`, each perhaps with a step, in order.
fn item_values(item: &str, unit: &'static CronUnit) -> Result<Vec<u32>, CronFault> {
    let (range, step) = match item.split_once('/') {
        Some((range, step)) => (range, Some(step)),
        None => (item, None),
    };
    let values: Vec<u32> = if range == "*" {
        (unit.first..=unit.last).collect()
    } else if let Some((start, end)) = range.split_once('-') {
        range_values(unit.value(start)?, unit.value(end)?, unit)?
    } else {
        let start = unit.value(range)?;
        // As in most crons, `5/15` goes on to the end: 5, 20, 35, 50.
        let end = if step.is_some() { unit.last.max(start) } else { start };
        (start..=end).collect()
    };
    let Some(step) = step else { return Ok(values) };
    let fault = || CronFault::Step { text: step.to_owned(), unit };
    let step: usize = step.parse().map_err(|_| fault())?;
    if !(1..=unit.last as usize).contains(&step) {
        return Err(fault());
    }
    Ok(values.into_iter().step_by(step).collect())
}

fn range_values(start: u32, end: u32, unit: &'static CronUnit) -> Result<Vec<u32>, CronFault> {
    if start <= end {
        return Ok((start..=end).collect());
    }
    if !unit.wraps {
        return Err(CronFault::Backwards { start, end, unit });
    }
    Ok((start..=unit.last).chain(unit.first..=end).collect())
}
