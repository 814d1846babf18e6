//! What a backfill would do: which intervals run and why, and how long that takes.

use std::collections::BTreeMap;

use tidemill_dag::ids::RunId;
use tidemill_dag::schedule::{Schedule, Stretch, Zone};
use tidemill_dag::spec::DagSpec;
use tidemill_dag::state::{Outcome, RunState};
use tidemill_dag::time::{DataInterval, Lapse, Timestamp};
use tidemill_store::{IntervalReason, LastRun, Quantiles, Reprocess};

/// The most intervals of one backfill.
pub const MOST_INTERVALS: usize = 10_000;

/// A range with more intervals than a backfill may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("plan a backfill of more than {MOST_INTERVALS} intervals")]
pub struct TooManyIntervals;

/// What decides about each interval.
#[derive(Clone, Copy, Debug)]
pub struct BackfillRequest<'a> {
    /// Which intervals run again.
    pub reprocess: Reprocess,
    /// The hash of the content that its runs would pin.
    pub hash: &'a str,
    /// How many of its runs are open at once.
    pub parallel_runs: u32,
    /// The present.
    pub now: Timestamp,
}

/// One interval, decided.
#[derive(Clone, Debug, PartialEq)]
pub struct PlannedInterval {
    /// The interval.
    pub interval: DataInterval,
    /// Why it runs or not.
    pub why: IntervalReason,
    /// Its last run.
    pub last: Option<RunId>,
}

/// What a backfill would do.
#[derive(Clone, Debug, PartialEq)]
pub struct BackfillPlan {
    /// Its intervals, oldest first.
    pub intervals: Vec<PlannedInterval>,
    /// How long a run takes, from the last runs that succeeded; none of them, no forecast.
    pub duration: Option<Quantiles>,
    /// When all would be over if all runs were as half, and as nine of ten of them are.
    pub finish: Option<(Timestamp, Timestamp)>,
}

impl BackfillPlan {
    /// Decides about intervals.
    pub fn new(
        request: &BackfillRequest<'_>,
        intervals: Vec<DataInterval>,
        last_runs: &[LastRun],
        duration: Option<Quantiles>,
    ) -> Self {
        let last: BTreeMap<DataInterval, &LastRun> =
            last_runs.iter().map(|last| (last.interval, last)).collect();
        let intervals: Vec<PlannedInterval> = intervals
            .into_iter()
            .map(|interval| {
                let last = last.get(&interval).copied();
                let why = decide(request, interval, last);
                PlannedInterval { interval, why, last: last.map(|last| last.run) }
            })
            .collect();
        let wanted = intervals.iter().filter(|planned| planned.why.is_wanted()).count();
        let finish = duration.map(|duration| finish(request, wanted, duration));
        Self { intervals, duration, finish }
    }

    /// How many intervals run.
    pub fn wanted(&self) -> usize {
        self.intervals.iter().filter(|planned| planned.why.is_wanted()).count()
    }
}

/// Why an interval runs or not. An open run is never doubled, whatever was asked for.
fn decide(
    request: &BackfillRequest<'_>,
    interval: DataInterval,
    last: Option<&LastRun>,
) -> IntervalReason {
    if interval.end > request.now {
        return IntervalReason::NotOver;
    }
    let Some(last) = last else { return IntervalReason::NeverRan };
    let outcome = match last.state {
        RunState::Open { .. } => return IntervalReason::IsOpen,
        RunState::Closed { outcome, .. } => outcome,
    };
    let is_stale = last.hash != request.hash;
    match (request.reprocess, outcome) {
        (Reprocess::All, _) => IntervalReason::Asked,
        (Reprocess::Stale, _) if is_stale => IntervalReason::Stale,
        // A run that somebody stopped gave no result, and nobody can tell it from one that never was.
        (_, Outcome::Cancelled) => IntervalReason::Cancelled,
        (Reprocess::Stale, Outcome::Succeeded | Outcome::Failed | Outcome::Skipped) => {
            IntervalReason::Fresh
        }
        (Reprocess::Failed, Outcome::Failed) => IntervalReason::Failed,
        (Reprocess::Missing, Outcome::Failed) => IntervalReason::LeftFailed,
        (Reprocess::Missing | Reprocess::Failed, Outcome::Succeeded | Outcome::Skipped) => {
            IntervalReason::Succeeded
        }
    }
}

/// Runs of equal length on as many lanes as may be open at once.
fn finish(
    request: &BackfillRequest<'_>,
    wanted: usize,
    duration: Quantiles,
) -> (Timestamp, Timestamp) {
    let rounds = wanted.div_ceil(request.parallel_runs.max(1) as usize);
    let rounds = u32::try_from(rounds).unwrap_or(u32::MAX);
    let after = |one: Lapse| request.now + Lapse(one.0.saturating_mul(rounds)).delta();
    (after(duration.p50), after(duration.p90))
}

/// The intervals of a DAG that begin at or after `from` and before `to`, oldest first.
pub fn intervals_between(
    dag: &DagSpec,
    from: Timestamp,
    to: Timestamp,
) -> Result<Vec<DataInterval>, TooManyIntervals> {
    let intervals: Box<dyn Iterator<Item = DataInterval>> = match (dag.interval, &dag.schedule) {
        (None, Some(schedule)) => Box::new(between_ticks(schedule, from)),
        (stretch, schedule) => {
            let zone = schedule.as_ref().map_or(Zone::UTC, |schedule| schedule.timezone);
            Box::new(stretches(stretch.unwrap_or(Stretch::DAY), zone, from))
        }
    };
    let found: Vec<DataInterval> =
        intervals.take_while(|interval| interval.start < to).take(MOST_INTERVALS + 1).collect();
    if found.len() > MOST_INTERVALS { Err(TooManyIntervals) } else { Ok(found) }
}

