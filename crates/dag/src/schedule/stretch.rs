//! The length of the intervals that runs are about, and their alignment on a wall clock.

use std::fmt;
use std::str::FromStr;

use chrono::{Datelike, Days, Months, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Timelike};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::wall_clock::{Counting, Times, WallClock, just_before};
use super::zone::Zone;
use crate::time::{DataInterval, Timestamp};

const HOUR: u32 = 60;
const DAY: u32 = 24 * HOUR;

/// A text that is not an interval length.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadStretch {
    /// Not a whole number with a known unit.
    #[error("`{text}` is not an interval")]
    Unreadable {
        /// What was given.
        text: String,
    },
    /// Minutes or hours that do not fill a day.
    #[error("intervals of `{text}` do not fill a day evenly")]
    Uneven {
        /// What was given.
        text: String,
        /// How many units were given.
        count: u32,
        /// Minutes in the unit.
        unit: u32,
    },
    /// Several days, weeks or months, or none.
    #[error("`{text}` is not one {unit}")]
    NotOne {
        /// What was given.
        text: String,
        /// What is counted.
        unit: &'static str,
    },
}

impl BadStretch {
    /// What to write instead.
    pub fn hint(&self) -> String {
        match self {
            Self::Unreadable { .. } => {
                "write minutes or hours, or one day, week or month: `15m`, `6h`, `1d`, `1w`, `1mo`"
                    .to_owned()
            }
            Self::Uneven { count, unit, .. } => near_divisors(*count, *unit),
            Self::NotOne { .. } => {
                "days, weeks (from Monday) and months come one by one: `1d`, `1w`, `1mo`".to_owned()
            }
        }
    }
}

/// Names the next smaller and the next larger count that fill a day.
fn near_divisors(count: u32, unit: u32) -> String {
    let name = if unit == HOUR { "h" } else { "m" };
    let mut fitting = (1..=DAY / unit).filter(|candidate| (DAY / unit).is_multiple_of(*candidate));
    let below = fitting.clone().rfind(|candidate| *candidate < count);
    let above = fitting.find(|candidate| *candidate > count);
    match (below, above) {
        (Some(below), Some(above)) => format!("`{below}{name}` and `{above}{name}` do"),
        (Some(near), None) | (None, Some(near)) => format!("`{near}{name}` does"),
        (None, None) => "`1h` does".to_owned(),
    }
}

/// The length of the intervals that runs are about: `15m`, `1h`, `1d`, `1w`, `1mo`.
///
/// Intervals are aligned on the wall clock of a zone, tile all time, and are never empty. Up to an
/// hour they start whenever the clock shows a multiple of the length: on the day with a doubled
/// hour there are two for it, and none for a skipped hour. Longer ones start at wall-clock times,
/// so that a day can have 23 or 25 hours: a doubled start is its first showing, a skipped start is
/// the instant of the jump.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String", inline)]
#[schemars(extend("format" = "interval", "examples" = ["15m", "1h", "6h", "1d", "1w", "1mo"]))]
#[schemars(
    description = "The stretch of time that one run is about: minutes or hours that fill a \
day evenly, one day, one week (from Monday) or one month."
)]
pub struct Stretch(Length);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Length {
    /// A divisor of a day.
    Minutes(u32),
    Week,
    Month,
}

impl Stretch {
    /// One day.
    pub const DAY: Self = Self(Length::Minutes(DAY));

    /// Lengths in common use, which [`super::Misfit`] proposes.
    pub(super) const COMMON: [Self; 14] = [
        Self(Length::Month),
        Self(Length::Week),
        Self::DAY,
        Self(Length::Minutes(12 * HOUR)),
        Self(Length::Minutes(8 * HOUR)),
        Self(Length::Minutes(6 * HOUR)),
        Self(Length::Minutes(4 * HOUR)),
        Self(Length::Minutes(3 * HOUR)),
        Self(Length::Minutes(2 * HOUR)),
        Self(Length::Minutes(HOUR)),
        Self(Length::Minutes(30)),
        Self(Length::Minutes(15)),
        Self(Length::Minutes(5)),
        Self(Length::Minutes(1)),
    ];

