//! Schedules: when a DAG ticks, which ticks are due, and what stretch of time a tick's run is
//! about.
//!
//! Nothing here reads a clock: the present is always an argument, so that the same question has the
//! same answer.
//!
//! Clocks are changed twice a year in many zones, and then some wall-clock times do not exist and
//! others come twice. The rule is that of Vixie cron as Debian ships it. Ticks whose hour is named
//! (`30 2 * * *`, also `*/2`) belong to a wall-clock time: each runs once, at the instant of the
//! jump if the clock jumps over it, at its first showing if it is shown twice; two that fall on one
//! instant are one. Ticks of every hour (`15 * * * *`) follow elapsed time: a doubled hour has its
//! ticks twice, a skipped hour has none.

mod cron;
mod cron_field;
mod fit;
mod stretch;
mod time_of_day;
mod wall_clock;
mod zone;

use std::iter;

use chrono::TimeDelta;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use self::cron::{BadCron, CronExpression, CronFault};
pub use self::cron_field::CronUnit;
pub use self::fit::Misfit;
pub use self::stretch::{BadStretch, Stretch};
pub use self::time_of_day::{BadTimeOfDay, TimeOfDay};
use self::wall_clock::{Counting, WallClock, just_before};
pub use self::zone::{BadZone, Zone};
use crate::time::{DataInterval, Timestamp};

/// The most ticks that [`Schedule::due`] returns at once; the rest follow when it is asked again.
pub const MOST_DUE: usize = 10_000;

/// How late a tick may be for [`Missed::None`] to run it: room for a restart or a slow tick, not
/// for an outage.
pub const ON_TIME: TimeDelta = TimeDelta::minutes(5);

/// What happens to ticks that passed while nothing was there to run them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub enum Missed {
    /// Every missed tick runs, oldest first.
    All,
    /// Only the latest missed tick runs.
    #[default]
    Latest,
    /// No missed tick runs; one that is up to five minutes late is not missed.
    None,
}

/// When a DAG ticks.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("examples" = [{ "cron": "@daily", "timezone": "Europe/Oslo" }]))]
#[serde(deny_unknown_fields)]
pub struct Schedule {
    /// When to tick, on the wall clock of the time zone.
    pub cron: CronExpression,
    /// The time zone of the clock that `cron` and `interval` are read on.
    #[serde(default)]
    pub timezone: Zone,
    /// What happens to ticks that passed while nothing was there to run them.
    #[serde(default)]
    pub missed: Missed,
}

impl Schedule {
    /// The first tick after `after`; none once the years that cron expressions cover are over
    /// (2100).
    pub fn next_tick(&self, after: Timestamp) -> Option<Timestamp> {
        self.clock().next(after)
    }

    /// The last tick at or before `at`; none before 1970.
    pub fn last_tick(&self, at: Timestamp) -> Option<Timestamp> {
        self.clock().last(at)
    }

    /// All ticks after `after`, in order.
    pub fn ticks_after(&self, after: Timestamp) -> impl Iterator<Item = Timestamp> {
        iter::successors(self.next_tick(after), |tick| self.next_tick(*tick))
    }

    /// The ticks after `last`, up to `now`, that should run now, oldest first and at most
    /// [`MOST_DUE`].
    ///
    /// `last` is the tick that was dealt with last, whether it ran or not. Without one the schedule
    /// is new: nothing is due, and its first run is that of the next tick after the caller's `now`.
    pub fn due(&self, last: Option<Timestamp>, now: Timestamp) -> Vec<Timestamp> {
        let Some(last) = last else { return Vec::new() };
        let latest = || self.last_tick(now).filter(|tick| *tick > last);
        match self.missed {
            Missed::All => {
                self.ticks_after(last).take_while(|tick| *tick <= now).take(MOST_DUE).collect()
            }
            Missed::Latest => latest().into_iter().collect(),
            Missed::None => latest().filter(|tick| now - tick <= ON_TIME).into_iter().collect(),
        }
    }

    /// The interval that the run of `tick` is about.
    ///
    /// With a stretch it is the latest aligned interval that is over at the tick. Without, it
    /// reaches from the tick before to this one; there is none for the very first tick (in 1970).
    pub fn interval_of(&self, stretch: Option<Stretch>, tick: Timestamp) -> Option<DataInterval> {
        match stretch {
            Some(stretch) => Some(stretch.latest_complete(self.timezone, tick)),
            None => Some(DataInterval { start: self.last_tick(just_before(tick))?, end: tick }),
        }
    }

