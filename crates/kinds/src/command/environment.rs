//! The environment of a program: little is inherited, so that secrets of the worker are not.

use std::collections::BTreeMap;

use chrono::SecondsFormat;
use tidemill_dag::time::Timestamp;
use tidemill_task::TaskContext;

/// What programs need to find others, their user's files, and how to speak.
const INHERITED: [&str; 4] = ["PATH", "HOME", "LANG", "TZ"];

/// All variables of a program: inherited ones, then those of the DAG, then the facts of the task.
pub(super) fn environment(
    context: &TaskContext,
    added: &BTreeMap<String, String>,
) -> BTreeMap<String, String> {
    let mut environment: BTreeMap<String, String> = BTreeMap::new();
    for name in INHERITED {
        if let Some(value) = context.environment().get(name) {
            environment.insert(name.to_owned(), value.clone());
        }
    }
    environment.extend(added.clone());
    let (run, interval) = (context.run(), context.interval());
    let facts = [
        ("TIDEMILL_RUN_ID", run.run.to_string()),
        ("TIDEMILL_DAG", run.dag.to_string()),
        ("TIDEMILL_TASK", context.path().to_string()),
        ("TIDEMILL_ATTEMPT", context.attempt().to_string()),
        ("TIDEMILL_INTERVAL_START", instant(interval.start)),
        ("TIDEMILL_INTERVAL_END", instant(interval.end)),
        ("TIDEMILL_SEED", context.seed().0.to_string()),
    ];
    environment.extend(facts.map(|(name, value)| (name.to_owned(), value)));
    environment
}

fn instant(instant: Timestamp) -> String {
    instant.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}
