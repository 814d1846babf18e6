//! Where a scheduler has its DAGs from.

use std::error::Error;

use tidemill_dag::load::Dag;

/// What the repository of DAG files holds.
#[derive(Debug, Default)]
pub struct Repository {
    /// The DAGs without problems.
    pub dags: Vec<Dag>,
    /// The paths of files with problems: their DAGs stay what they were.
    pub broken: Vec<String>,
}

/// Where DAGs come from. It may block: it is called off the runtime.
pub trait DagSource: Send + Sync {
    /// Reads the repository; `None` when nothing changed since it was last read.
    fn load(&self) -> Result<Option<Repository>, SourceError>;
}

/// A repository that could not be read.
#[derive(Debug, thiserror::Error)]
#[error("read the DAG files")]
pub struct SourceError(#[source] pub Box<dyn Error + Send + Sync>);