    /// Checks that with this stretch every interval has exactly one tick, by trying the ticks of
    /// two years.
    pub fn fit(&self, stretch: Stretch) -> Result<(), Misfit> {
        fit::fit(self, stretch)
    }

    fn clock(&self) -> WallClock<'_, CronExpression> {
        let counting = if self.cron.is_every_hour() { Counting::AsShown } else { Counting::Once };
        WallClock { zone: self.timezone, counting, times: &self.cron }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn schedule(cron: &str, zone: &str, missed: Missed) -> Schedule {
        Schedule { cron: cron.parse().unwrap(), timezone: zone.parse().unwrap(), missed }
    }

    /// The ticks after one instant up to another, as UTC; also checks that the way back finds the
    /// same.
    fn ticks(cron: &str, zone: &str, after: &str, until: &str) -> Vec<String> {
        let schedule = schedule(cron, zone, Missed::All);
        let found = schedule.due(Some(at(after)), at(until));
        let mut back = Vec::new();
        let mut instant = at(until);
        while let Some(tick) = schedule.last_tick(instant).filter(|tick| *tick > at(after)) {
            back.push(tick);
            instant = just_before(tick);
        }
        back.reverse();
        assert_eq!(found, back, "{cron} {zone}");
        found.iter().map(|tick| tick.format("%m-%dT%H:%M").to_string()).collect()
    }

    #[test]
    fn a_tick_at_a_skipped_or_doubled_hour_runs_once() {
        let cases: [(&str, &str, &str, &str, &[&str]); 7] = [
            // 02:00 becomes 03:00.
            (
                "Europe/Oslo",
                "30 2 * * *",
                "2026-03-28T00:00:00Z",
                "2026-03-30T12:00:00Z",
                &["03-28T01:30", "03-29T01:00", "03-30T00:30"],
            ),
            // Both fall on the jump and are one.
            (
                "Europe/Oslo",
                "0 2,3 * * *",
                "2026-03-28T12:00:00Z",
                "2026-03-30T12:00:00Z",
                &["03-29T01:00", "03-30T00:00", "03-30T01:00"],
            ),
            (
                "Europe/Oslo",
                "*/10 2 * * *",
                "2026-03-28T12:00:00Z",
                "2026-03-29T12:00:00Z",
                &["03-29T01:00"],
            ),
            // 03:00 becomes 02:00.
            (
                "Europe/Oslo",
                "30 2 * * *",
                "2026-10-24T00:00:00Z",
                "2026-10-26T12:00:00Z",
                &["10-24T00:30", "10-25T00:30", "10-26T01:30"],
            ),
            (
                "Europe/Oslo",
                "0 */2 * * *",
                "2026-10-24T21:00:00Z",
                "2026-10-25T06:00:00Z",
                &["10-24T22:00", "10-25T00:00", "10-25T03:00", "10-25T05:00"],
            ),
            (
                "America/New_York",
                "30 2 * * *",
                "2026-03-07T00:00:00Z",
                "2026-03-09T12:00:00Z",
                &["03-07T07:30", "03-08T07:00", "03-09T06:30"],
            ),
            (
                "America/New_York",
                "30 1 * * *",
                "2026-10-31T00:00:00Z",
                "2026-11-02T12:00:00Z",
                &["10-31T05:30", "11-01T05:30", "11-02T06:30"],
            ),
        ];
        for (zone, cron, after, until, expected) in cases {
            assert_eq!(ticks(cron, zone, after, until), expected, "{cron} {zone} {after}");
        }
    }

