//! Whether the ticks of a schedule and the intervals of its runs go together.

use chrono::{DateTime, TimeDelta};

use super::Schedule;
use super::stretch::Stretch;
use super::wall_clock::just_before;
use super::zone::Zone;
use crate::time::{DataInterval, Timestamp};

/// Where the trial starts, 2023-12-01: the two years from here hold a leap day and a common
/// February.
const TRIAL_START: Timestamp =
    DateTime::from_timestamp(1_701_388_800, 0).expect("2023-12-01 is an instant");

/// How long the trial lasts.
const TRIAL: TimeDelta = TimeDelta::days(2 * 365 + 1);

/// How many ticks the trial looks at before it turns to the changes of the clock alone.
const MOST_TICKS: usize = 2_000;

/// How long the trial lasts for ticks that are the same every week, but for changes of the clock.
const WEEKLY_TRIAL: TimeDelta = TimeDelta::days(15);

/// How many ticks it looks at even if they are more than the trial apart.
const FEWEST_TICKS: usize = 3;

/// How many ticks it looks at around each change of the clock, and how long after it: a few at least.
const TICKS_AT_CHANGE: usize = 200;
const AFTER_CHANGE: TimeDelta = TimeDelta::days(3);

/// How long before a change of the clock it starts to look; the widest change of our days is one
/// hour.
const BEFORE_CHANGE: TimeDelta = TimeDelta::minutes(150);

/// How the ticks of a schedule and its intervals fail to go together.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Misfit {
    /// Two ticks have the same interval.
    #[error("ticks {} times in one interval of {stretch}", count_in_words(*.ticks))]
    Repeats {
        /// The length of the intervals.
        stretch: Stretch,
        /// A tick.
        first: Timestamp,
        /// The tick after it.
        second: Timestamp,
        /// The interval of both.
        interval: DataInterval,
        /// How many ticks have this interval; counted up to 2,000.
        ticks: usize,
        /// A length with which the schedule would go together.
        instead: Option<Stretch>,
    },
    /// An interval lies between those of two ticks, and so never has a run.
    #[error(
        "leaves {} without a run (first: {})",
        missed_in_words(*.missed, *.of, *.stretch),
        start_in_words(*.zone, *.stretch, *.first)
    )]
    Gap {
        /// The length of the intervals.
        stretch: Stretch,
        /// The zone of the schedule.
        zone: Zone,
        /// The first interval without a run.
        first: DataInterval,
        /// How many intervals in a row have no run.
        missed: i64,
        /// How many intervals there are from one gap to the next, if there is a next one.
        of: Option<i64>,
        /// A length with which the schedule would go together.
        instead: Option<Stretch>,
    },
}

impl Misfit {
    /// What to write instead.
    pub fn hint(&self) -> String {
        let (Self::Repeats { instead, .. } | Self::Gap { instead, .. }) = self;
        let without = "so that each run covers the time since the tick before";
        match instead {
            Some(stretch) => format!("write `interval: {stretch}`, or drop it {without}"),
            None => format!("drop `interval` {without}"),
        }
    }
}

fn count_in_words(ticks: usize) -> String {
    if ticks < MOST_TICKS { ticks.to_string() } else { format!("at least {ticks}") }
}

fn missed_in_words(missed: i64, of: Option<i64>, stretch: Stretch) -> String {
    match (missed, of) {
        (_, Some(of)) => format!("{missed} of {of} intervals of {stretch}"),
        (1, None) => format!("one interval of {stretch}"),
        (_, None) => format!("{missed} intervals of {stretch}"),
    }
}

fn start_in_words(zone: Zone, stretch: Stretch, interval: DataInterval) -> String {
    let whole_days = stretch.usual_length() >= TimeDelta::days(1);
    let format = if whole_days { "%Y-%m-%d" } else { "%Y-%m-%d %H:%M" };
    zone.local(interval.start).format(format).to_string()
}

/// Two ticks in a row, of which the later should have the interval after that of the earlier.
struct Clash {
    first: Timestamp,
    second: Timestamp,
    interval: DataInterval,
    next_interval: DataInterval,
}

