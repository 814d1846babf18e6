//! The workflow of drills: many short tasks with a witness, some that run in the worker itself, and one that waits for all.

use std::path::Path;
use std::time::Duration;

/// The workflow that is run by hand.
pub(super) const DAG: &str = "drill";

/// The workflow that is run by its schedule, every minute.
pub(super) const TICKING_DAG: &str = "drill_ticks";

/// How long a task with a witness works: so many times a tenth of a second.
const TENTHS: u32 = 6;

/// How many leases a big one works: it would still be at work when another has taken it over.
const LEASES: u32 = 4;

/// How much there is to do.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Size {
    /// Tasks with a witness, each in a process of its own, that outlast a lease.
    pub(super) big: u32,
    /// Shorter ones.
    pub(super) bodies: u32,
    /// Tasks in the worker itself.
    pub(super) naps: u32,
}

impl Size {
    /// All tasks of a run: a list of tasks is one itself, and one waits for all.
    pub(super) const fn tasks(self) -> u32 {
        let big = if self.big > 0 { self.big + 1 } else { 0 };
        big + self.bodies + self.naps + 3
    }
}

/// Whether a task of this name has a witness.
pub(super) fn has_witness(task: &str) -> bool {
    outlasts_a_lease(task) || task.starts_with("body[")
}

/// Whether a task of this name works for longer than a lease.
pub(super) fn outlasts_a_lease(task: &str) -> bool {
    task.starts_with("big[")
}

/// What a workflow is made from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plan<'a> {
    pub(super) size: Size,
    pub(super) lease: Duration,
    /// The pipe that tasks write to.
    pub(super) witness: &'a Path,
}

impl Plan<'_> {
    /// The file of the workflow that is run by hand.
    pub(super) fn by_hand(self) -> String {
        format!("dag: {DAG}\ndescription: What a drill runs.\n{}", self.tasks())
    }

    /// The file of the same workflow on a schedule.
    pub(super) fn ticking(self) -> String {
        format!(
            "dag: {TICKING_DAG}\ndescription: What a drill runs by a schedule.\n\
             schedule: {{ cron: \"* * * * *\", missed: all }}\nparallel_runs: 100\n{}",
            self.tasks()
        )
    }

    fn tasks(self) -> String {
        let Size { big, bodies, naps } = self.size;
        let leases = self.lease * LEASES;
        let tenths = u32::try_from(leases.as_millis() / 100).unwrap_or(u32::MAX);
        let first = if big > 0 { self.witnessed("big", big, tenths) } else { String::new() };
        let second = self.witnessed("body", bodies, TENTHS);
        let needs = if big > 0 { "big, body, nap" } else { "body, nap" };
        let naps = list(naps);
        format!(
            "defaults: {{ retries: {{ max: 100, backoff: 100ms..1s }} }}\ntasks:\n{first}{second}  \
             nap: {{ uses: sleep, for_each: [{naps}], with: {{ for: 900ms }} }}\n  \
             last: {{ uses: noop, needs: [{needs}] }}\n"
        )
    }

    /// A list of tasks that say when they work.
    fn witnessed(self, name: &str, count: u32, tenths: u32) -> String {
        let script = format!(
            "say() {{ echo \"$TIDEMILL_RUN_ID $TIDEMILL_TASK $TIDEMILL_ATTEMPT $1\" > \"$WITNESS\"; }}; \
             say start; i=0; while [ $i -lt {tenths} ]; do sleep 0.1; say alive; i=$((i + 1)); done; \
             say end; echo \"{{\\\"attempt\\\": $TIDEMILL_ATTEMPT}}\""
        );
        let argv = serde_json::json!(["sh", "-c", script]);
        let environment = serde_json::json!({ "WITNESS": self.witness });
        let members = list(count);
        format!(
            "  {name}:\n    uses: command\n    for_each: [{members}]\n    \
             with: {{ argv: {argv}, env: {environment}, json_output: true }}\n"
        )
    }
}

/// The numbers of the members of a list.
fn list(count: u32) -> String {
    (0..count).map(|one| one.to_string()).collect::<Vec<_>>().join(", ")
}
