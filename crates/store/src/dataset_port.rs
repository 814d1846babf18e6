//! The port to data sets: what holds now, for attempts that hold their task.

use async_trait::async_trait;
use tidemill_dag::names::DatasetName;
use tidemill_task::{Asker, DatasetVersion, Datasets, PortError};

use crate::connect::Store;
use crate::datasets::dataset_name;
use crate::error::{StoreError, reading};
use crate::trigger::port_error;

#[async_trait]
impl Datasets for Store {
    async fn names(&self, asker: &Asker) -> Result<Vec<DatasetName>, PortError> {
        let names = async {
            self.check_held(asker).await?;
            self.dataset_names().await
        };
        names.await.map_err(|error| port_error(error, "list the data sets".to_owned()))
    }

    async fn newest(
        &self,
        asker: &Asker,
        dataset: &DatasetName,
        most: u32,
    ) -> Result<Vec<DatasetVersion>, PortError> {
        let newest = async {
            self.check_held(asker).await?;
            self.newest_versions(dataset, most).await
        };
        newest.await.map_err(|error| port_error(error, format!("read the data set `{dataset}`")))
    }

    async fn at(
        &self,
        asker: &Asker,
        dataset: &DatasetName,
        version: Option<u32>,
    ) -> Result<Vec<DatasetVersion>, PortError> {
        let versions = async {
            self.check_held(asker).await?;
            match self.dataset_at(dataset, version).await {
                // To ask for what there is not yet is no mistake of who asks.
                Err(StoreError::UnknownDataset { .. }) => Ok(Vec::new()),
                other => other,
            }
        };
        versions.await.map_err(|error| port_error(error, format!("read the data set `{dataset}`")))
    }
}

impl Store {
    /// The names of all data sets, in their order.
    pub async fn dataset_names(&self) -> Result<Vec<DatasetName>, StoreError> {
        let names = sqlx::query_scalar!("SELECT name FROM datasets ORDER BY name")
            .fetch_all(&self.pool)
            .await
            .map_err(reading("the data sets"))?;
        let names = names.iter().map(|name| dataset_name(name));
        Ok(names.collect::<Result<_, _>>()?)
    }

    /// Refuses an attempt that does not hold its task, or was asked to stop.
    async fn check_held(&self, asker: &Asker) -> Result<(), StoreError> {
        let path = asker.path.to_string();
        let task = sqlx::query!(
            r#"SELECT id, (state = 'running' AND attempt = $3 AND NOT cancel_requested) AS "holds!"
               FROM task_runs
               WHERE run_id = $1 AND path = $2"#,
            asker.run.as_uuid(),
            path,
            asker.attempt.0,
        )
        .fetch_optional(&self.pool)
        .await
        .map_err(reading("the task that asks for data sets"))?
        .ok_or_else(|| StoreError::UnknownRun { text: asker.run.to_string() })?;
        if task.holds {
            return Ok(());
        }
        let (task, attempt) = (tidemill_dag::ids::TaskId::from_uuid(task.id), asker.attempt);
        Err(StoreError::LostLease { task, attempt })
    }
}
