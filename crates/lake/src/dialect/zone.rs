//! Local times and the zone that they were written in.

use std::collections::HashMap;

use chrono::{DateTime, MappedLocalTime, TimeZone};
use chrono_tz::Tz;

use super::DialectError;
use super::time::{MICROS_PER_DAY, MICROS_PER_SECOND};

/// What a local time means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// One moment, in microseconds of UTC.
    One(i64),
    /// Clocks were set back: the time was shown twice.
    Doubled {
        /// When it was shown first, in microseconds of UTC.
        first: i64,
        /// When it was shown again.
        second: i64,
    },
    /// Clocks were set forward: the time was never shown.
    Skipped,
}

/// A zone that remembers the days on which its clocks were not changed.
#[derive(Clone, Debug)]
pub struct LocalClock {
    zone: Tz,
    /// The offset of a day in microseconds, where it is the same from the day before to the day after.
    steady: HashMap<i64, Option<i64>>,
}

impl LocalClock {
    /// The clock of a zone by its IANA name.
    pub fn of(zone: &str) -> Result<Self, DialectError> {
        match zone.parse() {
            Ok(zone) => Ok(Self { zone, steady: HashMap::new() }),
            Err(chrono_tz::ParseError { .. }) => Err(DialectError::NoZone { zone: zone.into() }),
        }
    }

    /// What a time of this clock means, in microseconds since 1970.
    pub fn moment(&mut self, local_micros: i64) -> Moment {
        if self.zone == Tz::UTC {
            return Moment::One(local_micros);
        }
        let day = local_micros.div_euclid(MICROS_PER_DAY);
        let zone = self.zone;
        let steady = self.steady.entry(day).or_insert_with(|| steady_offset(zone, day));
        match steady {
            Some(offset) => Moment::One(local_micros - *offset),
            None => moment(zone, local_micros),
        }
    }

    /// What a time that was never shown means to a clock that was not set forward.
    pub(crate) fn moved_on(&mut self, local_micros: i64) -> Option<i64> {
        // Gaps are at most a day long, when a country changes sides of the date line.
        for hours in 1..=25 {
            if let Moment::One(before) =
                self.moment(local_micros - hours * 3600 * MICROS_PER_SECOND)
            {
                return Some(before + hours * 3600 * MICROS_PER_SECOND);
            }
        }
        None
    }
}

/// The offset of a day on which, and on whose neighbours, no clock was changed.
fn steady_offset(zone: Tz, day: i64) -> Option<i64> {
    // A zone changes its clocks at most once in three days, so equal ends mean no change; quarter days leave no room for doubt.
    let mut offsets = (-4..=8).map(|quarter| offset_at(zone, day, quarter));
    let first = offsets.next()??;
    offsets.all(|offset| offset == Some(first)).then_some(first)
}

fn offset_at(zone: Tz, day: i64, quarter: i64) -> Option<i64> {
    let micros = day.checked_mul(MICROS_PER_DAY)?.checked_add(quarter * MICROS_PER_DAY / 4)?;
    let at = DateTime::from_timestamp_micros(micros)?;
    Some(micros_ahead(&at.with_timezone(&zone)))
}

fn micros_ahead(at: &DateTime<Tz>) -> i64 {
    use chrono::Offset as _;
    i64::from(at.offset().fix().local_minus_utc()) * MICROS_PER_SECOND
}

fn moment(zone: Tz, local_micros: i64) -> Moment {
    let Some(local) = DateTime::from_timestamp_micros(local_micros) else {
        return Moment::Skipped;
    };
    match zone.from_local_datetime(&local.naive_utc()) {
        MappedLocalTime::Single(at) => Moment::One(at.timestamp_micros()),
        MappedLocalTime::Ambiguous(one, other) => {
            let (one, other) = (one.timestamp_micros(), other.timestamp_micros());
            Moment::Doubled { first: one.min(other), second: one.max(other) }
        }
        MappedLocalTime::None => Moment::Skipped,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::dialect::TimeLayout;

    fn at(zone: &str, local: &str) -> Moment {
        let stamp = TimeLayout::Iso.parse(local.as_bytes()).unwrap();
        LocalClock::of(zone).unwrap().moment(stamp.local_micros)
    }

    fn utc(text: &str) -> i64 {
        TimeLayout::Iso.parse(text.as_bytes()).unwrap().local_micros
    }

    #[test]
    fn the_hour_that_is_shown_twice_has_two_moments() {
        let doubled = at("America/New_York", "2024-11-03 01:30:00");

        assert_eq!(
            doubled,
            Moment::Doubled { first: utc("2024-11-03 05:30"), second: utc("2024-11-03 06:30") }
        );
        assert_eq!(
            at("America/New_York", "2024-11-03 02:00"),
            Moment::One(utc("2024-11-03 07:00"))
        );
    }

    #[test]
    fn the_hour_that_is_never_shown_has_none() {
        assert_eq!(at("Europe/Oslo", "2025-03-30 02:30"), Moment::Skipped);
        assert_eq!(at("Europe/Oslo", "2025-03-30 03:00"), Moment::One(utc("2025-03-30 01:00")));
        // Lord Howe moves its clocks by half an hour.
        assert_eq!(at("Australia/Lord_Howe", "2024-10-06 02:15"), Moment::Skipped);
    }

    #[test]
    fn an_unknown_zone_is_named() {
        let refused = LocalClock::of("Mars/Olympus").unwrap_err();

        assert_eq!(refused.to_string(), "there is no time zone `Mars/Olympus`");
    }

    proptest! {
        #[test]
        fn remembered_days_say_what_the_data_base_says(seconds in 0i64..2_000_000_000, index in 0usize..5) {
            let zone = ["Europe/Oslo", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "Pacific/Apia"][index];
            let local = seconds * MICROS_PER_SECOND;

            prop_assert_eq!(LocalClock::of(zone).unwrap().moment(local), moment(zone.parse().unwrap(), local));
        }
    }
}
