//! What lies in the object store, whoever names it: to be listed, and to be deleted when nobody does.

use futures::stream::BoxStream;
use futures::{StreamExt, stream};
use object_store::ObjectMeta;
use object_store::path::Path;
use tidemill_dag::ids::RunId;
use tidemill_dag::time::Timestamp;

use crate::artifact::ArtifactError;
use crate::artifact_store::ArtifactStore;

/// One of the folders that attempts write to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Area {
    /// Artefacts.
    Attempts,
    /// What was printed.
    Logs,
}

impl Area {
    /// All.
    pub const ALL: [Self; 2] = [Self::Attempts, Self::Logs];

    /// The name of the folder.
    pub const fn folder(self) -> &'static str {
        match self {
            Self::Attempts => "attempts",
            Self::Logs => "logs",
        }
    }
}

/// One object, as the store lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredObject {
    /// Where it lies below the root of the store, as [`crate::ArtifactRef::location`] says it.
    pub location: String,
    /// The folder that it lies below.
    pub area: Area,
    /// The run that wrote it.
    pub run: RunId,
    /// Its length.
    pub size_bytes: u64,
    /// When it was written, by the store's clock.
    pub written_at: Timestamp,
}

impl ArtifactStore {
    /// All objects that attempts wrote, as they are found. What lies in no folder of a run is nobody's business and left out.
    pub fn stored(&self, area: Area) -> BoxStream<'static, Result<StoredObject, ArtifactError>> {
        let folder = self.absolute(&Path::from(area.folder()));
        let root = self.root.clone();
        let found = self.objects.list(Some(&folder)).filter_map(move |listed| {
            let object = match listed {
                Ok(meta) => object_of(area, &root, &meta).map(Ok),
                // It went while others were listed.
                Err(object_store::Error::NotFound { .. }) => None,
                Err(error) => {
                    Some(Err(ArtifactError::List { below: area.folder(), source: error.into() }))
                }
            };
            std::future::ready(object)
        });
        found.boxed()
    }

    /// Deletes objects by their locations; those that are gone already are no failure.
    pub async fn delete(&self, locations: &[&str]) -> Result<(), ArtifactError> {
        let paths: Vec<_> = locations
            .iter()
            .map(|location| Path::parse(location).map(|path| self.absolute(&path)))
            .map(|path| path.map_err(object_store::Error::from))
            .collect();
        let mut deleted = self.objects.delete_stream(stream::iter(paths).boxed());
        while let Some(result) = deleted.next().await {
            match result {
                Ok(_) | Err(object_store::Error::NotFound { .. }) => {}
                Err(error) => return Err(ArtifactError::Delete { source: error.into() }),
            }
        }
        Ok(())
    }
}

fn object_of(area: Area, root: &Path, meta: &ObjectMeta) -> Option<StoredObject> {
    let location: Path = meta.location.prefix_match(root)?.collect();
    let run = location.parts().nth(1)?.as_ref().parse().ok()?;
    Some(StoredObject {
        location: location.to_string(),
        area,
        run,
        size_bytes: meta.size,
        written_at: meta.last_modified,
    })
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use futures::TryStreamExt;
    use tidemill_dag::state::Attempt;

    use super::*;
    use crate::log::TaskLog;

    async fn listed(store: &ArtifactStore) -> Vec<String> {
        let objects: Vec<StoredObject> = store.stored(Area::Logs).try_collect().await.unwrap();
        objects.into_iter().map(|object| format!("{} of {}", object.location, object.run)).collect()
    }

    #[tokio::test]
    async fn what_is_deleted_is_listed_no_more_and_leaves_no_folder() {
        let folder = tempfile::tempdir().unwrap();
        let store = ArtifactStore::open(&folder.path().display().to_string()).unwrap();
        let run: RunId = "run_00000000000000000000000000000001".parse().unwrap();
        let log = TaskLog::of(&store, run, &"tune[3]".parse().unwrap(), Attempt(2));
        log.write(0, Bytes::from("printed")).await.unwrap();
        let location = "logs/run_00000000000000000000000000000001/tune/+3/2/000000";

        let before = listed(&store).await;
        store.delete(&[location, "logs/run_00000000000000000000000000000002/gone"]).await.unwrap();

        assert_eq!(before, [format!("{location} of {run}")]);
        assert_eq!(listed(&store).await, Vec::<String>::new());
        assert!(!folder.path().join("logs").exists());
        log.write(1, Bytes::from("again")).await.unwrap();
        assert_eq!(listed(&store).await.len(), 1);
    }

    #[tokio::test]
    async fn what_belongs_to_no_run_is_left_out() {
        let folder = tempfile::tempdir().unwrap();
        let store = ArtifactStore::open(&folder.path().display().to_string()).unwrap();
        std::fs::create_dir_all(folder.path().join("logs/notes")).unwrap();
        std::fs::write(folder.path().join("logs/notes/mine"), "x").unwrap();

        assert_eq!(listed(&store).await, Vec::<String>::new());
    }

    #[tokio::test]
    async fn a_location_outside_of_the_store_is_not_deleted() {
        let refused = ArtifactStore::in_memory().delete(&["../../etc/passwd"]).await;

        assert!(matches!(refused, Err(ArtifactError::Delete { .. })), "{refused:?}");
    }
}