    /// The start of the interval that contains `instant`.
    pub fn floor(self, zone: Zone, instant: Timestamp) -> Timestamp {
        self.clock(zone).last_without_end(instant)
    }

    /// The interval that contains `instant`.
    pub fn containing(self, zone: Zone, instant: Timestamp) -> DataInterval {
        let end = self.clock(zone).next_without_end(instant);
        DataInterval { start: self.floor(zone, instant), end }
    }

    /// The interval that starts where `interval` ends.
    pub fn next(self, zone: Zone, interval: DataInterval) -> DataInterval {
        self.containing(zone, interval.end)
    }

    /// The interval that ends where `interval` starts.
    pub fn previous(self, zone: Zone, interval: DataInterval) -> DataInterval {
        self.containing(zone, just_before(interval.start))
    }

    /// The latest interval that is over at `instant`.
    pub fn latest_complete(self, zone: Zone, instant: Timestamp) -> DataInterval {
        let end = self.floor(zone, instant);
        DataInterval { start: self.floor(zone, just_before(end)), end }
    }

    /// About how long an interval is: exact but for months and changes of the clock.
    pub(super) fn usual_length(self) -> TimeDelta {
        match self.0 {
            Length::Minutes(count) => TimeDelta::minutes(i64::from(count)),
            Length::Week => TimeDelta::weeks(1),
            // A twelfth of the mean Gregorian year of 365.2425 days.
            Length::Month => TimeDelta::seconds(2_629_746),
        }
    }

    fn clock(&self, zone: Zone) -> WallClock<'_, Self> {
        let counting = match self.0 {
            Length::Minutes(count) if count <= HOUR => Counting::AsShown,
            Length::Minutes(_) | Length::Week | Length::Month => Counting::Once,
        };
        WallClock { zone, counting, times: self }
    }
}

/// The wall-clock times at which intervals start.
impl Times for Stretch {
    fn after(&self, local: NaiveDateTime) -> Option<NaiveDateTime> {
        let start = self.until(local)?;
        match self.0 {
            // Midnight is a start too, because the count fills a day.
            Length::Minutes(count) => {
                start.checked_add_signed(TimeDelta::minutes(i64::from(count)))
            }
            Length::Week => start.checked_add_days(Days::new(7)),
            Length::Month => start.checked_add_months(Months::new(1)),
        }
    }

    fn until(&self, local: NaiveDateTime) -> Option<NaiveDateTime> {
        let date = local.date();
        match self.0 {
            Length::Minutes(count) => {
                let minute = local.num_seconds_from_midnight() / 60;
                Some(midnight(date) + TimeDelta::minutes(i64::from(minute - minute % count)))
            }
            Length::Week => {
                let monday =
                    date.checked_sub_days(Days::new(date.weekday().num_days_from_monday().into()))?;
                Some(midnight(monday))
            }
            Length::Month => Some(midnight(date.with_day(1)?)),
        }
    }
}

fn midnight(date: NaiveDate) -> NaiveDateTime {
    date.and_time(NaiveTime::MIN)
}

impl FromStr for Stretch {
    type Err = BadStretch;

    fn from_str(text: &str) -> Result<Self, BadStretch> {
        let unreadable = || BadStretch::Unreadable { text: text.to_owned() };
        let digits = text.find(|c: char| !c.is_ascii_digit()).ok_or_else(unreadable)?;
        let count: u32 = text[..digits].parse().map_err(|_| unreadable())?;
        let one = |length, unit| {
            if count == 1 {
                Ok(Self(length))
            } else {
                Err(BadStretch::NotOne { text: text.to_owned(), unit })
            }
        };
        let part_of_day = |unit: u32| match count.checked_mul(unit) {
            Some(minutes) if minutes > 0 && DAY.is_multiple_of(minutes) => {
                Ok(Self(Length::Minutes(minutes)))
            }
            _ => Err(BadStretch::Uneven { text: text.to_owned(), count, unit }),
        };
        match &text[digits..] {
            "m" => part_of_day(1),
            "h" => part_of_day(HOUR),
            "d" => one(Length::Minutes(DAY), "day"),
            "w" => one(Length::Week, "week"),
            "mo" => one(Length::Month, "month"),
            _ => Err(unreadable()),
        }
    }
}

