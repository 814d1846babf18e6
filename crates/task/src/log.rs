//! What an attempt printed: parts in the object store, written while it runs, readable from then on.

use bytes::Bytes;
use object_store::path::Path;
use object_store::{ObjectStoreExt, PutPayload};
use tidemill_dag::ids::RunId;
use tidemill_dag::state::{Attempt, TaskPath};

use crate::artifact::ArtifactError;
use crate::artifact_store::ArtifactStore;
use crate::artifacts::prefix_of;

/// The log of one attempt: numbered parts under a prefix of its own, `logs/<run>/<task>/<attempt>/<part>`.
///
/// A part is written once, so that reading while somebody writes needs no care, and what was written stays when the
/// writer dies.
#[derive(Clone, Debug)]
pub struct TaskLog {
    store: ArtifactStore,
    prefix: Path,
}

impl TaskLog {
    /// The log of an attempt, whether it has parts or not.
    pub fn of(store: &ArtifactStore, run: RunId, path: &TaskPath, attempt: Attempt) -> Self {
        Self { store: store.clone(), prefix: prefix_of("logs", run, path, attempt) }
    }

    /// Writes a part. Its number is one more than that of the part before, from 0 on.
    pub async fn write(&self, number: u32, part: impl Into<Bytes>) -> Result<(), ArtifactError> {
        let location = self.location(number);
        let payload = PutPayload::from_bytes(part.into());
        let written = self.store.objects().put(&self.store.absolute(&location), payload).await;
        written.map(drop).map_err(|source| ArtifactError::Write {
            location: location.to_string(),
            source: source.into(),
        })
    }

    /// Reads a part; `None` if it is not there (yet).
    pub async fn read(&self, number: u32) -> Result<Option<Bytes>, ArtifactError> {
        let location = self.location(number);
        let failed = |source: object_store::Error| ArtifactError::Read {
            location: location.to_string(),
            source: source.into(),
        };
        match self.store.objects().get(&self.store.absolute(&location)).await {
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            found => found.map_err(failed)?.bytes().await.map(Some).map_err(failed),
        }
    }

    fn location(&self, number: u32) -> Path {
        self.prefix.clone().join(format!("{number:06}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn parts_read_back_in_their_order_until_there_are_no_more() {
        let store = ArtifactStore::in_memory();
        let run = "run_00000000000000000000000000000001".parse().unwrap();
        let log = TaskLog::of(&store, run, &"tune[3]".parse().unwrap(), Attempt(2));

        log.write(0, "first\n").await.unwrap();
        log.write(1, "second\n").await.unwrap();

        assert_eq!(log.read(0).await.unwrap().unwrap(), "first\n");
        assert_eq!(log.read(1).await.unwrap().unwrap(), "second\n");
        assert_eq!(log.read(2).await.unwrap(), None);
        assert_eq!(
            log.location(1).to_string(),
            "logs/run_00000000000000000000000000000001/tune/+3/2/000001"
        );
    }
}
