//! Time zones: from an instant to its wall clock, and back with daylight saving in sight.

use std::fmt;
use std::str::FromStr;

use chrono::{
    DateTime, MappedLocalTime, NaiveDate, NaiveDateTime, NaiveTime, Offset, TimeDelta, TimeZone,
};
use chrono_tz::{GapInfo, TZ_VARIANTS, Tz};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::schedule::Stretch;
use crate::time::Timestamp;

/// The first instant that schedules look at: the year 1.
const EARLIEST: Timestamp =
    DateTime::from_timestamp(-62_135_596_800, 0).expect("the year 1 is an instant");

/// The last instant that schedules look at: the end of the year 9999.
const LATEST: Timestamp =
    DateTime::from_timestamp(253_402_300_799, 0).expect("the year 9999 is an instant");

/// How alike two names must be (Jaro-Winkler, 0 to 1) for one to be offered for the other.
const ALIKE: f64 = 0.8;

/// A text that is not the name of a time zone.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a time zone")]
pub struct BadZone {
    /// What was given.
    pub text: String,
}

impl BadZone {
    /// What to write instead: the zone with the most similar name, where one is similar.
    pub fn hint(&self) -> String {
        match self.nearest() {
            Some(name) => format!("did you mean `{name}`?"),
            None => "write a name of the IANA time zone database, such as `UTC` or `Europe/Oslo`"
                .to_owned(),
        }
    }

    fn nearest(&self) -> Option<&'static str> {
        let wanted = self.text.to_lowercase();
        let mut best = (ALIKE, None);
        for zone in TZ_VARIANTS {
            let name = zone.name().to_lowercase();
            let city = name.rsplit('/').next().unwrap_or(&name);
            let whole = strsim::jaro_winkler(&wanted, &name);
            // A bare city is a common slip; a match of the whole name counts more than one of its
            // end.
            let likeness = whole.max(0.99 * strsim::jaro_winkler(&wanted, city));
            if likeness > best.0 {
                best = (likeness, Some(zone.name()));
            }
        }
        best.1
    }
}

/// A time zone of the IANA database, written `Europe/Oslo`; UTC where none is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String", inline)]
#[schemars(extend("format" = "timezone", "examples" = ["UTC", "Europe/Oslo"]))]
#[schemars(description = "A time zone of the IANA database.")]
pub struct Zone(Tz);

/// What a wall-clock time stands for in a zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reading {
    /// The clock shows it once.
    Once(Timestamp),
    /// The clock is set back and shows it twice.
    Twice { first: Timestamp, second: Timestamp },
    /// The clock jumps over it.
    Skipped { jump: Timestamp },
}

impl Zone {
    /// Coordinated universal time.
    pub const UTC: Self = Self(Tz::UTC);

    /// The name in the IANA database.
    pub fn name(self) -> &'static str {
        self.0.name()
    }

    /// The first instant of a local day.
    pub fn start_of(self, day: NaiveDate) -> Timestamp {
        // Clocks are not changed at noon, so noon leads safely into the day.
        let noon = day.and_time(NaiveTime::MIN) + TimeDelta::hours(12);
        let instant = self
            .0
            .from_local_datetime(&noon)
            .earliest()
            .map_or_else(|| noon.and_utc(), |noon| noon.to_utc());
        Stretch::DAY.floor(self, instant)
    }

    /// An instant as text with this zone's offset, such as `2026-11-20T00:00:00+01:00`.
    pub fn show(self, instant: Timestamp) -> String {
        instant.with_timezone(&self.0).to_rfc3339()
    }

    /// What a clock in this zone shows at `instant`; years before 1 and after 9999 are cut there.
    pub fn local(self, instant: Timestamp) -> NaiveDateTime {
        instant.clamp(EARLIEST, LATEST).with_timezone(&self.0).naive_local()
    }

    /// The instants at which a clock in this zone shows `local`.
    pub(super) fn reading(self, local: NaiveDateTime) -> Reading {
        match self.0.from_local_datetime(&local) {
            MappedLocalTime::Single(instant) => Reading::Once(instant.to_utc()),
            MappedLocalTime::Ambiguous(first, second) => {
                Reading::Twice { first: first.to_utc(), second: second.to_utc() }
            }
            MappedLocalTime::None => {
                let gap = GapInfo::new(&local, &self.0).and_then(|gap| gap.begin);
                let (start, offset) =
                    gap.expect("a time that no clock shows lies after some change of the clock");
                Reading::Skipped { jump: (start - offset.fix()).and_utc() }
            }
        }
    }

    /// The first instant after `low`, up to `high`, at which the clock was changed, if it was once
    /// between them.
    pub(super) fn change_between(self, low: Timestamp, high: Timestamp) -> Option<Timestamp> {
        let old = self.offset(low);
        if old == self.offset(high) {
            return None;
        }
        let (mut low, mut high) = (low.timestamp(), high.timestamp());
        while high - low > 1 {
            let middle = low.midpoint(high);
            let instant =
                DateTime::from_timestamp(middle, 0).expect("it lies between two instants");
            if self.offset(instant) == old { low = middle } else { high = middle }
        }
        DateTime::from_timestamp(high, 0)
    }

    fn offset(self, instant: Timestamp) -> TimeDelta {
        let offset = self.0.offset_from_utc_datetime(&instant.naive_utc()).fix();
        TimeDelta::seconds(i64::from(offset.local_minus_utc()))
    }
}

