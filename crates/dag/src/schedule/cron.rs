//! Cron expressions as crontab users mean them, on top of the `cron` crate.
//!
//! The crate follows Quartz in two points where people expect crontab: it counts week days from 1
//! for Sunday, and wants both day fields to match. Therefore fields are read here, and the crate
//! gets explicit numbers.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;
use std::sync::Arc;

use chrono::{Datelike, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Timelike};
use cron::TimeUnitSpec;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::cron_field::{self, CronField, CronUnit};
use super::wall_clock::Times;

/// The nicknames, and what they stand for (crontab(5)).
const NICKNAMES: [(&str, &str); 7] = [
    ("@hourly", "0 * * * *"),
    ("@daily", "0 0 * * *"),
    ("@midnight", "0 0 * * *"),
    ("@weekly", "0 0 * * 0"),
    ("@monthly", "0 0 1 * *"),
    ("@yearly", "0 0 1 1 *"),
    ("@annually", "0 0 1 1 *"),
];

/// A date that does not come in these years counts as never; they hold two leap days.
const TRIAL_YEARS: std::ops::Range<i32> = 2024..2032;

/// The `cron` crate knows the years from 1970 to 2100 and goes astray beyond them; there nothing
/// ticks.
const KNOWN_YEARS: std::ops::Range<i32> = 1970..2101;

/// A text that is not a cron expression.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("cron expression `{text}`: {fault}")]
pub struct BadCron {
    /// What was given.
    pub text: String,
    /// What is wrong with it.
    pub fault: CronFault,
}

/// What is wrong with a cron expression.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CronFault {
    /// Neither 5 nor 6 fields.
    #[error("has {count} {}", if *.count == 1 { "field" } else { "fields" })]
    FieldCount {
        /// How many there are.
        count: usize,
    },
    /// A word with `@` that is not a nickname.
    #[error("`{text}` is not a nickname")]
    Nickname {
        /// The word.
        text: String,
    },
    /// A value that the field does not have.
    #[error("`{text}` is not {unit}")]
    Value {
        /// The value.
        text: String,
        /// The field.
        unit: &'static CronUnit,
    },
    /// A step that is no number, zero, or longer than the field.
    #[error("`/{text}` is not a step for {unit}")]
    Step {
        /// The step.
        text: String,
        /// The field.
        unit: &'static CronUnit,
    },
    /// A range whose end is before its start.
    #[error("the range `{start}-{end}` runs backwards")]
    Backwards {
        /// Where it starts.
        start: u32,
        /// Where it ends.
        end: u32,
        /// The field.
        unit: &'static CronUnit,
    },
    /// Days that the months do not have.
    #[error("{date} never happens")]
    Never {
        /// The day in words.
        date: String,
    },
}

impl BadCron {
    /// What to write instead.
    pub fn hint(&self) -> String {
        match &self.fault {
            CronFault::FieldCount { count: 7 } => {
                "write 5 fields, or 6 with seconds first; a year cannot be given".to_owned()
            }
            CronFault::FieldCount { .. } => {
                "write 5 fields: minute, hour, day of the month, month, day of the week, \
                 such as `30 2 * * 1-5`; or 6 with seconds first"
                    .to_owned()
            }
            CronFault::Nickname { .. } => {
                let known: Vec<String> =
                    NICKNAMES.iter().map(|(name, _)| format!("`{name}`")).collect();
                format!("known nicknames are {}", known.join(", "))
            }
            CronFault::Value { unit, .. } => unit.hint(),
            CronFault::Step { unit, .. } => unit.step_hint(),
            CronFault::Backwards { start, end, unit } => {
                format!("write `{}`", unit.unrolled(*start, *end))
            }
            CronFault::Never { .. } => "choose a day that the month has".to_owned(),
        }
    }
}

/// When to tick: 5 fields as in crontab, 6 with seconds first, or a nickname such as `@daily`.
///
/// Week days are 0 to 7 with Sunday at both ends. Where both day fields are restricted (neither
/// starts with `*`), a day needs to match only one of them, as in crontab.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String", inline)]
#[schemars(extend("format" = "cron", "examples" = ["30 2 * * *", "*/15 * * * 1-5", "@daily"]))]
#[schemars(description = "When to tick: minute, hour, day of the month, month, day of the week \
(0 and 7 are Sunday), as in crontab; six fields start with seconds; or @hourly, @daily, @weekly, \
@monthly, @yearly.")]
pub struct CronExpression(Arc<Parsed>);

