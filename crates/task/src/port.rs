//! Ports: what kinds reach outside of their own work, each as one small trait that a worker lends.

use tidemill_dag::advance::Retry;
use tidemill_dag::ids::RunId;
use tidemill_dag::state::{Attempt, TaskPath};

use crate::error::{Cause, TaskError};

/// Who asks through a port: an attempt, which must still hold its task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asker {
    /// Its run.
    pub run: RunId,
    /// The task.
    pub path: TaskPath,
    /// The attempt.
    pub attempt: Attempt,
}

/// Why a port did not give what it was asked for.
#[derive(Debug, thiserror::Error)]
pub enum PortError {
    /// There is no such port where the attempt runs.
    #[error("reach {port}: nothing lends it to this process")]
    Missing {
        /// What the port leads to.
        port: &'static str,
    },
    /// The attempt no longer holds its task, or was asked to stop.
    #[error("go on: the attempt no longer holds its task")]
    Over,
    /// It cannot be done.
    #[error("{what}")]
    Failed {
        /// What was attempted, as a fragment that fits after "failed to".
        what: String,
        /// Whether another try could help.
        retry: Retry,
        /// Why.
        #[source]
        source: Cause,
    },
}

impl From<PortError> for TaskError {
    fn from(error: PortError) -> Self {
        match error {
            PortError::Missing { .. } => Self::fatal(error.to_string()),
            PortError::Over => Self::Cancelled,
            PortError::Failed { what, retry, source } => {
                Self::Failed { message: what, retry, source: Some(source) }
            }
        }
    }
}
