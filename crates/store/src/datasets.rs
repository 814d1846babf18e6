//! Data sets: versions that tasks published, and what holds at each.

use sqlx::PgConnection;
use sqlx::types::Json;
use tidemill_dag::ids::{RunId, TaskId};
use tidemill_dag::names::DatasetName;
use tidemill_dag::time::{DataInterval, Timestamp};
use tidemill_task::{ArtifactRef, DatasetVersion, Publication, Snapshot};

use crate::columns::narrow;
use crate::connect::Store;
use crate::error::{CorruptRow, StoreError, reading};
use crate::garbage;
use crate::listen::tell_schedulers;
use crate::view::RunView;

/// A data set among others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DatasetSummary {
    /// Its name.
    pub name: DatasetName,
    /// Its newest version.
    pub version: u32,
    /// How many intervals it has rows of.
    pub intervals: u64,
    /// Its rows now.
    pub rows: u64,
    /// The size of its files now.
    pub size_bytes: u64,
    /// The earliest and the latest event in it, where its rows have a time.
    pub events: Option<(Timestamp, Timestamp)>,
    /// When its newest version came.
    pub changed_at: Timestamp,
}

struct VersionRow {
    version: i32,
    interval_start: Timestamp,
    interval_end: Timestamp,
    content: String,
    rows: i64,
    size_bytes: i64,
    first_event_at: Option<Timestamp>,
    last_event_at: Option<Timestamp>,
    manifest: Json<ArtifactRef>,
    run_id: uuid::Uuid,
    created_at: Timestamp,
}

impl Store {
    /// All data sets, by name.
    pub async fn datasets(&self) -> Result<Vec<DatasetSummary>, StoreError> {
        let rows = sqlx::query!(
            r#"SELECT d.name, d.last_version, count(*) AS "intervals!", sum(v.rows)::bigint AS "rows!",
                   sum(v.size_bytes)::bigint AS "size_bytes!", min(v.first_event_at) AS first_event_at,
                   max(v.last_event_at) AS last_event_at, max(v.created_at) AS "changed_at!"
               FROM datasets d
               JOIN (
                   SELECT DISTINCT ON (dataset, interval_start) *
                   FROM dataset_versions
                   ORDER BY dataset, interval_start, version DESC
               ) v ON v.dataset = d.name
               GROUP BY d.name
               ORDER BY d.name"#
        )
        .fetch_all(&self.pool)
        .await
        .map_err(reading("the data sets"))?;
        let mut datasets = Vec::with_capacity(rows.len());
        for row in rows {
            datasets.push(DatasetSummary {
                version: row.last_version.unsigned_abs(),
                intervals: row.intervals.unsigned_abs(),
                rows: row.rows.unsigned_abs(),
                size_bytes: row.size_bytes.unsigned_abs(),
                events: row.first_event_at.zip(row.last_event_at),
                changed_at: row.changed_at,
                name: dataset_name(&row.name)?,
            });
        }
        Ok(datasets)
    }

    /// The versions of a data set, newest first.
    pub async fn dataset_versions(
        &self,
        dataset: &DatasetName,
    ) -> Result<Vec<DatasetVersion>, StoreError> {
        let rows = sqlx::query_as!(
            VersionRow,
            r#"SELECT version, interval_start, interval_end, content, rows, size_bytes, first_event_at, last_event_at,
                   manifest AS "manifest: Json<ArtifactRef>", run_id, created_at
               FROM dataset_versions
               WHERE dataset = $1
               ORDER BY version DESC"#,
            dataset.as_str(),
        )
        .fetch_all(&self.pool)
        .await
        .map_err(reading("the versions of a data set"))?;
        known(dataset, rows)
    }

    /// What a data set holds: the newest version of each interval, in the order of time; up to a version, or now.
    pub async fn dataset_at(
        &self,
        dataset: &DatasetName,
        version: Option<u32>,
    ) -> Result<Vec<DatasetVersion>, StoreError> {
        let rows = sqlx::query_as!(
            VersionRow,
            r#"SELECT DISTINCT ON (interval_start)
                   version, interval_start, interval_end, content, rows, size_bytes, first_event_at, last_event_at,
                   manifest AS "manifest: Json<ArtifactRef>", run_id, created_at
               FROM dataset_versions
               WHERE dataset = $1 AND version <= $2
               ORDER BY interval_start, version DESC"#,
            dataset.as_str(),
            version.map_or(i32::MAX, narrow),
        )
        .fetch_all(&self.pool)
        .await
        .map_err(reading("a data set"))?;
        known(dataset, rows)
    }