/// Prints the largest unit that fits, so `60m` prints as `1h`.
impl fmt::Display for Stretch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Length::Minutes(DAY) => f.write_str("1d"),
            Length::Minutes(count) if count.is_multiple_of(HOUR) => write!(f, "{}h", count / HOUR),
            Length::Minutes(count) => write!(f, "{count}m"),
            Length::Week => f.write_str("1w"),
            Length::Month => f.write_str("1mo"),
        }
    }
}

impl TryFrom<String> for Stretch {
    type Error = BadStretch;

    fn try_from(text: String) -> Result<Self, BadStretch> {
        text.parse()
    }
}

impl From<Stretch> for String {
    fn from(stretch: Stretch) -> Self {
        stretch.to_string()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ZONES: [&str; 10] = [
        "UTC",
        "Europe/Oslo",
        "America/New_York",
        "Australia/Lord_Howe",
        "Africa/Cairo",
        "Africa/Casablanca",
        "America/Sao_Paulo",
        "Asia/Kathmandu",
        "Pacific/Apia",
        "Pacific/Kiritimati",
    ];

    const STRETCHES: [&str; 14] =
        ["1m", "5m", "15m", "45m", "1h", "72m", "90m", "2h", "6h", "8h", "12h", "1d", "1w", "1mo"];

    fn stretch(text: &str) -> Stretch {
        text.parse().unwrap()
    }

    /// The starts of intervals from the one that contains `instant`, as UTC.
    fn starts(zone: &str, text: &str, instant: &str, count: usize) -> Vec<String> {
        let zone = zone.parse().unwrap();
        let mut interval = stretch(text).containing(zone, instant.parse().unwrap());
        let mut found = Vec::new();
        for _ in 0..count {
            found.push(interval.start.format("%m-%dT%H:%M").to_string());
            interval = stretch(text).next(zone, interval);
        }
        found
    }

    #[test]
    fn a_stretch_reads_back_what_it_prints() {
        for text in STRETCHES {
            assert_eq!(stretch(text).to_string().parse(), Ok(stretch(text)));
        }
        assert_eq!(stretch("60m"), stretch("1h"));
        assert_eq!(stretch("24h"), stretch("1d"));
        assert_eq!(stretch("1440m").to_string(), "1d");
        assert_eq!(stretch("90m").to_string(), "90m");
    }

    #[test]
    fn a_mistake_is_named_with_what_to_write_instead() {
        let counted = "days, weeks (from Monday) and months come one by one: `1d`, `1w`, `1mo`";
        let units =
            "write minutes or hours, or one day, week or month: `15m`, `6h`, `1d`, `1w`, `1mo`";
        let cases = [
            ("5h", "intervals of `5h` do not fill a day evenly", "`4h` and `6h` do"),
            ("7m", "intervals of `7m` do not fill a day evenly", "`6m` and `8m` do"),
            ("25h", "intervals of `25h` do not fill a day evenly", "`24h` does"),
            ("0h", "intervals of `0h` do not fill a day evenly", "`1h` does"),
            ("99999999h", "intervals of `99999999h` do not fill a day evenly", "`24h` does"),
            ("2d", "`2d` is not one day", counted),
            ("4w", "`4w` is not one week", counted),
            ("0mo", "`0mo` is not one month", counted),
            ("1q", "`1q` is not an interval", units),
            ("30s", "`30s` is not an interval", units),
            ("1h30m", "`1h30m` is not an interval", units),
            ("15", "`15` is not an interval", units),
            ("", "`` is not an interval", units),
            ("99999999999m", "`99999999999m` is not an interval", units),
        ];
        for (text, message, hint) in cases {
            let bad = text.parse::<Stretch>().unwrap_err();
            assert_eq!(
                (bad.to_string(), bad.hint()),
                (message.to_owned(), hint.to_owned()),
                "{text}"
            );
        }
    }

    #[test]
    fn days_weeks_and_months_start_at_local_midnight() {
        assert_eq!(
            starts("Asia/Kathmandu", "1d", "2026-01-01T18:14:59Z", 2),
            ["12-31T18:15", "01-01T18:15"]
        );
        assert_eq!(
            starts("Europe/Oslo", "1w", "2026-03-29T21:59:59Z", 2),
            ["03-22T23:00", "03-29T22:00"]
        );
        assert_eq!(
            starts("Europe/Oslo", "1mo", "2026-03-01T00:00:00Z", 2),
            ["02-28T23:00", "03-31T22:00"]
        );
    }

    #[test]
    fn short_intervals_start_at_multiples_on_the_local_clock() {
        assert_eq!(
            starts("Asia/Kathmandu", "1h", "2026-01-01T00:00:00Z", 2),
            ["12-31T23:15", "01-01T00:15"]
        );
        assert_eq!(starts("UTC", "45m", "2026-01-01T23:30:00Z", 2), ["01-01T23:15", "01-02T00:00"]);
    }

    #[test]
    fn hours_follow_elapsed_time_when_the_clock_changes() {
        let spring = starts("Europe/Oslo", "1h", "2026-03-29T00:00:00Z", 3);
        let autumn = starts("Europe/Oslo", "1h", "2026-10-24T23:00:00Z", 4);
        let half_hour_back = starts("Australia/Lord_Howe", "1h", "2026-04-04T14:00:00Z", 3);
        let half_hour_ahead = starts("Australia/Lord_Howe", "1h", "2026-10-03T14:30:00Z", 3);

        assert_eq!(spring, ["03-29T00:00", "03-29T01:00", "03-29T02:00"]);
        assert_eq!(autumn, ["10-24T23:00", "10-25T00:00", "10-25T01:00", "10-25T02:00"]);
        assert_eq!(half_hour_back, ["04-04T14:00", "04-04T15:30", "04-04T16:30"]);
        assert_eq!(half_hour_ahead, ["10-03T14:30", "10-03T16:00", "10-03T17:00"]);
    }

    #[test]
    fn longer_intervals_start_at_wall_clock_times_when_the_clock_changes() {
        let cases: [(&str, &str, &str, &[&str]); 8] = [
            (
                "Europe/Oslo",
                "1d",
                "2026-03-28T12:00:00Z",
                &["03-27T23:00", "03-28T23:00", "03-29T22:00"],
            ),
            (
                "Europe/Oslo",
                "1d",
                "2026-10-24T12:00:00Z",
                &["10-23T22:00", "10-24T22:00", "10-25T23:00"],
            ),
            (
                "Europe/Oslo",
                "6h",
                "2026-03-28T23:00:00Z",
                &["03-28T23:00", "03-29T04:00", "03-29T10:00"],
            ),
            (
                "Europe/Oslo",
                "6h",
                "2026-10-24T22:00:00Z",
                &["10-24T22:00", "10-25T05:00", "10-25T11:00"],
            ),
            // The start at 02:00 is skipped in spring, and doubled in autumn.
            (
                "Europe/Oslo",
                "2h",
                "2026-03-28T23:00:00Z",
                &["03-28T23:00", "03-29T01:00", "03-29T02:00"],
            ),
            (
                "Europe/Oslo",
                "2h",
                "2026-10-24T22:00:00Z",
                &["10-24T22:00", "10-25T00:00", "10-25T03:00"],
            ),
            // Midnight is skipped.
            (
                "America/Sao_Paulo",
                "1d",
                "2018-11-03T12:00:00Z",
                &["11-03T03:00", "11-04T03:00", "11-05T02:00"],
            ),
            (
                "Africa/Cairo",
                "1d",
                "2026-04-23T12:00:00Z",
                &["04-22T22:00", "04-23T22:00", "04-24T21:00"],
            ),
        ];
        for (zone, text, instant, expected) in cases {
            assert_eq!(starts(zone, text, instant, expected.len()), expected, "{zone} {text}");
        }
    }

    #[test]
    fn a_day_that_the_calendar_skips_has_no_interval() {
        assert_eq!(
            starts("Pacific/Apia", "1d", "2011-12-29T12:00:00Z", 3),
            ["12-29T10:00", "12-30T10:00", "12-31T10:00"]
        );
        assert_eq!(
            starts("Pacific/Apia", "6h", "2011-12-30T04:00:00Z", 2),
            ["12-30T04:00", "12-30T10:00"]
        );
    }

    #[test]
    fn instants_at_the_end_of_time_have_an_interval() {
        for text in STRETCHES {
            for instant in [Timestamp::MIN_UTC, Timestamp::MAX_UTC] {
                let interval = stretch(text).containing(Zone::UTC, instant);
                assert!(interval.start < interval.end);
            }
        }
    }

    #[test]
    fn a_stretch_has_a_schema_that_an_editor_understands() {
        let schema = serde_json::to_value(schemars::schema_for!(Stretch)).unwrap();

        assert_eq!(schema["type"], "string");
        assert_eq!(schema["format"], "interval");
        assert_eq!(schema["examples"][5], "1mo");
    }

    /// Any second from 1990 to 2037, or one close to a change of a clock.
    fn instants() -> impl Strategy<Value = Timestamp> {
        let changes = prop::sample::select(vec![
            "1994-12-31T10:00:00Z", // Kiritimati skips a day
            "2011-12-30T10:00:00Z", // Apia skips a day
            "2018-11-04T03:00:00Z", // Sao Paulo
            "2024-03-10T02:00:00Z", // Casablanca, Ramadan
            "2026-03-29T01:00:00Z", // Oslo
            "2026-10-25T01:00:00Z",
            "2026-11-01T06:00:00Z", // New York
            "2026-04-04T15:00:00Z", // Lord Howe
            "2026-10-29T21:00:00Z", // Cairo
        ]);
        let near = (changes, -180_000i64..180_000).prop_map(|(change, seconds)| {
            change.parse::<Timestamp>().unwrap() + TimeDelta::seconds(seconds)
        });
        let any = (631_152_000i64..2_145_916_800)
            .prop_map(|seconds| chrono::DateTime::from_timestamp(seconds, 0).unwrap());
        prop_oneof![any, near]
    }

    proptest! {
        #[test]
        fn intervals_tile_time_without_gap_or_overlap(
            zone in prop::sample::select(ZONES.to_vec()),
            text in prop::sample::select(STRETCHES.to_vec()),
            instant in instants(),
        ) {
            let (zone, stretch): (Zone, _) = (zone.parse().unwrap(), stretch(text));

            let interval = stretch.containing(zone, instant);
            let next = stretch.next(zone, interval);
            let previous = stretch.previous(zone, interval);

            prop_assert!(interval.start <= instant && instant < interval.end);
            prop_assert_eq!(next.start, interval.end);
            prop_assert_eq!(previous.end, interval.start);
            prop_assert_eq!(stretch.previous(zone, next), interval);
            prop_assert_eq!(stretch.next(zone, previous), interval);
            prop_assert_eq!(stretch.floor(zone, just_before(interval.end)), interval.start);
        }

        #[test]
        fn the_start_of_an_interval_is_its_own_floor(
            zone in prop::sample::select(ZONES.to_vec()),
            text in prop::sample::select(STRETCHES.to_vec()),
            instant in instants(),
        ) {
            let (zone, stretch): (Zone, _) = (zone.parse().unwrap(), stretch(text));

            let floor = stretch.floor(zone, instant);

            prop_assert_eq!(stretch.floor(zone, floor), floor);
        }
    }
}