/// Tries the ticks of two years, or, if they are many, the first of them and those around changes
/// of the clock.
pub(super) fn fit(schedule: &Schedule, stretch: Stretch) -> Result<(), Misfit> {
    let Some(clash) = find_clash(schedule, stretch) else { return Ok(()) };
    let instead =
        Stretch::COMMON.into_iter().find(|common| find_clash(schedule, *common).is_none());
    if clash.interval == clash.next_interval {
        let interval = clash.interval;
        let ticks = ticks_with(schedule, stretch, interval);
        return Err(Misfit::Repeats {
            stretch,
            first: clash.first,
            second: clash.second,
            interval,
            ticks,
            instead,
        });
    }
    let (missed, of) = share_missed(schedule, stretch, &clash);
    let first = stretch.next(schedule.timezone, clash.interval);
    Err(Misfit::Gap { stretch, zone: schedule.timezone, first, missed, of, instead })
}

fn find_clash(schedule: &Schedule, stretch: Stretch) -> Option<Clash> {
    let is_weekly = schedule.cron.is_same_every_week();
    let end = TRIAL_START + if is_weekly { WEEKLY_TRIAL } else { TRIAL };
    let mut seen = 0;
    let trial =
        within(schedule.ticks_after(TRIAL_START), end).take(MOST_TICKS).inspect(|_| seen += 1);
    let clash = first_clash(schedule, stretch, trial);
    if clash.is_some() || (seen < MOST_TICKS && !is_weekly) {
        return clash;
    }
    for change in changes(schedule.timezone) {
        let start = schedule.last_tick(change - BEFORE_CHANGE).map_or(change, just_before);
        let around =
            within(schedule.ticks_after(start), change + AFTER_CHANGE).take(TICKS_AT_CHANGE);
        let clash = first_clash(schedule, stretch, around);
        if clash.is_some() {
            return clash;
        }
    }
    None
}

/// The ticks before `end`, and a few in any case.
fn within(
    ticks: impl Iterator<Item = Timestamp>,
    end: Timestamp,
) -> impl Iterator<Item = Timestamp> {
    let numbered = ticks.enumerate();
    numbered
        .take_while(move |(index, tick)| *index < FEWEST_TICKS || *tick < end)
        .map(|(_, tick)| tick)
}

fn first_clash(
    schedule: &Schedule,
    stretch: Stretch,
    ticks: impl IntoIterator<Item = Timestamp>,
) -> Option<Clash> {
    let mut before: Option<(Timestamp, DataInterval)> = None;
    for tick in ticks {
        let interval = stretch.latest_complete(schedule.timezone, tick);
        match before {
            Some((first, last)) if interval.start != last.end => {
                return Some(Clash {
                    first,
                    second: tick,
                    interval: last,
                    next_interval: interval,
                });
            }
            _ => before = Some((tick, interval)),
        }
    }
    None
}

/// The changes of the clock within the trial; two within a day that undo each other are not seen.
fn changes(zone: Zone) -> Vec<Timestamp> {
    let days = 0..TRIAL.num_days();
    let day_start = |day| TRIAL_START + TimeDelta::days(day);
    days.filter_map(|day| zone.change_between(day_start(day), day_start(day + 1))).collect()
}

/// How many ticks have `interval` as the latest complete one.
fn ticks_with(schedule: &Schedule, stretch: Stretch, interval: DataInterval) -> usize {
    let over = stretch.next(schedule.timezone, interval).end;
    let ticks = schedule.ticks_after(just_before(interval.end));
    ticks.take_while(|tick| *tick < over).take(MOST_TICKS).count()
}

