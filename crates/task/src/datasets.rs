//! The port to data sets: what was landed, by version and interval. It only reads.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use tidemill_dag::ids::RunId;
use tidemill_dag::names::DatasetName;
use tidemill_dag::time::Timestamp;

use crate::artifact::ArtifactRef;
use crate::context::TaskContext;
use crate::error::TaskError;
use crate::port::{Asker, PortError};
use crate::publication::Snapshot;

/// One landing of a data set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatasetVersion {
    /// Its number: it is newer than all that are lower.
    pub version: u32,
    /// What is known of its rows.
    pub snapshot: Snapshot,
    /// The manifest of its files.
    pub manifest: ArtifactRef,
    /// The run that landed it; its history may be gone.
    pub run: RunId,
    /// When it became visible.
    pub created_at: Timestamp,
}

/// Data sets, as they are when they are asked for. An attempt that lost its task is refused.
#[async_trait]
pub trait Datasets: Send + Sync {
    /// The names of all data sets, in their order.
    async fn names(&self, asker: &Asker) -> Result<Vec<DatasetName>, PortError>;

    /// The newest versions of a data set, whatever their intervals, so many at most; none where there is no such data set.
    async fn newest(
        &self,
        asker: &Asker,
        dataset: &DatasetName,
        most: u32,
    ) -> Result<Vec<DatasetVersion>, PortError>;

    /// What a data set holds: the newest version of each interval, in the order of time; up to a version, or now. Nothing where there is
    /// no such data set.
    async fn at(
        &self,
        asker: &Asker,
        dataset: &DatasetName,
        version: Option<u32>,
    ) -> Result<Vec<DatasetVersion>, PortError>;
}

/// No way to data sets.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NoDatasets;

const MISSING: PortError = PortError::Missing { port: "data sets" };

#[async_trait]
impl Datasets for NoDatasets {
    async fn names(&self, _: &Asker) -> Result<Vec<DatasetName>, PortError> {
        Err(MISSING)
    }

    async fn newest(
        &self,
        _: &Asker,
        _: &DatasetName,
        _: u32,
    ) -> Result<Vec<DatasetVersion>, PortError> {
        Err(MISSING)
    }

    async fn at(
        &self,
        _: &Asker,
        _: &DatasetName,
        _: Option<u32>,
    ) -> Result<Vec<DatasetVersion>, PortError> {
        Err(MISSING)
    }
}

impl TaskContext {
    /// The names of all data sets, in their order.
    pub async fn dataset_names(&self) -> Result<Vec<DatasetName>, TaskError> {
        Ok(self.services().datasets.names(&self.asker()).await?)
    }

    /// The newest versions of a data set, whatever their intervals, so many at most; none where there is no such data set.
    pub async fn newest_of(
        &self,
        dataset: &DatasetName,
        most: u32,
    ) -> Result<Vec<DatasetVersion>, TaskError> {
        Ok(self.services().datasets.newest(&self.asker(), dataset, most).await?)
    }

    /// What a data set holds: the newest version of each interval, in the order of time; up to a version, or now. Nothing where there is
    /// no such data set.
    pub async fn dataset_at(
        &self,
        dataset: &DatasetName,
        version: Option<u32>,
    ) -> Result<Vec<DatasetVersion>, TaskError> {
        Ok(self.services().datasets.at(&self.asker(), dataset, version).await?)
    }
}