struct Parsed {
    text: String,
    /// One, or two whose union is meant.
    schedules: Vec<cron::Schedule>,
    every_hour: bool,
}

impl CronExpression {
    /// The expression as written, with single blanks.
    pub fn as_str(&self) -> &str {
        &self.0.text
    }

    /// Whether it depends on the day of the week alone, so that every week is like the next.
    pub(super) fn is_same_every_week(&self) -> bool {
        let schedules = &self.0.schedules;
        schedules.iter().all(|one| one.days_of_month().is_all() && one.months().is_all())
    }

    /// Whether the hour field is `*` (or `*/1`), so that ticks follow elapsed time.
    pub(super) fn is_every_hour(&self) -> bool {
        self.0.every_hour
    }
}

impl FromStr for CronExpression {
    type Err = BadCron;

    fn from_str(text: &str) -> Result<Self, BadCron> {
        let words: Vec<&str> = text.split_whitespace().collect();
        let text = words.join(" ");
        match parse(&words) {
            Ok((schedules, every_hour)) => {
                Ok(Self(Arc::new(Parsed { text, schedules, every_hour })))
            }
            Err(fault) => Err(BadCron { text, fault }),
        }
    }
}

fn parse(words: &[&str]) -> Result<(Vec<cron::Schedule>, bool), CronFault> {
    let (second, minute, hour, day, month, weekday) = match words {
        [word] if word.starts_with('@') => {
            let known = NICKNAMES.iter().find(|(name, _)| name.eq_ignore_ascii_case(word));
            let (_, fields) =
                known.ok_or_else(|| CronFault::Nickname { text: (*word).to_owned() })?;
            let fields: Vec<&str> = fields.split(' ').collect();
            return parse(&fields);
        }
        [minute, hour, day, month, weekday] => ("0", *minute, *hour, *day, *month, *weekday),
        [second, minute, hour, day, month, weekday] => {
            (*second, *minute, *hour, *day, *month, *weekday)
        }
        _ => return Err(CronFault::FieldCount { count: words.len() }),
    };
    let second = CronField::parse(second, &cron_field::SECOND)?;
    let minute = CronField::parse(minute, &cron_field::MINUTE)?;
    let every_hour = matches!(hour, "*" | "*/1");
    let hour = CronField::parse(hour, &cron_field::HOUR)?;
    let time = format!("{} {} {}", second.render(0), minute.render(0), hour.render(0));
    let day = CronField::parse(day, &cron_field::DAY)?;
    let month = CronField::parse(month, &cron_field::MONTH)?;
    let weekday = CronField::parse(weekday, &cron_field::WEEKDAY)?;

    Ok((day_schedules(&time, &day, &month, &weekday)?, every_hour))
}

/// The schedules whose union has the days that are meant; those that never tick are left out.
fn day_schedules(
    time: &str,
    day: &CronField,
    month: &CronField,
    weekday: &CronField,
) -> Result<Vec<cron::Schedule>, CronFault> {
    let (days, months, weekdays) = (day.render(0), month.render(0), weekday.render(1));
    let either = !day.is_starred && !weekday.is_starred;
    let expressions = if either {
        vec![format!("{time} {days} {months} *"), format!("{time} * {months} {weekdays}")]
    } else {
        vec![format!("{time} {days} {months} {weekdays}")]
    };
    let mut schedules = Vec::new();
    for expression in expressions {
        let schedule = expression.parse().expect("the crate knows numbers within a field's bounds");
        if happens(&schedule) {
            schedules.push(schedule);
        }
    }
    if schedules.is_empty() {
        return Err(CronFault::Never { date: date_in_words(day, month, weekday) });
    }
    Ok(schedules)
}

fn happens(schedule: &cron::Schedule) -> bool {
    let before = first_second(TRIAL_YEARS.start) - TimeDelta::seconds(1);
    let first = schedule.after(&before.and_utc()).next();
    first.is_some_and(|tick| TRIAL_YEARS.contains(&tick.year()))
}

