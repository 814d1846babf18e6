//! The workflow of drills: many short tasks with a witness, some that run in the worker itself, and one that waits for all.

use std::fmt::Write;
use std::path::Path;

/// The workflow that is run by hand.
pub(super) const DAG: &str = "drill";

/// The workflow that is run by its schedule, every minute.
pub(super) const TICKING_DAG: &str = "drill_ticks";

/// How long a task with a witness works: so many times a tenth of a second.
const TENTHS: u32 = 6;

/// How much there is to do.
#[derive(Clone, Copy, Debug)]
pub(super) struct Size {
    /// Tasks with a witness, each in a process of its own.
    pub(super) bodies: u32,
    /// Tasks in the worker itself.
    pub(super) naps: u32,
}

impl Size {
    /// All tasks of a run: a list of tasks is one itself, and one waits for all.
    pub(super) const fn tasks(self) -> u32 {
        self.bodies + self.naps + 3
    }
}

/// The file of the workflow that is run by hand.
pub(super) fn by_hand(size: Size, witness: &Path) -> String {
    let mut text = format!("dag: {DAG}\ndescription: What a drill runs.\n");
    text.push_str(&tasks(size, witness));
    text
}

/// The file of the same workflow on a schedule.
pub(super) fn ticking(size: Size, witness: &Path) -> String {
    let mut text = format!("dag: {TICKING_DAG}\ndescription: What a drill runs by a schedule.\n");
    text.push_str("schedule: { cron: \"* * * * *\", missed: all }\nparallel_runs: 100\n");
    text.push_str(&tasks(size, witness));
    text
}

fn tasks(size: Size, witness: &Path) -> String {
    let mut script = String::from(
        "say() { echo \"$TIDEMILL_RUN_ID $TIDEMILL_TASK $TIDEMILL_ATTEMPT $1\" > \"$WITNESS\"; }; say start",
    );
    for _ in 0..TENTHS {
        script.push_str("; sleep 0.1; say alive");
    }
    script.push_str("; say end; echo \"{\\\"attempt\\\": $TIDEMILL_ATTEMPT}\"");
    let list = |count: u32| (0..count).map(|one| one.to_string()).collect::<Vec<_>>().join(", ");
    let argv = serde_json::json!(["sh", "-c", script]);
    let environment = serde_json::json!({ "WITNESS": witness });
    let mut text =
        String::from("defaults: { retries: { max: 100, backoff: 100ms..1s } }\ntasks:\n");
    // Writing to a text cannot fail.
    let written = write!(
        text,
        "  body:\n    uses: command\n    for_each: [{}]\n    with: {{ argv: {argv}, env: {environment}, json_output: true }}\n  \
         nap: {{ uses: sleep, for_each: [{}], with: {{ for: 900ms }} }}\n  \
         last: {{ uses: noop, needs: [body, nap] }}\n",
        list(size.bodies),
        list(size.naps),
    );
    debug_assert!(written.is_ok());
    text
}