fn stretches(stretch: Stretch, zone: Zone, from: Timestamp) -> impl Iterator<Item = DataInterval> {
    let first = stretch.containing(zone, from);
    let first = if first.start < from { stretch.next(zone, first) } else { first };
    std::iter::successors(Some(first), move |interval| Some(stretch.next(zone, *interval)))
}

fn between_ticks(schedule: &Schedule, from: Timestamp) -> impl Iterator<Item = DataInterval> + '_ {
    let intervals = schedule.ticks_after(from).filter_map(|tick| schedule.interval_of(None, tick));
    intervals.filter(move |interval| interval.start >= from)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn dag(text: &serde_json::Value) -> DagSpec {
        let mut document = text.clone();
        document["dag"] = "test".into();
        document["tasks"] = serde_json::json!({ "a": { "uses": "noop" } });
        serde_json::from_value(document).unwrap()
    }

    fn request(reprocess: Reprocess) -> BackfillRequest<'static> {
        let now = at("2026-01-10T00:00:00Z");
        BackfillRequest { reprocess, hash: "new", parallel_runs: 2, now }
    }

    fn day(number: u32) -> DataInterval {
        let day = |number: u32| at(&format!("2026-01-{number:02}T00:00:00Z"));
        DataInterval { start: day(number), end: day(number + 1) }
    }

    fn last(number: u32, hash: &str, outcome: Option<Outcome>) -> LastRun {
        let at = day(number).end;
        let state = match outcome {
            Some(outcome) => RunState::Closed { outcome, at },
            None => RunState::Open { cancelling: false },
        };
        LastRun { interval: day(number), run: RunId::generate(), state, hash: hash.to_owned() }
    }

    #[test]
    fn each_policy_says_for_each_past_why_an_interval_runs_or_not() {
        let history = [
            last(2, "new", Some(Outcome::Succeeded)),
            last(3, "old", Some(Outcome::Succeeded)),
            last(4, "new", Some(Outcome::Failed)),
            last(5, "new", Some(Outcome::Cancelled)),
            last(6, "old", None),
        ];
        let days = || [1, 2, 3, 4, 5, 6, 10].map(day).to_vec();
        let mut lines = Vec::new();

        for policy in Reprocess::ALL {
            let plan = BackfillPlan::new(&request(policy), days(), &history, None);
            let reasons = plan.intervals.iter().map(|planned| planned.why.label());
            lines.push(format!("{}: {}", policy.label(), reasons.collect::<Vec<_>>().join(", ")));
        }

        insta::assert_snapshot!(lines.join("\n"), @r"
        missing: never_ran, succeeded, succeeded, left_failed, cancelled, is_open, not_over
        failed: never_ran, succeeded, succeeded, failed, cancelled, is_open, not_over
        all: never_ran, asked, asked, asked, asked, is_open, not_over
        stale: never_ran, fresh, stale, fresh, cancelled, is_open, not_over
        ");
    }

    #[test]
    fn the_finish_is_in_rounds_of_as_many_runs_as_may_be_open() {
        let quantiles = Quantiles { p50: Lapse::seconds(60), p90: Lapse::seconds(90), count: 9 };

        let plan = BackfillPlan::new(
            &request(Reprocess::All),
            (1..=5).map(day).collect(),
            &[],
            Some(quantiles),
        );

        let seconds = |from: Timestamp| (from - at("2026-01-10T00:00:00Z")).num_seconds();
        let (p50, p90) = plan.finish.unwrap();
        assert_eq!((seconds(p50), seconds(p90)), (180, 270));
    }

    #[test]
    fn intervals_are_whole_and_begin_within_the_range() {
        let daily = dag(
            &serde_json::json!({ "interval": "1d", "schedule": { "cron": "30 2 * * *", "timezone": "Europe/Oslo" } }),
        );

        let found =
            intervals_between(&daily, at("2026-03-27T23:00:00Z"), at("2026-03-30T12:00:00Z"))
                .unwrap();

        let shown: Vec<String> = found.iter().map(ToString::to_string).collect();
        insta::assert_snapshot!(shown.join("\n"), @r"
        2026-03-27T23:00:00Z..2026-03-28T23:00:00Z
        2026-03-28T23:00:00Z..2026-03-29T22:00:00Z
        2026-03-29T22:00:00Z..2026-03-30T22:00:00Z
        ");
    }

    #[test]
    fn without_a_stretch_intervals_reach_from_tick_to_tick() {
        let ticked = dag(&serde_json::json!({ "schedule": { "cron": "0 */6 * * *" } }));

        let found =
            intervals_between(&ticked, at("2026-01-01T05:00:00Z"), at("2026-01-01T18:00:00Z"))
                .unwrap();

        let shown: Vec<String> = found.iter().map(ToString::to_string).collect();
        assert_eq!(
            shown,
            [
                "2026-01-01T06:00:00Z..2026-01-01T12:00:00Z",
                "2026-01-01T12:00:00Z..2026-01-01T18:00:00Z"
            ]
        );
    }

    #[test]
    fn a_range_without_end_is_refused() {
        let daily = dag(&serde_json::json!({ "interval": "1m" }));

        let found =
            intervals_between(&daily, at("2026-01-01T00:00:00Z"), at("2036-01-01T00:00:00Z"));

        assert_eq!(found, Err(TooManyIntervals));
    }
}
