//! What a worker is for, and how patient it is.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use tidemill_dag::names::PoolName;
use tidemill_dag::time::Lapse;
use tidemill_store::StoreError;
use tokio::task::JoinError;
use tokio_util::sync::CancellationToken;

/// What a worker is for.
#[derive(Clone, Debug)]
pub struct WorkerOptions {
    /// The name that people know it by.
    pub name: String,
    /// The pools that it takes from.
    pub pools: Vec<PoolName>,
    /// How many slots it has.
    pub slots: u32,
    /// The environment variables that templates may read.
    pub template_environment: BTreeMap<String, String>,
    /// The folder that ends of attempts are kept in until the store has them. Workers may share it.
    pub spool: PathBuf,
    /// How an attempt gets a process of its own; without, all of them run in the worker.
    pub program: Option<Program>,
    /// How long things take.
    pub timing: Timing,
}

/// What runs one attempt in a process of its own: it must call [`tidemill_task::attend`].
#[derive(Clone, Debug)]
pub struct Program {
    /// The file.
    pub file: PathBuf,
    /// Its arguments.
    pub arguments: Vec<OsString>,
}

/// How long things take.
#[derive(Clone, Copy, Debug)]
pub struct Timing {
    /// How long a claim holds without a renewal.
    pub lease: Lapse,
    /// How often leases are renewed. Requests to stop that no message told of are found then.
    pub heartbeat: Duration,
    /// How long before the end of a lease the worker ends the work itself, so that it is over when another begins.
    pub margin: Duration,
    /// How often it looks for tasks when nothing wakes it.
    pub idle_poll: Duration,
    /// How long work may go on when the worker is asked to stop.
    pub grace: Duration,
    /// How long an attempt may take to stop when it is asked to, before it is made to.
    pub kill_grace: Duration,
}

impl Default for Timing {
    /// The lease outlives five heartbeats that fail.
    fn default() -> Self {
        Self {
            lease: Lapse::seconds(60),
            heartbeat: Duration::from_secs(10),
            margin: Duration::from_secs(5),
            idle_poll: Duration::from_millis(1500),
            grace: Duration::from_secs(30),
            kill_grace: Duration::from_millis(1500),
        }
    }
}

/// Asks a worker to stop. Clones are the same request.
#[derive(Clone, Debug, Default)]
pub struct Shutdown {
    /// Cancelled when the worker takes nothing new and has its grace to finish what runs.
    pub drain: CancellationToken,
    /// Cancelled when it stops at once.
    pub at_once: CancellationToken,
}

/// A worker that cannot start, or whose runtime failed.
#[derive(Debug, thiserror::Error)]
pub enum WorkerError {
    /// The store could not be read or written.
    #[error("work on runs")]
    Store {
        /// Why.
        #[source]
        source: StoreError,
    },
    /// The folder for ends of attempts cannot be used.
    #[error("use the folder `{}` for what the store does not have yet", folder.display())]
    Spool {
        /// The folder.
        folder: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The thread that renews leases could not be started.
    #[error("start the thread that renews leases")]
    Keeper {
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The worker's own loop ended in a way that none should.
    #[error("go on with the work")]
    Runtime {
        /// Why.
        #[source]
        source: JoinError,
    },
}

impl From<StoreError> for WorkerError {
    fn from(source: StoreError) -> Self {
        Self::Store { source }
    }
}