/// How many intervals in a row miss a run, and of how many from the end of one gap to that of the
/// next.
fn share_missed(schedule: &Schedule, stretch: Stretch, gap: &Clash) -> (i64, Option<i64>) {
    let between = |start: Timestamp, end: Timestamp| {
        let usual = stretch.usual_length().num_seconds();
        // Rounded: months and days on which the clock changes are not quite as long as usual.
        ((end - start).num_seconds() + usual / 2).div_euclid(usual)
    };
    let missed = between(gap.interval.end, gap.next_interval.start);
    let from_here = schedule.ticks_after(just_before(gap.second));
    match first_clash(schedule, stretch, from_here.take(MOST_TICKS)) {
        Some(next) if next.next_interval != next.interval => {
            let missed = between(next.interval.end, next.next_interval.start);
            (missed, Some(between(gap.next_interval.start, next.next_interval.start)))
        }
        Some(_) | None => (missed, None),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Missed;
    use super::*;

    const WITHOUT: &str = "so that each run covers the time since the tick before";

    fn schedule(cron: &str, zone: &str) -> Schedule {
        let (cron, timezone) = (cron.parse().unwrap(), zone.parse().unwrap());
        Schedule { cron, timezone, missed: Missed::default() }
    }

    fn refusal(cron: &str, zone: &str, stretch: &str) -> (String, String) {
        let misfit = schedule(cron, zone).fit(stretch.parse().unwrap()).unwrap_err();
        (misfit.to_string(), misfit.hint())
    }

    #[test]
    fn a_schedule_with_one_tick_per_interval_fits_in_zones_that_change_their_clocks() {
        for zone in ["UTC", "Europe/Oslo", "America/New_York", "Africa/Cairo", "Asia/Kathmandu"] {
            for (cron, stretch) in [
                ("* * * * *", "1m"),
                ("*/15 * * * *", "15m"),
                ("7 * * * *", "1h"),
                ("0 */2 * * *", "2h"),
                ("0 */6 * * *", "6h"),
                ("30 */8 * * *", "8h"),
                ("30 2 * * *", "1d"),
                ("@daily", "1d"),
                ("0 4 * * 2", "1w"),
                ("@monthly", "1mo"),
                ("0 3 28 * *", "1mo"),
            ] {
                let fit = schedule(cron, zone).fit(stretch.parse().unwrap());
                assert_eq!(fit, Ok(()), "{cron} {zone} {stretch}");
            }
        }
    }

    #[test]
    fn ticks_that_share_an_interval_are_refused_with_an_interval_that_fits() {
        assert_eq!(
            refusal("0 * * * *", "Europe/Oslo", "1d"),
            (
                "ticks 24 times in one interval of 1d".to_owned(),
                format!("write `interval: 1h`, or drop it {WITHOUT}")
            )
        );
        assert_eq!(
            refusal("* * * * * *", "UTC", "1d").0,
            "ticks at least 2000 times in one interval of 1d"
        );
    }

    #[test]
    fn intervals_without_a_tick_are_refused_and_counted() {
        let cases = [
            (
                "30 2 * * 1-5",
                "1d",
                "leaves 2 of 7 intervals of 1d without a run (first: 2023-12-01)",
                None,
            ),
            (
                "@daily",
                "1h",
                "leaves 23 of 24 intervals of 1h without a run (first: 2023-12-02 00:00)",
                Some("1d"),
            ),
            (
                "@weekly",
                "1d",
                "leaves 6 of 7 intervals of 1d without a run (first: 2023-12-03)",
                Some("1w"),
            ),
            (
                "0 0 29 2 *",
                "1mo",
                "leaves 47 of 48 intervals of 1mo without a run (first: 2024-02-01)",
                None,
            ),
        ];
        for (cron, stretch, message, instead) in cases {
            let hint = match instead {
                Some(instead) => format!("write `interval: {instead}`, or drop it {WITHOUT}"),
                None => format!("drop `interval` {WITHOUT}"),
            };
            assert_eq!(
                refusal(cron, "Europe/Oslo", stretch),
                (message.to_owned(), hint),
                "{cron} {stretch}"
            );
        }
    }

    #[test]
    fn dense_ticks_that_miss_only_the_doubled_hour_are_refused() {
        // Named hours run once; the doubled hour has two intervals.
        assert_eq!(
            refusal("0 0-23 * * *", "Europe/Oslo", "1h").0,
            "leaves one interval of 1h without a run (first: 2024-10-27 02:00)"
        );
    }

    #[test]
    fn the_places_of_a_clash_are_told() {
        let misfit = schedule("0 0,12 * * *", "UTC").fit(Stretch::DAY).unwrap_err();

        let Misfit::Repeats { first, second, interval, ticks, instead, .. } = misfit else {
            panic!("{misfit:?}");
        };
        assert_eq!(second - first, TimeDelta::hours(12));
        assert!(interval.end <= first);
        assert_eq!((ticks, instead), (2, Some("12h".parse().unwrap())));
    }
}
