//! Data sets as they were published.

use std::collections::BTreeSet;

use tidemill_dag::names::DatasetName;
use tidemill_lake::snapshot::{Manifest, PlacedSnapshot};
use tidemill_lake::sql::DataSet;
use tidemill_task::{ArtifactStore, DatasetVersion, Explain, TaskError};

/// A version of a data set with the manifest of its files.
#[derive(Clone, Debug)]
pub struct Published {
    /// What the database knows of it.
    pub version: DatasetVersion,
    /// Its files, and how they came about.
    pub snapshot: PlacedSnapshot,
}

impl Published {
    /// The manifest of its files.
    pub fn manifest(&self) -> &Manifest {
        &self.snapshot.manifest
    }

    /// Where a file of the manifest lies, as artefacts say it.
    pub(crate) fn location_of(&self, path: &str) -> String {
        let own = format!("{}/{}", self.manifest().folder, Manifest::FILE_NAME);
        let root = self.version.manifest.location.strip_suffix(&own).unwrap_or_default();
        format!("{root}{path}")
    }
}

/// Reads the manifest of a version.
pub async fn read_published(
    store: &ArtifactStore,
    version: &DatasetVersion,
) -> Result<Published, TaskError> {
    let (name, number) = (&version.snapshot.dataset, version.version);
    let text = store.read(&version.manifest).await?;
    let manifest = Manifest::from_json(&text)
        .or_fatal(format!("understand the manifest of version {number} of `{name}`"))?;
    let (objects, path) = store.place_of(&version.manifest)?;
    let snapshot = PlacedSnapshot::new(objects, &path, manifest);
    Ok(Published { version: version.clone(), snapshot })
}

/// A data set to be asked under its name: these versions of it, one for each interval.
pub async fn open_dataset(
    store: &ArtifactStore,
    name: &DatasetName,
    versions: &[DatasetVersion],
) -> Result<(DataSet, Vec<Published>), TaskError> {
    let mut published = Vec::with_capacity(versions.len());
    for version in versions {
        published.push(read_published(store, version).await?);
    }
    let snapshots: Vec<PlacedSnapshot> =
        published.iter().map(|published| published.snapshot.clone()).collect();
    let Some(objects) = snapshots.first().map(PlacedSnapshot::store) else {
        return Err(TaskError::fatal(format!("ask the data set `{name}`: it has no versions")));
    };
    Ok((DataSet::of(name.as_str(), objects, &snapshots), published))
}

/// The columns with personal data of any of these versions.
pub fn personal_columns(published: &[Published]) -> BTreeSet<String> {
    let of_each = published.iter().flat_map(|one| one.manifest().personal.personal_columns());
    of_each.map(str::to_owned).collect()
}
