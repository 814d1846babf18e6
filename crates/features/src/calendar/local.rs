//! Local time as a number, and its parts.

use chrono::{DateTime, Datelike, Offset, TimeZone};
use chrono_tz::Tz;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

const SECOND: i64 = 1_000_000;
const DAY: i64 = 86_400 * SECOND;
/// Zones change their offset at whole quarters of an hour of universal time.
const QUARTER: i64 = 900 * SECOND;

/// Turns instants into local time; quick for instants near the one before.
#[derive(Debug)]
pub struct LocalTime {
    zone: Tz,
    known: Option<(i64, i64)>,
}

impl LocalTime {
    /// That of a zone.
    pub const fn of(zone: Tz) -> Self {
        Self { zone, known: None }
    }

    /// What the clock shows, in microseconds since its 1970 began.
    pub fn at(&mut self, at: i64) -> i64 {
        let quarter = at.div_euclid(QUARTER);
        match self.known {
            Some((known, offset)) if known == quarter => at + offset,
            Some(_) | None => {
                let instant = DateTime::from_timestamp_micros(quarter * QUARTER);
                let offset = instant.map_or(0, |instant| {
                    self.zone.offset_from_utc_datetime(&instant.naive_utc()).fix().local_minus_utc()
                });
                let offset = i64::from(offset) * SECOND;
                self.known = Some((quarter, offset));
                at + offset
            }
        }
    }
}

/// The day of a local time, counted from 1970.
pub const fn day_of(local: i64) -> i64 {
    local.div_euclid(DAY)
}

/// A part of a date or a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// From 0 to 23.
    Hour,
    /// From 0 to 59.
    Minute,
    /// Hours since midnight, with their fraction.
    TimeOfDay,
    /// From 0 for Monday to 6 for Sunday.
    Weekday,
    /// Whether it is Saturday or Sunday.
    Weekend,
    /// From 1 to 31.
    Day,
    /// From 1 to 12.
    Month,
    /// From 1 to 366.
    DayOfYear,
    /// Days since Monday, with their fraction.
    TimeOfWeek,
}

impl Part {
    /// As it is written.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Hour => "hour",
            Self::Minute => "minute",
            Self::TimeOfDay => "time_of_day",
            Self::Weekday => "weekday",
            Self::Weekend => "weekend",
            Self::Day => "day",
            Self::Month => "month",
            Self::DayOfYear => "day_of_year",
            Self::TimeOfWeek => "time_of_week",
        }
    }

    /// The part of a local time.
    pub fn value(self, local: i64) -> f64 {
        let within = local.rem_euclid(DAY);
        // The first day of 1970 was a Thursday.
        let weekday = (day_of(local) + 3).rem_euclid(7);
        let date = |part: fn(&chrono::NaiveDateTime) -> u32| {
            DateTime::from_timestamp_micros(local)
                .map_or(f64::NAN, |at| f64::from(part(&at.naive_utc())))
        };
        match self {
            Self::Hour => (within / (3_600 * SECOND)) as f64,
            Self::Minute => (within / (60 * SECOND) % 60) as f64,
            Self::TimeOfDay => within as f64 / (3_600 * SECOND) as f64,
            Self::Weekday => weekday as f64,
            Self::Weekend => f64::from(u8::from(weekday >= 5)),
            Self::TimeOfWeek => weekday as f64 + within as f64 / DAY as f64,
            Self::Day => date(Datelike::day),
            Self::Month => date(Datelike::month),
            Self::DayOfYear => date(Datelike::ordinal),
        }
    }

    /// How far through its cycle it is, from 0 to 1.
    pub fn turn(self, local: i64) -> f64 {
        let value = self.value(local);
        match self {
            Self::Hour | Self::TimeOfDay => value / 24.0,
            Self::Minute => value / 60.0,
            Self::Weekday | Self::TimeOfWeek => value / 7.0,
            Self::Weekend => value / 2.0,
            Self::Day => (value - 1.0) / 31.0,
            Self::Month => (value - 1.0) / 12.0,
            // The mean length of a year of the Gregorian calendar.
            Self::DayOfYear => (value - 1.0) / 365.2425,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Timestamp;

    fn local(text: &str, zone: Tz) -> i64 {
        LocalTime::of(zone).at(text.parse::<Timestamp>().unwrap().0)
    }

    #[test]
    fn an_hour_is_that_of_the_zone_on_both_sides_of_a_change_of_clocks() {
        // In Oslo clocks went from 02:00 to 03:00 on 2025-03-30, and from 03:00 to 02:00 on 2025-10-26.
        for (text, hour) in [
            ("2025-03-30T00:59:59Z", 1.0),
            ("2025-03-30T01:00:00Z", 3.0),
            ("2025-10-26T00:30:00Z", 2.0),
            ("2025-10-26T01:30:00Z", 2.0),
        ] {
            let value = Part::Hour.value(local(text, chrono_tz::Europe::Oslo));
            assert!((value - hour).abs() < 1e-12, "{text}");
        }
    }

    #[test]
    fn parts_are_those_of_the_date() {
        // A Sunday.
        let at = local("2024-12-29T18:45:00Z", chrono_tz::UTC);

        for (part, right) in [
            (Part::Hour, 18.0),
            (Part::Minute, 45.0),
            (Part::Weekday, 6.0),
            (Part::Weekend, 1.0),
            (Part::Day, 29.0),
            (Part::Month, 12.0),
            (Part::DayOfYear, 364.0),
        ] {
            assert!((part.value(at) - right).abs() < 1e-12, "{part:?}");
        }
        assert!((Part::TimeOfDay.turn(at) - 0.78125).abs() < 1e-15);
        assert!((Part::TimeOfWeek.value(at) - 6.78125).abs() < 1e-12);
    }
}