fn date_in_words(day: &CronField, month: &CronField, weekday: &CronField) -> String {
    let months: Vec<&str> = (1..)
        .zip(cron_field::MONTHS)
        .filter(|(number, _)| month.values.contains(number))
        .map(|(_, name)| name)
        .collect();
    let days: Vec<String> = day.values.iter().map(u32::to_string).collect();
    let date = format!("{} {}", days.join(" or "), months.join(" or "));
    if weekday.is_full { date } else { date + " on such a day of the week" }
}

/// The wall-clock times of the expression; the crate is asked in local time dressed as UTC, which
/// has no jumps.
impl Times for CronExpression {
    fn after(&self, local: NaiveDateTime) -> Option<NaiveDateTime> {
        let local = within_known_years(local).and_utc();
        let next =
            self.0.schedules.iter().filter_map(|schedule| schedule.after(&local).next()).min()?;
        Some(next.naive_utc())
    }

    fn until(&self, local: NaiveDateTime) -> Option<NaiveDateTime> {
        let local = within_known_years(local);
        // The crate looks strictly before the given second.
        let bound = local.with_nanosecond(0).unwrap_or(local).and_utc() + TimeDelta::seconds(1);
        let last = self
            .0
            .schedules
            .iter()
            .filter_map(|schedule| schedule.after(&bound).next_back())
            .max()?;
        Some(last.naive_utc())
    }
}

/// Cuts a time to the known years and the second before them.
fn within_known_years(local: NaiveDateTime) -> NaiveDateTime {
    let before = first_second(KNOWN_YEARS.start) - TimeDelta::seconds(1);
    let last = first_second(KNOWN_YEARS.end) - TimeDelta::seconds(1);
    local.clamp(before, last)
}

fn first_second(year: i32) -> NaiveDateTime {
    NaiveDate::from_ymd_opt(year, 1, 1)
        .expect("every year has a first day")
        .and_time(NaiveTime::MIN)
}

impl PartialEq for CronExpression {
    fn eq(&self, other: &Self) -> bool {
        self.0.text == other.0.text
    }
}

impl Eq for CronExpression {}

impl Hash for CronExpression {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.text.hash(state);
    }
}

impl fmt::Display for CronExpression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.text)
    }
}

impl fmt::Debug for CronExpression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0.text, f)
    }
}

impl TryFrom<String> for CronExpression {
    type Error = BadCron;

    fn try_from(text: String) -> Result<Self, BadCron> {
        text.parse()
    }
}