    #[test]
    fn a_tick_runs_once_at_half_hour_changes_skipped_midnights_and_skipped_days() {
        let cases: [(&str, &str, &str, &str, &[&str]); 5] = [
            // Half an hour: 02:00 becomes 01:30.
            (
                "Australia/Lord_Howe",
                "45 1 * * *",
                "2026-04-03T00:00:00Z",
                "2026-04-05T23:00:00Z",
                &["04-03T14:45", "04-04T14:45", "04-05T15:15"],
            ),
            // Half an hour: 02:00 becomes 02:30.
            (
                "Australia/Lord_Howe",
                "15 2 * * *",
                "2026-10-02T00:00:00Z",
                "2026-10-04T23:00:00Z",
                &["10-02T15:45", "10-03T15:30", "10-04T15:15"],
            ),
            // Midnight becomes 01:00.
            (
                "Africa/Cairo",
                "@daily",
                "2026-04-22T12:00:00Z",
                "2026-04-25T00:00:00Z",
                &["04-22T22:00", "04-23T22:00", "04-24T21:00"],
            ),
            (
                "America/Sao_Paulo",
                "30 0 * * *",
                "2018-11-03T00:00:00Z",
                "2018-11-05T12:00:00Z",
                &["11-03T03:30", "11-04T03:00", "11-05T02:30"],
            ),
            // A whole day is skipped; its tick runs at the jump.
            (
                "Pacific/Apia",
                "0 9 * * *",
                "2011-12-29T12:00:00Z",
                "2011-12-31T12:00:00Z",
                &["12-29T19:00", "12-30T10:00", "12-30T19:00"],
            ),
        ];
        for (zone, cron, after, until, expected) in cases {
            assert_eq!(ticks(cron, zone, after, until), expected, "{cron} {zone} {after}");
        }
    }

    #[test]
    fn ticks_of_every_hour_follow_elapsed_time_when_the_clock_changes() {
        let cases: [(&str, &str, &str, &str, &[&str]); 6] = [
            (
                "Europe/Oslo",
                "*/30 * * * *",
                "2026-03-29T00:00:00Z",
                "2026-03-29T02:00:00Z",
                &["03-29T00:30", "03-29T01:00", "03-29T01:30", "03-29T02:00"],
            ),
            (
                "Europe/Oslo",
                "30 */1 * * *",
                "2026-10-24T23:45:00Z",
                "2026-10-25T02:45:00Z",
                &["10-25T00:30", "10-25T01:30", "10-25T02:30"],
            ),
            (
                "America/New_York",
                "0 * * * *",
                "2026-11-01T04:00:00Z",
                "2026-11-01T07:00:00Z",
                &["11-01T05:00", "11-01T06:00", "11-01T07:00"],
            ),
            // The clock shows 02:00 only at the second try.
            (
                "Australia/Lord_Howe",
                "0 * * * *",
                "2026-04-04T13:00:00Z",
                "2026-04-04T16:45:00Z",
                &["04-04T14:00", "04-04T15:30", "04-04T16:30"],
            ),
            // Of the day of the change alone, in either showing.
            (
                "Europe/Oslo",
                "15 * 25 10 *",
                "2026-10-24T23:30:00Z",
                "2026-10-25T02:30:00Z",
                &["10-25T00:15", "10-25T01:15", "10-25T02:15"],
            ),
            (
                "Pacific/Apia",
                "0 * * * *",
                "2011-12-30T08:30:00Z",
                "2011-12-30T11:30:00Z",
                &["12-30T09:00", "12-30T10:00", "12-30T11:00"],
            ),
        ];
        for (zone, cron, after, until, expected) in cases {
            assert_eq!(ticks(cron, zone, after, until), expected, "{cron} {zone} {after}");
        }
    }

    #[test]
    fn missed_ticks_run_as_the_policy_says() {
        let (last, now) = (Some(at("2026-01-01T00:00:00Z")), at("2026-01-01T03:10:00Z"));
        let due = |missed| schedule("@hourly", "UTC", missed).due(last, now);

        assert_eq!(due(Missed::All).len(), 3);
        assert_eq!(due(Missed::Latest), [at("2026-01-01T03:00:00Z")]);
        assert!(due(Missed::None).is_empty());
    }

    #[test]
    fn a_tick_on_time_is_not_missed() {
        let hourly = schedule("@hourly", "UTC", Missed::None);
        let (last, tick) = (Some(at("2026-01-01T00:00:00Z")), at("2026-01-01T03:00:00Z"));

        assert_eq!(hourly.due(last, tick), [tick]);
        assert_eq!(hourly.due(last, tick + ON_TIME), [tick]);
        assert!(hourly.due(last, tick + ON_TIME + TimeDelta::seconds(1)).is_empty());
        assert!(hourly.due(Some(tick), tick + ON_TIME).is_empty());
    }

    #[test]
    fn a_new_schedule_starts_with_its_next_tick() {
        for missed in [Missed::All, Missed::Latest, Missed::None] {
            let due = schedule("@hourly", "UTC", missed).due(None, at("2026-01-01T03:00:00Z"));
            assert!(due.is_empty());
        }
    }

