//! A time of day, such as the one by which a run must be finished.

use std::fmt;
use std::str::FromStr;

use chrono::{NaiveDateTime, NaiveTime, TimeDelta, Timelike};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::wall_clock::{Counting, Times, WallClock, just_before};
use super::zone::Zone;
use crate::time::Timestamp;

/// A text that is not a time of day.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a time of day")]
pub struct BadTimeOfDay {
    /// What was given.
    pub text: String,
}

impl BadTimeOfDay {
    /// What a time of day must look like.
    pub const HINT: &str =
        "write hours from 00 to 23 and minutes, such as `06:00`, or with seconds `06:00:30`";
}

/// A time on a wall clock, written `06:00` or `06:00:30`.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String", inline, extend("format" = "time", "examples" = ["06:00", "23:59:30"]))]
#[schemars(description = "A time of day: hours from 00 to 23, minutes, and seconds if need be.")]
pub struct TimeOfDay(NaiveTime);

impl TimeOfDay {
    /// The first instant at or after `instant` that has this time in `zone`.
    ///
    /// A time that the clock jumps over is the instant of the jump; a doubled one is its first
    /// showing.
    pub fn after(self, zone: Zone, instant: Timestamp) -> Timestamp {
        let clock = WallClock { zone, counting: Counting::Once, times: &self };
        clock.next_without_end(just_before(instant))
    }
}

impl Times for TimeOfDay {
    fn after(&self, local: NaiveDateTime) -> Option<NaiveDateTime> {
        let today = local.date().and_time(self.0);
        Some(if today > local { today } else { today + TimeDelta::days(1) })
    }

    fn until(&self, local: NaiveDateTime) -> Option<NaiveDateTime> {
        let today = local.date().and_time(self.0);
        Some(if today <= local { today } else { today - TimeDelta::days(1) })
    }
}

impl FromStr for TimeOfDay {
    type Err = BadTimeOfDay;

    fn from_str(text: &str) -> Result<Self, BadTimeOfDay> {
        let bad = || BadTimeOfDay { text: text.to_owned() };
        let mut numbers = [0; 3];
        let parts: Vec<&str> = text.split(':').collect();
        if !(2..=3).contains(&parts.len()) {
            return Err(bad());
        }
        for (number, part) in numbers.iter_mut().zip(parts) {
            if part.len() != 2 || !part.bytes().all(|byte| byte.is_ascii_digit()) {
                return Err(bad());
            }
            *number = part.parse().map_err(|_| bad())?;
        }
        let [hour, minute, second] = numbers;
        NaiveTime::from_hms_opt(hour, minute, second).map(Self).ok_or_else(bad)
    }
}

impl fmt::Display for TimeOfDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let format = if self.0.second() == 0 { "%H:%M" } else { "%H:%M:%S" };
        write!(f, "{}", self.0.format(format))
    }
}

impl TryFrom<String> for TimeOfDay {
    type Error = BadTimeOfDay;

    fn try_from(text: String) -> Result<Self, BadTimeOfDay> {
        text.parse()
    }
}

impl From<TimeOfDay> for String {
    fn from(time: TimeOfDay) -> Self {
        time.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn next(time: &str, zone: &str, instant: &str) -> String {
        let time: TimeOfDay = time.parse().unwrap();
        let found = time.after(zone.parse().unwrap(), instant.parse().unwrap());
        found.to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
    }

    #[test]
    fn a_time_reads_back_what_it_prints() {
        for text in ["06:00", "00:00", "23:59:59", "06:00:30"] {
            assert_eq!(text.parse::<TimeOfDay>().unwrap().to_string(), text);
        }
        assert_eq!("06:00:00".parse::<TimeOfDay>().unwrap().to_string(), "06:00");
    }

    #[test]
    fn a_text_that_is_no_time_is_refused() {
        for text in [
            "",
            "6",
            "6:00",
            "24:00",
            "06:60",
            "06:00:60",
            "06:00:00:00",
            "+6:00",
            " 06:00",
            "06:00Z",
        ] {
            assert_eq!(text.parse::<TimeOfDay>(), Err(BadTimeOfDay { text: text.to_owned() }));
        }
        assert_eq!(
            "6:00".parse::<TimeOfDay>().unwrap_err().to_string(),
            "`6:00` is not a time of day"
        );
    }

    #[test]
    fn a_time_comes_at_or_after_the_instant() {
        assert_eq!(next("06:00", "Europe/Oslo", "2026-01-10T05:00:00Z"), "2026-01-10T05:00:00Z");
        assert_eq!(next("06:00", "Europe/Oslo", "2026-01-10T05:00:01Z"), "2026-01-11T05:00:00Z");
        assert_eq!(next("06:00", "Asia/Kathmandu", "2026-01-10T00:00:00Z"), "2026-01-10T00:15:00Z");
    }

    #[test]
    fn a_skipped_time_is_the_jump_and_a_doubled_time_its_first_showing() {
        assert_eq!(next("02:30", "Europe/Oslo", "2026-03-29T00:00:00Z"), "2026-03-29T01:00:00Z");
        assert_eq!(next("02:30", "Europe/Oslo", "2026-03-29T01:00:01Z"), "2026-03-30T00:30:00Z");
        assert_eq!(next("02:30", "Europe/Oslo", "2026-10-25T00:00:00Z"), "2026-10-25T00:30:00Z");
        assert_eq!(next("02:30", "Europe/Oslo", "2026-10-25T00:30:01Z"), "2026-10-26T01:30:00Z");
    }
}
