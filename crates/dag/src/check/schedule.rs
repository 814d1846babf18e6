//! The interval fits the schedule, and the deadline has one.

use super::Draft;
use crate::problem::{Problem, Problems};
use crate::yaml::Content;

pub(super) fn check(draft: &Draft<'_>, problems: &mut Problems) {
    let spec = draft.spec;
    let place = |key: &str| draft.root.get(key).unwrap_or(draft.root).span.clone();
    if let (Some(schedule), Some(stretch)) = (&spec.schedule, spec.interval)
        && let Err(misfit) = schedule.fit(stretch)
    {
        let what = format!("the interval does not fit the schedule: {misfit}");
        problems.add(Problem::at(draft.source, place("interval"), what).hint(misfit.hint()));
    }
    // A schedule that could not be read is told by itself.
    let schedule = draft.root.get("schedule");
    let has_schedule = schedule.is_some_and(|schedule| schedule.content != Content::Null);
    if spec.deadline.is_some() && !has_schedule {
        let hint = "add a `schedule`, or drop the `deadline`".to_owned();
        problems.add(
            Problem::at(draft.source, place("deadline"), "a deadline without a schedule")
                .hint(hint),
        );
    }
}
