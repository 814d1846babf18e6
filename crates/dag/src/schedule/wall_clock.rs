//! Wall-clock times as instants: the one place that decides what a skipped or doubled hour does.

use chrono::{NaiveDateTime, TimeDelta};

use super::zone::{Reading, Zone};
use crate::time::Timestamp;

const SECOND: TimeDelta = TimeDelta::seconds(1);

/// Wall-clock times that come again and again, in whole seconds.
pub(super) trait Times {
    /// The first time after `local`.
    fn after(&self, local: NaiveDateTime) -> Option<NaiveDateTime>;

    /// The last time at or before `local`.
    fn until(&self, local: NaiveDateTime) -> Option<NaiveDateTime>;
}

/// What becomes of a time that the clock jumps over, or shows twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Counting {
    /// Each time counts once: at the instant of the jump, or when the clock shows it first.
    Once,
    /// Times count as often as a clock shows them: never, or twice.
    AsShown,
}

/// [`Times`] on the clock of a zone.
pub(super) struct WallClock<'a, T> {
    pub(super) zone: Zone,
    pub(super) counting: Counting,
    pub(super) times: &'a T,
}

/// Which showing of a doubled time is meant.
///
/// Each showing alone runs forward: a later time has a later instant. All times as shown are the
/// union of both.
#[derive(Clone, Copy)]
enum Showing {
    First,
    Second,
}

/// How far the clock has come at an instant: for each showing, the last time that has been shown.
struct Passed {
    first: NaiveDateTime,
    second: NaiveDateTime,
}

impl<T: Times> WallClock<'_, T> {
    /// The first instant after `after` that has one of the times.
    pub(super) fn next(&self, after: Timestamp) -> Option<Timestamp> {
        let passed = self.passed(after);
        let first = self.next_of(Showing::First, passed.first);
        if self.counting == Counting::Once || passed.first == passed.second {
            return first;
        }
        first.into_iter().chain(self.next_of(Showing::Second, passed.second)).min()
    }

    /// The last instant at or before `at` that has one of the times.
    pub(super) fn last(&self, at: Timestamp) -> Option<Timestamp> {
        let passed = self.passed(at);
        if self.counting == Counting::Once {
            return self.last_of(Showing::First, passed.first);
        }
        let second = self.last_of(Showing::Second, passed.second);
        if passed.first == passed.second {
            return second;
        }
        second.into_iter().chain(self.last_of(Showing::First, passed.first)).max()
    }

    /// [`Self::next`] of times that go on without end.
    pub(super) fn next_without_end(&self, after: Timestamp) -> Timestamp {
        self.next(after).expect("the times go on without end")
    }

    /// [`Self::last`] of times that reach back without end.
    pub(super) fn last_without_end(&self, at: Timestamp) -> Timestamp {
        self.last(at).expect("the times reach back without end")
    }

    fn passed(&self, at: Timestamp) -> Passed {
        let local = self.zone.local(at);
        let Reading::Twice { first, second } = self.zone.reading(local) else {
            return Passed { first: local, second: local };
        };
        let change = self.zone.change_between(first, second);
        let change = change.expect("the clock is changed between two showings of a time");
        if at < change {
            // Of the times that will be shown again, none has been yet.
            Passed { first: local, second: self.zone.local(change) - SECOND }
        } else {
            // The first round came further than the clock shows now.
            Passed { first: self.zone.local(change - SECOND), second: local }
        }
    }

    fn next_of(&self, showing: Showing, mut passed: NaiveDateTime) -> Option<Timestamp> {
        loop {
            let local = self.times.after(passed)?;
            match self.zone.reading(local) {
                Reading::Skipped { jump } if self.counting == Counting::AsShown => {
                    passed = self.zone.local(jump) - SECOND;
                }
                reading => return Some(instant(reading, showing)),
            }
        }
    }

    fn last_of(&self, showing: Showing, mut passed: NaiveDateTime) -> Option<Timestamp> {
        loop {
            let local = self.times.until(passed)?;
            match self.zone.reading(local) {
                Reading::Skipped { jump } if self.counting == Counting::AsShown => {
                    passed = self.zone.local(jump - SECOND);
                }
                reading => return Some(instant(reading, showing)),
            }
        }
    }
}

fn instant(reading: Reading, showing: Showing) -> Timestamp {
    match (reading, showing) {
        (Reading::Once(instant), _) => instant,
        (Reading::Twice { first, .. }, Showing::First) => first,
        (Reading::Twice { second, .. }, Showing::Second) => second,
        (Reading::Skipped { jump }, _) => jump,
    }
}

/// The instant just before `instant`, so that "before" can be asked as "at or before".
pub(super) fn just_before(instant: Timestamp) -> Timestamp {
    instant.checked_sub_signed(TimeDelta::nanoseconds(1)).unwrap_or(instant)
}