impl From<CronExpression> for String {
    fn from(expression: CronExpression) -> Self {
        expression.0.text.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first times after a wall-clock time, as `Sun 2026-03-01 00:00:00`.
    fn times(expression: &str, after: &str, count: usize) -> Vec<String> {
        let expression: CronExpression = expression.parse().unwrap();
        let mut local = after.parse().unwrap();
        let mut found = Vec::new();
        while found.len() < count {
            local = expression.after(local).unwrap();
            assert_eq!(expression.until(local), Some(local));
            assert!(expression.until(local - TimeDelta::seconds(1)).unwrap() < local);
            found.push(local.format("%a %Y-%m-%d %H:%M:%S").to_string());
        }
        found
    }

    fn refusal(text: &str) -> (String, String) {
        let bad = text.parse::<CronExpression>().unwrap_err();
        (bad.fault.to_string(), bad.hint())
    }

    #[test]
    fn five_fields_are_read_as_in_crontab() {
        assert_eq!(
            times("30 2 * * *", "2026-02-27T02:30:00", 3),
            ["Sat 2026-02-28 02:30:00", "Sun 2026-03-01 02:30:00", "Mon 2026-03-02 02:30:00"]
        );
        assert_eq!(
            times("*/20 9-10 * * *", "2026-01-01T09:05:00", 4),
            [
                "Thu 2026-01-01 09:20:00",
                "Thu 2026-01-01 09:40:00",
                "Thu 2026-01-01 10:00:00",
                "Thu 2026-01-01 10:20:00"
            ]
        );
        assert_eq!(
            times("5/25 0 1 JAN,jul *", "2026-01-01T00:00:00", 3),
            ["Thu 2026-01-01 00:05:00", "Thu 2026-01-01 00:30:00", "Thu 2026-01-01 00:55:00"]
        );
    }

    #[test]
    fn six_fields_start_with_seconds() {
        assert_eq!(
            times("15,45 0 12 * * *", "2026-01-01T12:00:15.5", 2),
            ["Thu 2026-01-01 12:00:45", "Fri 2026-01-02 12:00:15"]
        );
    }

    #[test]
    fn week_days_count_from_sunday_at_0_and_7() {
        // 2026-03-01 is a Sunday.
        let days = |weekday: &str, count| -> Vec<String> {
            let found = times(&format!("0 0 * * {weekday}"), "2026-02-28T23:59:59", count);
            found.iter().map(|time| time[..3].to_owned()).collect()
        };

        assert_eq!(days("0", 2), ["Sun", "Sun"]);
        assert_eq!(days("7", 2), ["Sun", "Sun"]);
        assert_eq!(days("1", 2), ["Mon", "Mon"]);
        assert_eq!(days("1-5", 6), ["Mon", "Tue", "Wed", "Thu", "Fri", "Mon"]);
        assert_eq!(days("1-5/2", 4), ["Mon", "Wed", "Fri", "Mon"]);
        assert_eq!(days("5-7", 4), ["Sun", "Fri", "Sat", "Sun"]);
        assert_eq!(days("5-1", 5), ["Sun", "Mon", "Fri", "Sat", "Sun"]);
        assert_eq!(days("7-2", 4), ["Sun", "Mon", "Tue", "Sun"]);
        assert_eq!(days("sat-sun", 3), ["Sun", "Sat", "Sun"]);
        assert_eq!(days("Mon,WEDNESDAY", 3), ["Mon", "Wed", "Mon"]);
        assert_eq!(days("*/3", 4), ["Sun", "Wed", "Sat", "Sun"]);
        assert_eq!(days("0-7", 3), ["Sun", "Mon", "Tue"]);
    }

    #[test]
    fn a_day_matches_either_day_field_if_both_are_restricted() {
        assert_eq!(
            times("0 0 13 * 5", "2026-03-01T00:00:00", 5),
            [
                "Fri 2026-03-06 00:00:00",
                "Fri 2026-03-13 00:00:00",
                "Fri 2026-03-20 00:00:00",
                "Fri 2026-03-27 00:00:00",
                "Fri 2026-04-03 00:00:00"
            ]
        );
        assert_eq!(
            times("0 0 2 3 1", "2026-03-01T00:00:00", 2),
            ["Mon 2026-03-02 00:00:00", "Mon 2026-03-09 00:00:00"]
        );
        assert_eq!(
            times("0 0 31 2 1", "2026-03-01T00:00:00", 1),
            ["Mon 2027-02-01 00:00:00"],
            "the day that never comes is no obstacle for the other field"
        );
    }

    #[test]
    fn a_day_field_that_starts_with_a_star_must_match_too() {
        assert_eq!(
            times("0 0 */10 * 0", "2026-03-01T00:00:00", 2),
            ["Sun 2026-05-31 00:00:00", "Sun 2026-06-21 00:00:00"]
        );
    }

    #[test]
    fn nicknames_are_those_of_crontab() {
        let first = |nickname: &str| times(nickname, "2026-03-03T10:20:30", 1).remove(0);

        assert_eq!(first("@hourly"), "Tue 2026-03-03 11:00:00");
        assert_eq!(first("@daily"), "Wed 2026-03-04 00:00:00");
        assert_eq!(first("@midnight"), "Wed 2026-03-04 00:00:00");
        assert_eq!(first("@weekly"), "Sun 2026-03-08 00:00:00");
        assert_eq!(first("@Monthly"), "Wed 2026-04-01 00:00:00");
        assert_eq!(first("@yearly"), "Fri 2027-01-01 00:00:00");
        assert_eq!(first("@annually"), "Fri 2027-01-01 00:00:00");
    }

    #[test]
    fn leap_days_are_found() {
        assert_eq!(
            times("0 0 29 feb *", "2026-01-01T00:00:00", 2),
            ["Tue 2028-02-29 00:00:00", "Sun 2032-02-29 00:00:00"]
        );
    }

    #[test]
    fn an_expression_reads_back_what_it_prints() {
        let spaced: CronExpression = "  30  2 *\t* mon-fri ".parse().unwrap();

        assert_eq!(spaced.to_string(), "30 2 * * mon-fri");
        assert_eq!(spaced.to_string().parse(), Ok(spaced.clone()));
        assert_eq!(serde_json::to_string(&spaced).unwrap(), r#""30 2 * * mon-fri""#);
        assert_eq!(
            serde_json::from_str::<CronExpression>(r#""30 2 * * mon-fri""#).unwrap(),
            spaced
        );
    }

    #[test]
    fn nothing_ticks_outside_the_known_years() {
        let expression: CronExpression = "0 0 * * *".parse().unwrap();

        assert_eq!(expression.after(NaiveDateTime::MAX), None);
        assert_eq!(expression.until(NaiveDateTime::MIN), None);
        assert_eq!(
            expression.after(NaiveDateTime::MIN).unwrap().to_string(),
            "1970-01-01 00:00:00"
        );
        assert_eq!(
            expression.until(NaiveDateTime::MAX).unwrap().to_string(),
            "2100-12-31 00:00:00"
        );
    }

    #[test]
    fn a_mistake_is_named_with_what_to_write_instead() {
        let bad = "30 2 * *".parse::<CronExpression>().unwrap_err();
        assert_eq!(bad.to_string(), "cron expression `30 2 * *`: has 4 fields");

        let cases = [
            (
                "30 2 * *",
                "has 4 fields",
                "write 5 fields: minute, hour, day of the month, month, day of the week, such \
                 as `30 2 * * 1-5`; or 6 with seconds first",
            ),
            (
                "0 0 12 * * 1 2026",
                "has 7 fields",
                "write 5 fields, or 6 with seconds first; a year cannot be given",
            ),
            (
                "@reboot",
                "`@reboot` is not a nickname",
                "known nicknames are `@hourly`, `@daily`, `@midnight`, `@weekly`, `@monthly`, \
                 `@yearly`, `@annually`",
            ),
            (
                "61 2 * * *",
                "`61` is not a minute (0-59)",
                "write a number from 0 to 59, `*` for all, or ranges, steps and lists of these",
            ),
            (
                "0 24 * * *",
                "`24` is not an hour (0-23)",
                "write a number from 0 to 23, `*` for all, or ranges, steps and lists of these",
            ),
            (
                "0 0 ? * mo",
                "`?` is not a day of the month (1-31)",
                "write a number from 1 to 31, `*` for all, or ranges, steps and lists of these",
            ),
            (
                "0 0 1 13 *",
                "`13` is not a month (1-12)",
                "write a number from 1 to 12, a name from `Jan` to `Dec`, `*` for all, or ranges, \
                 steps and lists of these",
            ),
            (
                "0 0 * * 8",
                "`8` is not a day of the week (0-7)",
                "write a number from 0 to 7, a name from `Sun` to `Sat` (0 and 7 are Sunday), `*` \
                 for all, or ranges, steps and lists of these",
            ),
            (
                "*/90 * * * *",
                "`/90` is not a step for a minute (0-59)",
                "write a whole number from 1 to 59",
            ),
            ("0 22-4 * * *", "the range `22-4` runs backwards", "write `22-23,0-4`"),
            ("0 0 31 2 *", "31 February never happens", "choose a day that the month has"),
            (
                "0 0 30,31 feb *",
                "30 or 31 February never happens",
                "choose a day that the month has",
            ),
        ];
        for (text, fault, hint) in cases {
            assert_eq!(refusal(text), (fault.to_owned(), hint.to_owned()), "{text}");
        }
    }

    #[test]
    fn texts_that_are_no_expressions_are_refused() {
        for text in [
            "",
            "* * * * * * *",
            "a b c d e",
            "1,,2 * * * *",
            ", * * * *",
            "*/0 * * * *",
            "*/ * * * *",
            "/5 * * * *",
            "1-2-3 * * * *",
            "1- * * * *",
            "-1 * * * *",
            "** * * * *",
            "*5 * * * *",
            "1/2/3 * * * *",
            "+1 * * * *",
            "99999999999 * * * *",
            "*/99999999999999999999 * * * *",
            "0 0 L * *",
            "0 0 * * 1#2",
            "0 0 0 * *",
            "٣ * * * *",
            "0 0 * * é",
            "0 0 * mär *",
        ] {
            assert!(text.parse::<CronExpression>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn an_expression_has_a_schema_that_an_editor_understands() {
        let schema = serde_json::to_value(schemars::schema_for!(CronExpression)).unwrap();

        assert_eq!(schema["type"], "string");
        assert_eq!(schema["format"], "cron");
        assert_eq!(schema["examples"][0], "30 2 * * *");
    }
}
