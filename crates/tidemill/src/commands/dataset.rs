//! `tidemill dataset`.

mod diff;
mod head;
mod list;
mod show;
mod suggest_checks;
mod versions;

use tidemill_dag::names::DatasetName;
use tidemill_dag::problem::suggest;
use tidemill_dag::time::{DataInterval, Timestamp};
use tidemill_store::{Store, StoreError};
use tidemill_task::{ArtifactStore, DatasetVersion, TaskError};

use super::run::shown;
use super::work::artifact_store;
use crate::App;
use crate::cli::DatasetCommand;
use crate::database::{Database, Version, block_on};
use crate::exit::{Exit, Failure};

/// Runs a verb of `dataset`.
pub(crate) fn run(app: &App<'_>, command: DatasetCommand) -> Result<(), Failure> {
    block_on(async {
        match command {
            DatasetCommand::List => list::run(app).await,
            DatasetCommand::Show { name, at } => show::run(app, &name, at).await,
            DatasetCommand::Versions { name, limit } => {
                versions::run(app, &name, u32::from(limit)).await
            }
            DatasetCommand::Diff { name, from, to } => diff::run(app, &name, from, to).await,
            DatasetCommand::Head { name, rows, at } => {
                head::run(app, &name, u64::from(rows), at).await
            }
            DatasetCommand::SuggestChecks { name, at } => suggest_checks::run(app, &name, at).await,
        }
    })
}

/// What data sets are read from.
pub(crate) struct Shelf {
    /// Their versions.
    pub database: Database,
    /// Their files.
    pub artifacts: ArtifactStore,
}

impl Shelf {
    /// Opens the configured database and the configured object store.
    pub(crate) async fn open(app: &App<'_>) -> Result<Self, Failure> {
        let artifacts = artifact_store(app)?;
        Ok(Self { database: Database::open(app, Version::Current).await?, artifacts })
    }

    /// What a data set holds, at a version or now: the newest version of each interval.
    pub(crate) async fn at(
        &self,
        name: &str,
        version: Option<u32>,
    ) -> Result<Vec<DatasetVersion>, Failure> {
        let store = &self.database.store;
        let dataset = find(store, name).await?;
        match store.dataset_at(&dataset, version).await {
            Ok(versions) if version.is_none_or(|wanted| newest(&versions) == wanted) => {
                Ok(versions)
            }
            Ok(_) | Err(StoreError::UnknownDataset { .. }) => {
                let version = version.unwrap_or_default();
                let error = anyhow::anyhow!("`{dataset}` has no version {version}");
                let hint = format!("`tidemill dataset versions {dataset}` lists them");
                Err(Failure::new(Exit::NotFound, error).hint(hint))
            }
            Err(error) => Err(error.into()),
        }
    }
}

/// The data set of this name.
pub(crate) async fn find(store: &Store, name: &str) -> Result<DatasetName, Failure> {
    let names = store.dataset_names().await?;
    if let Some(found) = names.iter().find(|known| known.as_str() == name) {
        return Ok(found.clone());
    }
    let hint = suggest(name, "data sets", names.iter().map(DatasetName::as_str));
    let none = || "a task of the kind `ingest` lands one".to_owned();
    let error = anyhow::anyhow!("there is no data set `{name}`");
    Err(Failure::new(Exit::NotFound, error).hint(hint.unwrap_or_else(none)))
}

/// The newest of some versions.
pub(crate) fn newest(versions: &[DatasetVersion]) -> u32 {
    versions.iter().map(|version| version.version).max().unwrap_or_default()
}

/// The earliest and the latest event of some versions.
fn events(versions: &[DatasetVersion]) -> Option<(Timestamp, Timestamp)> {
    let events = versions.iter().filter_map(|version| version.snapshot.events);
    events.reduce(|(first, last), (from, to)| (first.min(from), last.max(to)))
}

/// What an artefact or a snapshot could not do, with all causes.
pub(crate) fn failed(error: &TaskError) -> Failure {
    Failure::from(anyhow::anyhow!("{}", error.chain()))
}

/// Two instants for people.
fn span(events: Option<(Timestamp, Timestamp)>) -> String {
    events.map(|(from, to)| format!("{} .. {}", shown(from), shown(to))).unwrap_or_default()
}

/// A stretch of time for people: one that begins at no time is of all times.
fn stretch(interval: &DataInterval) -> String {
    if interval.start == Timestamp::UNIX_EPOCH {
        return format!("all until {}", shown(interval.end));
    }
    interval.to_string()
}
