//! The grammar of a DAG file as types; their documentation is the text that editors show.

mod cache;
mod limits;
mod param;
mod recipient;
mod retries;
mod wiring;

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub use cache::CacheRule;
pub use limits::{Limits, Timeouts};
pub use param::{ParamSpec, ParamType};
pub use recipient::{BadRecipient, Recipient};
pub use retries::{BackoffRange, BadBackoff, Retries};
pub use wiring::{BadWire, ForEach, TriggerRule, When, Wire, Wires};

use crate::names::{DagName, DatasetName, KindName, ParamName, PoolName, PortName, TaskName};
use crate::schedule::{Schedule, Stretch, TimeOfDay};

/// A workflow: what runs when, in which order, over which stretch of time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DagSpec {
    /// The name, unique in the repository.
    pub dag: DagName,
    /// What the workflow is for, in a sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Who answers for it: mail addresses.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub owners: Vec<Recipient>,
    /// Words to find it by.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// When it runs by itself; without it, it runs by hand, by backfill or by trigger.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule: Option<Schedule>,
    /// Data sets whose changes start a run, beside or instead of a schedule; the run is about what changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runs_after: Option<RunsAfter>,
    /// The stretch of time that one run is about; without it, the time since the tick before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval: Option<Stretch>,
    /// How many of its runs may be open at once.
    #[serde(default = "one")]
    #[schemars(range(min = 1, max = 1000))]
    pub parallel_runs: u32,
    /// Values that a run may be started with, read as `params.NAME` in templates.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub params: IndexMap<ParamName, ParamSpec>,
    /// What tasks take where they say nothing themselves.
    #[serde(default)]
    pub defaults: Limits,
    /// When a run must be finished, and who hears of a miss before it happens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline: Option<Deadline>,
    /// Who hears how a run ended.
    #[serde(default)]
    pub notify: Notify,
    /// The tasks, by name.
    #[schemars(extend("minProperties" = 1))]
    pub tasks: IndexMap<TaskName, TaskSpec>,
}

const fn one() -> u32 {
    1
}

/// Which data sets start a run when they change.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RunsAfter {
    /// The data sets, each with a version more since.
    #[schemars(length(min = 1), extend("examples" = [["plant_telemetry"]]))]
    pub datasets: Vec<DatasetName>,
    /// Whether each change starts a run, or only a change of all of them.
    #[serde(default)]
    pub when: Changed,
}

/// How many of several data sets must have changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Changed {
    /// Any of them: one run for each new version, about its interval.
    #[default]
    Any,
    /// All of them since the last such run: one run about all that changed.
    All,
}

/// When a run must be finished.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Deadline {
    /// The local time of day, in the schedule's zone, of the first such time after the run's tick.
    pub finish_by: TimeOfDay,
    /// Who hears of it: once before the miss, once at the miss.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notify: Vec<Recipient>,
}

/// Who hears how a run ended: mail addresses or `https://` webhooks.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Notify {
    /// Told when a run failed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub on_failure: Vec<Recipient>,
    /// Told when a run succeeded.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub on_success: Vec<Recipient>,
}

/// One task: what it uses, what it reads, when it may start.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("examples" = [{ "uses": "noop" }]))]
pub struct TaskSpec {
    /// The kind of task, such as `ingest` or `command`.
    #[schemars(extend("format" = "kind"))]
    pub uses: KindName,
    /// What the task is for, in a sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Tasks that must be over first, without data from them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("examples" = [["ingest"]]))]
    pub needs: Vec<TaskName>,
    /// Artefacts that it reads: its port, then `task.port` of the task that makes it, or a list of them.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub inputs: IndexMap<PortName, Wires>,
    /// The parameters of its kind; texts may hold templates.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    #[schemars(extend("format" = "params"))]
    pub with: Map<String, Value>,
    /// When it runs, once what it needs is over: a trigger rule, an expression over outputs, or both.
    #[serde(default, skip_serializing_if = "When::is_default")]
    pub when: When,
    /// Maps the task over a list: one member each, `item` in its templates.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub for_each: Option<ForEach>,
    /// Runs at the end, whatever happened to what it needs, and also after a cancel.
    #[serde(default, skip_serializing_if = "is_false")]
    pub finally: bool,
    /// Whether an earlier result for the same inputs may stand in for a new run: `true`, `false`, or `max_age`. Said here,
    /// it also holds for kinds that always run by themselves, such as `command`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache: Option<CacheRule>,
    /// The pool of worker slots that it takes from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pool: Option<PoolName>,
    /// How many slots of the pool it takes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1024))]
    pub slots: Option<u32>,
    /// Higher goes first among the ready tasks of a pool; waiting makes it grow.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = -1000, max = 1000))]
    pub priority: Option<i32>,
    /// How often it is tried again after a failure of its own, and after which pause.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retries: Option<Retries>,
    /// How long it may take: running, or each of queued, running and heartbeat.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Timeouts>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes fields by reference")]
const fn is_false(value: &bool) -> bool {
    !*value
}

impl TaskSpec {
    /// The tasks that this one waits for: named in `needs` or wired in `inputs`, each once, in the order of writing.
    pub fn upstream(&self) -> Vec<&TaskName> {
        let wired = self.inputs.values().flat_map(|wires| &wires.0).map(|wire| &wire.task);
        let mut names: Vec<&TaskName> = Vec::new();
        for name in self.needs.iter().chain(wired) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names
    }
}