    /// The newest versions of a data set, whatever their intervals, so many at most; none where there is no such data set.
    pub async fn newest_versions(
        &self,
        dataset: &DatasetName,
        most: u32,
    ) -> Result<Vec<DatasetVersion>, StoreError> {
        let rows = sqlx::query_as!(
            VersionRow,
            r#"SELECT version, interval_start, interval_end, content, rows, size_bytes, first_event_at, last_event_at,
                   manifest AS "manifest: Json<ArtifactRef>", run_id, created_at
               FROM dataset_versions
               WHERE dataset = $1
               ORDER BY version DESC
               LIMIT $2"#,
            dataset.as_str(),
            i64::from(most),
        )
        .fetch_all(&self.pool)
        .await
        .map_err(reading("the newest versions of a data set"))?;
        let versions = rows.into_iter().map(|row| row.into_version(dataset));
        Ok(versions.collect::<Result<_, _>>()?)
    }
}

/// Gives data sets their next versions, where artefacts are published as such. Part of the end of their attempt.
pub(crate) async fn publish(
    connection: &mut PgConnection,
    after: &RunView,
    task: TaskId,
    artifacts: &[ArtifactRef],
) -> Result<(), sqlx::Error> {
    for artifact in artifacts {
        match artifact.publication.as_deref() {
            Some(Publication::Dataset(snapshot)) => {
                let version = add_version(connection, after, task, artifact, snapshot).await?;
                keep(connection, after, artifacts, &snapshot.dataset, version).await?;
                tell_schedulers(connection).await?;
            }
            None => {}
        }
    }
    Ok(())
}

async fn add_version(
    connection: &mut PgConnection,
    after: &RunView,
    task: TaskId,
    manifest: &ArtifactRef,
    snapshot: &Snapshot,
) -> Result<i32, sqlx::Error> {
    let column = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
    // The row of the data set is locked from here on: versions are visible in the order of their numbers.
    sqlx::query_scalar!(
        "WITH next AS (
             INSERT INTO datasets (name, last_version, created_at)
             VALUES ($1, 1, $2)
             ON CONFLICT (name) DO UPDATE SET last_version = datasets.last_version + 1
             RETURNING last_version
         )
         INSERT INTO dataset_versions (
             dataset, version, interval_start, interval_end, content, rows, size_bytes, first_event_at, last_event_at,
             manifest, run_id, task_id, created_at
         )
         SELECT $1, last_version, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $2 FROM next
         RETURNING version",
        snapshot.dataset.as_str(),
        after.now,
        snapshot.interval.start,
        snapshot.interval.end,
        snapshot.content.to_string(),
        column(snapshot.rows),
        column(snapshot.size_bytes),
        snapshot.events.map(|(first, _)| first),
        snapshot.events.map(|(_, last)| last),
        Json(ArtifactRef { publication: None, ..manifest.clone() }) as _,
        after.run.as_uuid(),
        task.as_uuid(),
    )
    .fetch_one(connection)
    .await
}

/// Keeps all that an attempt wrote for as long as the version that it published, whatever becomes of the run's history.
async fn keep(
    connection: &mut PgConnection,
    after: &RunView,
    artifacts: &[ArtifactRef],
    dataset: &DatasetName,
    version: i32,
) -> Result<(), sqlx::Error> {
    let locations: Vec<&str> =
        artifacts.iter().map(|artifact| artifact.location.as_str()).collect();
    let pinned_by = format!("dataset {dataset} v{version}");
    let by = (pinned_by.as_str(), "the files of a data set");
    // All of them have rows: they are written in this transaction.
    garbage::pin(connection, by, &locations, Some(after.now)).await?;
    Ok(())
}

/// Rows as versions; none mean that there is no such data set.
fn known(dataset: &DatasetName, rows: Vec<VersionRow>) -> Result<Vec<DatasetVersion>, StoreError> {
    if rows.is_empty() {
        return Err(StoreError::UnknownDataset { dataset: dataset.clone() });
    }
    let versions = rows.into_iter().map(|row| row.into_version(dataset));
    Ok(versions.collect::<Result<_, _>>()?)
}

pub(crate) fn dataset_name(name: &str) -> Result<DatasetName, CorruptRow> {
    DatasetName::new(name)
        .map_err(|_| CorruptRow::new("datasets", &name, "datasets_name_is_a_name"))
}

impl VersionRow {
    fn into_version(self, dataset: &DatasetName) -> Result<DatasetVersion, CorruptRow> {
        let corrupt = |_| {
            CorruptRow::new("dataset_versions", &self.version, "dataset_versions_content_is_a_hash")
        };
        Ok(DatasetVersion {
            version: self.version.unsigned_abs(),
            snapshot: Snapshot {
                dataset: dataset.clone(),
                interval: DataInterval { start: self.interval_start, end: self.interval_end },
                content: self.content.parse().map_err(corrupt)?,
                rows: self.rows.unsigned_abs(),
                size_bytes: self.size_bytes.unsigned_abs(),
                events: self.first_event_at.zip(self.last_event_at),
            },
            manifest: self.manifest.0,
            run: RunId::from_uuid(self.run_id),
            created_at: self.created_at,
        })
    }
}