    #[test]
    fn nothing_is_due_when_the_clock_went_back() {
        for missed in [Missed::All, Missed::Latest, Missed::None] {
            let last = Some(at("2026-01-01T03:00:00Z"));
            let due = schedule("@hourly", "UTC", missed).due(last, at("2026-01-01T01:00:00Z"));
            assert!(due.is_empty());
        }
    }

    #[test]
    fn a_long_outage_is_caught_up_in_parts_oldest_first() {
        let minutely = schedule("* * * * *", "Europe/Oslo", Missed::All);
        let now = at("2027-01-01T00:00:00Z");

        let due = minutely.due(Some(at("2026-01-01T00:00:00Z")), now);
        let more = minutely.due(due.last().copied(), now);

        assert_eq!(due.len(), MOST_DUE);
        assert_eq!(due[0], at("2026-01-01T00:01:00Z"));
        assert_eq!(Some(&more[0]), minutely.next_tick(due[MOST_DUE - 1]).as_ref());
    }

    #[test]
    fn a_run_is_about_the_latest_complete_interval_or_the_time_since_the_tick_before() {
        let nightly = schedule("30 2 * * *", "Europe/Oslo", Missed::Latest);
        let tick = at("2026-03-30T00:30:00Z");

        let day = nightly.interval_of(Some(Stretch::DAY), tick).unwrap();
        let since = nightly.interval_of(None, tick).unwrap();

        assert_eq!(day.to_string(), "2026-03-28T23:00:00Z..2026-03-29T22:00:00Z");
        assert_eq!(since.to_string(), "2026-03-29T01:00:00Z..2026-03-30T00:30:00Z");
    }

    #[test]
    fn a_tick_at_midnight_is_about_the_day_that_just_ended() {
        let midnight = schedule("@daily", "UTC", Missed::Latest);

        let day = midnight.interval_of(Some(Stretch::DAY), at("2026-01-02T00:00:00Z")).unwrap();

        assert_eq!(day.to_string(), "2026-01-01T00:00:00Z..2026-01-02T00:00:00Z");
    }

    #[test]
    fn the_first_tick_of_all_has_no_interval_without_a_stretch() {
        let yearly = schedule("@yearly", "UTC", Missed::Latest);

        assert_eq!(yearly.interval_of(None, at("1970-01-01T00:00:00Z")), None);
        assert_eq!(yearly.next_tick(Timestamp::MAX_UTC), None);
        assert_eq!(yearly.last_tick(Timestamp::MIN_UTC), None);
    }

