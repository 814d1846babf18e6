//! The interval fits the schedule, the deadline has one, and data sets are named once.

use super::Draft;
use crate::names::DatasetName;
use crate::problem::{Problem, Problems};
use crate::yaml::{Content, Node};

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
    if let Some(runs_after) = &spec.runs_after {
        name_once(draft, &runs_after.datasets, problems);
    }
}

fn name_once(draft: &Draft<'_>, datasets: &[DatasetName], problems: &mut Problems) {
    let node = draft.root.get("runs_after").and_then(|after| after.get("datasets"));
    let members = node.map_or(&[][..], Node::members);
    for (index, dataset) in datasets.iter().enumerate() {
        if datasets[..index].contains(dataset) {
            let place = members.get(index).unwrap_or(draft.root).span.clone();
            let what = format!("the data set `{dataset}` is named twice");
            problems.add(Problem::at(draft.source, place, what));
        }
    }
}
