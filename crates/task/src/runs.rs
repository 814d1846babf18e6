//! The port to runs of other DAGs.

use std::collections::BTreeMap;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tidemill_dag::ids::RunId;
use tidemill_dag::names::DagName;
use tidemill_dag::state::RunState;
use tidemill_dag::time::DataInterval;

use crate::context::TaskContext;
use crate::error::TaskError;
use crate::port::{Asker, PortError};

/// A run that a task asks for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunRequest {
    /// The DAG.
    pub dag: DagName,
    /// Its parameters; what is not given has its default.
    pub params: BTreeMap<String, Value>,
    /// What it is about.
    pub interval: DataInterval,
    /// Whether it is cancelled when the task that asks for it is.
    pub ends_with_asker: bool,
}

/// Runs of other DAGs.
#[async_trait]
pub trait Runs: Send + Sync {
    /// Opens a run. A task of a run has one: asked again, by whichever attempt, it is the same.
    async fn start(&self, asker: &Asker, request: &RunRequest) -> Result<RunId, PortError>;

    /// Where a run stands.
    async fn state(&self, run: RunId) -> Result<RunState, PortError>;
}

/// No way to runs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NoRuns;

const MISSING: PortError = PortError::Missing { port: "runs of other DAGs" };

#[async_trait]
impl Runs for NoRuns {
    async fn start(&self, _: &Asker, _: &RunRequest) -> Result<RunId, PortError> {
        Err(MISSING)
    }

    async fn state(&self, _: RunId) -> Result<RunState, PortError> {
        Err(MISSING)
    }
}

impl TaskContext {
    /// Starts a run of a DAG. A task has one such run: each attempt that asks gets the same.
    pub async fn start_run(&self, request: &RunRequest) -> Result<RunId, TaskError> {
        Ok(self.services().runs.start(&self.asker(), request).await?)
    }

    /// Where a run stands that the task started.
    pub async fn state_of_run(&self, run: RunId) -> Result<RunState, TaskError> {
        Ok(self.services().runs.state(run).await?)
    }
}

#[cfg(test)]
mod tests {
    use tidemill_dag::catalog::Ports;

    use super::*;
    use crate::{ArtifactStore, Assignment, Services};

    #[tokio::test]
    async fn where_nothing_lends_a_port_it_says_so() {
        let services = Services::new(ArtifactStore::in_memory());
        let context =
            TaskContext::new(Assignment::example("noop", Value::Null), Ports::NONE, services);

        let error = context.state_of_run(context.run().run).await.unwrap_err();

        let expected = "reach runs of other DAGs: nothing lends it to this process";
        assert_eq!(error.to_string(), expected);
    }
}