    #[test]
    fn a_schedule_is_read_with_defaults_and_without_unknown_keys() {
        let read = |text| serde_json::from_str::<Schedule>(text);

        assert_eq!(
            read(r#"{"cron": "@daily"}"#).unwrap(),
            schedule("@daily", "UTC", Missed::Latest)
        );
        assert_eq!(
            read(r#"{"cron": "@daily", "timezone": "Europe/Oslo", "missed": "all"}"#).unwrap(),
            schedule("@daily", "Europe/Oslo", Missed::All)
        );
        assert!(read(r#"{"cron": "@daily", "zone": "UTC"}"#).is_err());
        assert!(read(r#"{"timezone": "UTC"}"#).is_err());
        assert!(read(r#"{"cron": "@daily", "missed": "LATEST"}"#).is_err());
    }

    #[test]
    fn the_schema_describes_every_key_and_choice() {
        let schema = serde_json::to_value(schemars::schema_for!(Schedule)).unwrap();

        assert_eq!(schema["required"], serde_json::json!(["cron"]));
        assert_eq!(schema["additionalProperties"], false);
        assert_eq!(schema["properties"]["cron"]["format"], "cron");
        assert_eq!(schema["properties"]["timezone"]["default"], "UTC");
        assert_eq!(schema["properties"]["missed"]["default"], "latest");
        assert_eq!(schema["properties"]["missed"]["oneOf"][2]["const"], "none");
    }

    const ZONES: [&str; 6] = [
        "UTC",
        "Europe/Oslo",
        "America/New_York",
        "Australia/Lord_Howe",
        "Africa/Cairo",
        "Asia/Kathmandu",
    ];

    /// Instants in 2026, every other one within two days of a change of a clock in [`ZONES`].
    fn instants() -> impl Strategy<Value = Timestamp> {
        let changes = prop::sample::select(vec![
            "2026-03-08T07:00:00Z",
            "2026-03-29T01:00:00Z",
            "2026-04-04T15:00:00Z",
            "2026-04-23T22:00:00Z",
            "2026-10-03T15:30:00Z",
            "2026-10-25T01:00:00Z",
            "2026-10-29T21:00:00Z",
            "2026-11-01T06:00:00Z",
        ]);
        let near = (changes, -2880i64..2880)
            .prop_map(|(change, minutes)| at(change) + TimeDelta::minutes(minutes));
        let any = (0i64..525_600)
            .prop_map(|minute| at("2026-01-01T00:00:00Z") + TimeDelta::minutes(minute));
        prop_oneof![any, near]
    }

    fn crons() -> impl Strategy<Value = &'static str> {
        prop::sample::select(vec![
            "* * * * *",
            "*/15 * * * *",
            "7,37 * * * 0",
            "0 */2 * * *",
            "30 2 * * *",
            "15,45 1-3 * * *",
            "0 0 * * *",
            "0 0 29 * 1",
            "0 12 * jan-mar,oct *",
            "*/20 30 0-3 * * *",
        ])
    }

    /// Every minute up to `now`, each asked alone whether the clock shows a tick: the rule in its
    /// plainest words.
    fn brute_force(
        minute: u32,
        hour: Option<u32>,
        zone: Zone,
        last: Timestamp,
        now: Timestamp,
    ) -> Vec<Timestamp> {
        use chrono::Timelike;
        let mut found = Vec::new();
        // The reach of the clock, from a time before any doubled hour that can matter.
        let mut instant = last - TimeDelta::hours(3);
        let mut reach = zone.local(instant);
        while instant < now {
            instant += TimeDelta::minutes(1);
            let local = zone.local(instant);
            let is_tick = match hour {
                None => local.minute() == minute,
                // The clock reaches or jumps over the time for the first time.
                Some(hour) => {
                    let time = local.date().and_hms_opt(hour, minute, 0).unwrap();
                    reach < time && time <= local
                }
            };
            reach = reach.max(local);
            if is_tick && instant > last {
                found.push(instant);
            }
        }
        found
    }

    proptest! {
        #[test]
        fn ticks_strictly_increase_and_are_found_again_backwards(
            cron in crons(),
            zone in prop::sample::select(ZONES.to_vec()),
            after in instants(),
        ) {
            let schedule = schedule(cron, zone, Missed::Latest);

            let mut before = schedule.last_tick(after).unwrap();
            prop_assert!(before <= after);
            let mut from = after;
            for _ in 0..20 {
                let tick = schedule.next_tick(from).unwrap();
                prop_assert!(tick > from);
                prop_assert_eq!(schedule.last_tick(tick), Some(tick));
                prop_assert_eq!(schedule.last_tick(just_before(tick)), Some(before));
                (before, from) = (tick, tick);
            }
        }

        #[test]
        fn due_ticks_equal_those_found_minute_by_minute(
            minute in 0u32..60,
            hour in prop::option::of(0u32..5),
            zone in prop::sample::select(ZONES.to_vec()),
            last in instants(),
            length in 1i64..4000,
        ) {
            let hour_field = hour.map_or("*".to_owned(), |hour| hour.to_string());
            let schedule = schedule(&format!("{minute} {hour_field} * * *"), zone, Missed::All);
            let now = last + TimeDelta::minutes(length);

            let due = schedule.due(Some(last), now);

            prop_assert_eq!(&due, &brute_force(minute, hour, schedule.timezone, last, now));
            let latest = Schedule { missed: Missed::Latest, ..schedule }.due(Some(last), now);
            prop_assert_eq!(latest.first(), due.last());
        }

        #[test]
        fn the_interval_of_a_tick_is_over_at_the_tick(
            cron in crons(),
            zone in prop::sample::select(ZONES.to_vec()),
            stretch in prop::sample::select(vec!["", "1m", "1h", "6h", "1d", "1mo"]),
            after in instants(),
        ) {
            let schedule = schedule(cron, zone, Missed::Latest);
            let stretch = if stretch.is_empty() { None } else { Some(stretch.parse().unwrap()) };
            let tick = schedule.next_tick(after).unwrap();

            let interval = schedule.interval_of(stretch, tick).unwrap();

            prop_assert!(interval.start < interval.end);
            prop_assert!(interval.end <= tick);
        }
    }
}
