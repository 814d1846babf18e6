//! Tables that tasks hand to each other over ports.

use tidemill_lake::quality::{Table as Rows, TableFile};
use tidemill_lake::sql::{DataFile, DataSet};
use tidemill_task::{ArtifactRef, ArtifactStore, Explain, TaskContext, TaskError};

use super::info::TableInfo;
use super::{JSON, JSON_LINES, PARQUET};

/// A table that another task wrote.
#[derive(Clone, Debug)]
pub struct Table {
    /// What is known of it.
    pub info: TableInfo,
    /// Its description.
    pub description: ArtifactRef,
    /// Its Parquet files, in the order of their rows.
    pub files: Vec<ArtifactRef>,
    /// The rows of its sources that were rejected, as JSON lines.
    pub quarantine: Option<ArtifactRef>,
}

/// The tables of an input port, in the order of its wires.
pub(crate) async fn tables_of(context: &TaskContext, port: &str) -> Result<Vec<Table>, TaskError> {
    let strange = |artifact: &ArtifactRef| {
        let ArtifactRef { location, media_type, .. } = artifact;
        let what = format!("`{location}` ({media_type}) is no part of a table");
        TaskError::fatal(format!("read the table that is wired to `{port}`: {what}"))
    };
    let mut tables: Vec<Table> = Vec::new();
    for artifact in context.inputs(port) {
        match (artifact.media_type.as_str(), tables.last_mut()) {
            (JSON, _) => {
                let text = context.artifacts().read(artifact).await?;
                let info = serde_json::from_slice(&text)
                    .or_fatal(format!("understand the table that is wired to `{port}`"))?;
                let (files, quarantine) = (Vec::new(), None);
                tables.push(Table { info, description: artifact.clone(), files, quarantine });
            }
            (PARQUET, Some(table)) => table.files.push(artifact.clone()),
            (JSON_LINES, Some(table)) => table.quarantine = Some(artifact.clone()),
            _ => return Err(strange(artifact)),
        }
    }
    Ok(tables)
}

impl Table {
    /// Its rows, to be checked.
    pub async fn rows(&self, store: &ArtifactStore) -> Result<Rows, TaskError> {
        let mut objects = None;
        let mut files = Vec::with_capacity(self.files.len());
        for file in &self.files {
            let (place, path) = store.place_of(file)?;
            objects = Some(place);
            files.push(TableFile { path, bytes: Some(file.size_bytes) });
        }
        let Some(objects) = objects else {
            return Err(TaskError::fatal("read the table: it has no files"));
        };
        Rows::open(objects, files).await.or_transient("open the files of the table")
    }

    /// Its rows, to be asked under a name.
    pub async fn dataset(&self, name: &str, store: &ArtifactStore) -> Result<DataSet, TaskError> {
        let rows = self.rows(store).await?;
        let mut objects = None;
        let mut files = Vec::with_capacity(self.files.len());
        for (file, info) in self.files.iter().zip(&self.info.files) {
            let (place, path) = store.place_of(file)?;
            objects = Some(place);
            files.push(DataFile { path, size_bytes: file.size_bytes, rows: info.rows });
        }
        let Some(store) = objects else {
            return Err(TaskError::fatal("read the table: its description names no files"));
        };
        Ok(DataSet { name: name.to_owned(), schema: rows.schema().clone(), store, files })
    }
}