impl Default for Zone {
    fn default() -> Self {
        Self::UTC
    }
}

impl FromStr for Zone {
    type Err = BadZone;

    fn from_str(text: &str) -> Result<Self, BadZone> {
        text.parse().map(Self).map_err(|_| BadZone { text: text.to_owned() })
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl TryFrom<String> for Zone {
    type Error = BadZone;

    fn try_from(text: String) -> Result<Self, BadZone> {
        text.parse()
    }
}

impl From<Zone> for String {
    fn from(zone: Zone) -> Self {
        zone.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn zone(name: &str) -> Zone {
        name.parse().unwrap()
    }

    fn hint(text: &str) -> String {
        text.parse::<Zone>().unwrap_err().hint()
    }

    #[test]
    fn a_zone_reads_back_what_it_prints() {
        for variant in TZ_VARIANTS {
            assert_eq!(Zone(variant).to_string().parse(), Ok(Zone(variant)));
        }
    }

    #[test]
    fn an_unknown_zone_is_refused_with_the_nearest_name() {
        assert_eq!("Mars".parse::<Zone>().unwrap_err().to_string(), "`Mars` is not a time zone");
        assert_eq!(hint("europe/oslo"), "did you mean `Europe/Oslo`?");
        assert_eq!(hint("Europe/Olso"), "did you mean `Europe/Oslo`?");
        assert_eq!(hint("oslo"), "did you mean `Europe/Oslo`?");
        assert_eq!(hint("utc"), "did you mean `UTC`?");
        assert_eq!(
            hint("!?"),
            "write a name of the IANA time zone database, such as `UTC` or `Europe/Oslo`"
        );
    }

    #[test]
    fn a_zone_has_a_schema_that_an_editor_understands() {
        let schema = serde_json::to_value(schemars::schema_for!(Zone)).unwrap();

        assert_eq!(schema["type"], "string");
        assert_eq!(schema["format"], "timezone");
        assert_eq!(schema["examples"][1], "Europe/Oslo");
        assert_eq!(schema["description"], "A time zone of the IANA database.");
    }

    #[test]
    fn a_wall_clock_time_is_read_as_one_instant_as_two_or_as_a_jump() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let local = |text: &str| text.parse::<NaiveDateTime>().unwrap();
        let oslo = zone("Europe/Oslo");

        assert_eq!(
            oslo.reading(local("2026-01-01T12:00:00")),
            Reading::Once(at("2026-01-01T11:00:00Z"))
        );
        assert_eq!(
            oslo.reading(local("2026-10-25T02:30:00")),
            Reading::Twice {
                first: at("2026-10-25T00:30:00Z"),
                second: at("2026-10-25T01:30:00Z")
            }
        );
        assert_eq!(
            oslo.reading(local("2026-03-29T02:30:00")),
            Reading::Skipped { jump: at("2026-03-29T01:00:00Z") }
        );
        assert_eq!(
            zone("Pacific/Apia").reading(local("2011-12-30T12:00:00")),
            Reading::Skipped { jump: at("2011-12-30T10:00:00Z") }
        );
    }

    #[test]
    fn instants_at_the_end_of_time_are_cut_instead_of_failing() {
        let apia = zone("Pacific/Apia");

        assert_eq!(apia.local(Timestamp::MAX_UTC), apia.local(LATEST));
        assert_eq!(apia.local(Timestamp::MIN_UTC), apia.local(EARLIEST));
    }
}
