//! What is configured: layers of YAML, environment and flags, each value with its source.

mod layers;
mod secret;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::Deserialize;
use tidemill_dag::names::PoolName;
use tidemill_dag::size::ByteSize;
use tidemill_dag::time::Lapse;

pub(crate) use layers::{Layers, Setting};
pub(crate) use secret::{Secret, masked};

/// All settings.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    /// The folder of all that runs embedded.
    pub state: PathBuf,
    /// The database.
    pub database: Database,
    /// The object store.
    pub artifacts: Artifacts,
    /// The DAG files.
    pub dags: Dags,
    /// Work with tables.
    pub lake: Lake,
    /// Pools of worker slots, by name.
    #[schemars(with = "BTreeMap<String, Pool>")]
    pub pools: BTreeMap<PoolName, Pool>,
    /// How long history is kept.
    pub retention: Retention,
    /// What is logged, and how.
    pub logging: Logging,
}

/// The database.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Database {
    /// A Postgres, as `postgres://user:password@host/name`; empty for a private cluster.
    pub url: Secret,
    /// The schema that everything lives in; empty for the user's default.
    pub schema: String,
    /// How many connections one process opens at most.
    #[schemars(range(min = 2, max = 1000))]
    pub connections: u32,
}

/// The object store.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Artifacts {
    /// `file:///path` or `s3://bucket/prefix`; empty for a folder under the state folder.
    pub url: Secret,
}

/// Work with tables.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Lake {
    /// What works with tables.
    pub engine: Engine,
    /// The memory that one task or command may take for it, such as `2GiB`; what does not fit goes to disk.
    pub memory: ByteSize,
}

/// What works with tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Engine {
    /// DataFusion, in the process of the task.
    Datafusion,
    /// A Ballista cluster.
    Ballista,
}

/// The DAG files.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Dags {
    /// Their folder.
    pub folder: PathBuf,
    /// The environment variables that their templates may read.
    pub env: Vec<String>,
}

/// A pool of worker slots.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Pool {
    /// How many tasks of the pool run at once, over all workers.
    #[schemars(range(min = 1, max = 100_000))]
    pub slots: u32,
    /// The memory that one slot stands for, such as `2GiB`; a task that held more in earlier runs takes more slots.
    #[serde(default)]
    pub memory_per_slot: Option<ByteSize>,
}

/// How long history is kept.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Retention {
    /// Whether schedulers drop what is old.
    pub enabled: bool,
    /// Tasks, with their attempts, outputs, artefacts and logs.
    pub tasks: Lapse,
    /// Runs without their tasks.
    pub runs: Lapse,
    /// Ticks of schedules whose run is over.
    pub ticks: Lapse,
    /// Backfills that are over.
    pub backfills: Lapse,
    /// Messages that were delivered or given up.
    pub messages: Lapse,
    /// Workers that nobody heard of.
    pub workers: Lapse,
    /// Objects that nothing names.
    pub artifacts: Lapse,
}

impl Retention {
    /// The same for those who carry it out.
    pub(crate) const fn limits(&self) -> tidemill_store::Retention {
        tidemill_store::Retention {
            tasks: self.tasks,
            runs: self.runs,
            ticks: self.ticks,
            backfills: self.backfills,
            messages: self.messages,
            workers: self.workers,
            artifacts: self.artifacts,
        }
    }
}

/// What is logged, and how.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Logging {
    /// A level, or a filter of levels by module.
    pub level: String,
    /// How lines are written.
    pub format: LogFormat,
}

/// How log lines are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

impl Config {
    /// The folder of a part of the embedded state.
    pub(crate) fn state_folder(&self, part: &str) -> PathBuf {
        self.state.join(part)
    }

    /// The folder that DAG files and what they include lie in.
    pub(crate) fn repository(&self) -> &Path {
        let parent = self.dags.folder.parent().filter(|parent| !parent.as_os_str().is_empty());
        parent.unwrap_or(Path::new("."))
    }
}
