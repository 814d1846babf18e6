//! Times that are worth a label.

use chrono::{DateTime, Datelike, Months, NaiveDate, NaiveTime};

use crate::time::{Stretch, Timestamp};

/// At most so many labels fit.
const MOST: i64 = 8;

const SECOND: i64 = 1_000_000;
const HOUR: i64 = 3600 * SECOND;
const DAY: i64 = 24 * HOUR;

/// Steps of elapsed time, each with the layout of its labels.
const STEPS: [(i64, &str); 15] = [
    (SECOND, "%H:%M:%S"),
    (10 * SECOND, "%H:%M:%S"),
    (60 * SECOND, "%H:%M"),
    (300 * SECOND, "%H:%M"),
    (900 * SECOND, "%H:%M"),
    (HOUR, "%d %b %H:%M"),
    (3 * HOUR, "%d %b %H:%M"),
    (6 * HOUR, "%d %b %H:%M"),
    (12 * HOUR, "%d %b %H:%M"),
    (DAY, "%d %b %Y"),
    (2 * DAY, "%d %b %Y"),
    (4 * DAY, "%d %b %Y"),
    (7 * DAY, "%d %b %Y"),
    (14 * DAY, "%d %b %Y"),
    (21 * DAY, "%d %b %Y"),
];

/// Steps of the calendar, in months.
const MONTHS: [u32; 8] = [1, 2, 3, 6, 12, 24, 60, 120];

/// Moments within a stretch and what stands under them.
pub(super) fn ticks(whole: Stretch) -> Vec<(Timestamp, String)> {
    let length = (whole.until.0 - whole.from.0).max(1);
    // A month and more goes by the calendar.
    match STEPS.iter().find(|(step, _)| length / step < MOST && length < 120 * DAY) {
        Some((step, layout)) => by_step(whole, *step, layout),
        None => by_month(whole, length),
    }
}

fn by_step(whole: Stretch, step: i64, layout: &str) -> Vec<(Timestamp, String)> {
    let first = whole.from.0.div_euclid(step) * step;
    let moments = (0..=MOST + 1).map(|index| Timestamp(first + index * step));
    let label = |at: Timestamp| {
        let moment = DateTime::from_timestamp_micros(at.0)?;
        Some((at, moment.format(layout).to_string()))
    };
    moments.filter(|at| *at >= whole.from && *at <= whole.until).filter_map(label).collect()
}

fn by_month(whole: Stretch, length: i64) -> Vec<(Timestamp, String)> {
    let fits = |months: &&u32| length / (i64::from(**months) * 30 * DAY) < MOST;
    let step = *MONTHS.iter().find(fits).unwrap_or(&120);
    let Some(start) = DateTime::from_timestamp_micros(whole.from.0) else {
        return Vec::new();
    };
    let month = if step >= 12 { 1 } else { start.month0() / step * step + 1 };
    let step_years = i32::try_from((step / 12).max(1)).unwrap_or(1);
    let year = start.year().div_euclid(step_years) * step_years;
    let Some(mut day) = NaiveDate::from_ymd_opt(year, month, 1) else {
        return Vec::new();
    };
    let mut ticks = Vec::new();
    loop {
        let at = Timestamp(day.and_time(NaiveTime::MIN).and_utc().timestamp_micros());
        if at > whole.until {
            return ticks;
        }
        if at >= whole.from {
            let layout = if step >= 12 { "%Y" } else { "%b %Y" };
            ticks.push((at, day.format(layout).to_string()));
        }
        match day.checked_add_months(Months::new(step)) {
            Some(next) => day = next,
            None => return ticks,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_length_of_time_has_a_few_labels() {
        let start: Timestamp = "2026-01-15T07:20:00".parse().unwrap();
        for length in [
            40 * SECOND,
            600 * SECOND,
            5 * HOUR,
            3 * DAY,
            25 * DAY,
            100 * DAY,
            900 * DAY,
            9000 * DAY,
        ] {
            let count = ticks(Stretch::new(start, Timestamp(start.0 + length))).len();
            assert!((1..=10).contains(&count), "{count} labels for {length} us");
        }
    }

    #[test]
    fn months_are_those_of_the_calendar() {
        let whole = Stretch::new("2026-01-15".parse().unwrap(), "2026-06-20".parse().unwrap());
        let labels: Vec<String> = ticks(whole).into_iter().map(|(_, label)| label).collect();

        assert_eq!(labels, ["Feb 2026", "Mar 2026", "Apr 2026", "May 2026", "Jun 2026"]);
    }
}
