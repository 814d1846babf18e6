//! What a worker lends to an attempt.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use tidemill_dag::size::ByteSize;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::artifact_store::ArtifactStore;
use crate::assignment::Assignment;
use crate::clock::{Clock, SystemClock};
use crate::datasets::{Datasets, NoDatasets};
use crate::kind::Isolation;
use crate::progress::Progress;
use crate::runs::{NoRuns, Runs};

/// What a worker lends to an attempt; each field may be replaced.
#[derive(Clone)]
pub struct Services {
    /// Where artefacts lie.
    pub artifacts: ArtifactStore,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Cancelled when the attempt must stop.
    pub cancel: CancellationToken,
    /// Where signs of life go; the worker keeps a receiver.
    pub progress: watch::Sender<Progress>,
    /// The root of the repository, which folders in parameters are relative to.
    pub repository: PathBuf,
    /// The environment of the worker, from which kinds pass on what they allow.
    pub environment: BTreeMap<String, String>,
    /// Those of them that DAGs may name, by the worker's configuration.
    pub variables: BTreeMap<String, String>,
    /// Whether this process is the attempt's alone.
    pub isolation: Isolation,
    /// Runs of other DAGs.
    pub runs: Arc<dyn Runs>,
    /// Data sets.
    pub datasets: Arc<dyn Datasets>,
    /// The memory that work with tables may take, where the slots of a task allow no less.
    pub memory: ByteSize,
    /// The folder for what does not fit into memory.
    pub scratch: PathBuf,
}

impl Services {
    /// Services on the machine's clock, in the present folder, with an empty environment, 2 GiB of memory, and without ports.
    pub fn new(artifacts: ArtifactStore) -> Self {
        Self {
            artifacts,
            clock: Arc::new(SystemClock),
            cancel: CancellationToken::new(),
            progress: watch::Sender::new(Progress::default()),
            repository: PathBuf::from("."),
            environment: BTreeMap::new(),
            variables: BTreeMap::new(),
            isolation: Isolation::Inline,
            runs: Arc::new(NoRuns),
            datasets: Arc::new(NoDatasets),
            memory: ByteSize(2 << 30),
            scratch: std::env::temp_dir(),
        }
    }
}

impl Services {
    /// The folder of one attempt for what does not fit into memory.
    pub fn scratch_of(&self, assignment: &Assignment) -> PathBuf {
        let Assignment { run, path, attempt, .. } = assignment;
        let name: String = format!("{}-{path}-{attempt}", run.run)
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() || c == '_' { c } else { '-' })
            .collect();
        self.scratch.join(name)
    }
}

impl fmt::Debug for Services {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The environment may hold secrets.
        f.debug_struct("Services").field("artifacts", &self.artifacts).finish_non_exhaustive()
    }
}
