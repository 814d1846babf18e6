//! The object store that artefacts lie in.

use std::fmt;
use std::io;
use std::path::{Path as FilePath, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt;
use object_store::local::LocalFileSystem;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use url::Url;

use crate::artifact::{ArtifactError, ArtifactRef};
use crate::error::{Cause, chain};
use crate::hash::ContentHash;

/// How long an object store may take to say anything at all.
const PROBE: Duration = Duration::from_secs(15);

/// The object store that artefacts lie in: a folder, or a bucket.
#[derive(Clone)]
pub struct ArtifactStore {
    pub(crate) objects: Arc<dyn ObjectStore>,
    /// The same once more, where it is a folder.
    folder: Option<Arc<LocalFileSystem>>,
    pub(crate) root: Path,
    address: Arc<str>,
}

impl ArtifactStore {
    /// Opens a store by its address: a folder, `file://folder`, `memory:///`, or a URL such as
    /// `s3://bucket/prefix` where support for its scheme is compiled in. A folder is made if it is missing.
    pub fn open(address: &str) -> Result<Self, ArtifactError> {
        Self::open_with(address, [])
    }

    /// Opens a store with options for its driver, such as `aws_region` for `s3://`.
    pub fn open_with(
        address: &str,
        options: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, ArtifactError> {
        if let Some(folder) = folder_of(address)? {
            return Self::in_folder(&folder);
        }
        let unreadable = |source| ArtifactError::Address { url: address.to_owned(), source };
        let url = Url::parse(address).map_err(|error| unreadable(error.into()))?;
        let (objects, root) = object_store::parse_url_opts(&url, options)
            .map_err(|error| unreadable(error.into()))?;
        Ok(Self { objects: objects.into(), folder: None, root, address: address.into() })
    }

    /// A store that is gone with its last clone, for tests and examples.
    pub fn in_memory() -> Self {
        let address = "memory:///".into();
        Self { objects: Arc::new(InMemory::new()), folder: None, root: Path::default(), address }
    }

    /// The address of the store, for messages and for engines that read artefacts themselves.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Reads an artefact whole, and believes it only if it has the length and the hash that it was written with.
    pub async fn read(&self, artifact: &ArtifactRef) -> Result<Bytes, ArtifactError> {
        let location = || artifact.location.clone();
        let path = self.path_of(artifact)?;
        let failed = |error| match error {
            object_store::Error::NotFound { .. } => {
                ArtifactError::Missing { location: location(), source: error.into() }
            }
            error => ArtifactError::Read { location: location(), source: error.into() },
        };
        let found = self.objects.get(&path).await.map_err(failed)?;
        let content = found.bytes().await.map_err(failed)?;
        let (hash, length) = (ContentHash::of(&content), content.len() as u64);
        if hash == artifact.sha256 && length == artifact.size_bytes {
            return Ok(content);
        }
        Err(ArtifactError::Changed {
            location: location(),
            expected: artifact.sha256,
            expected_bytes: artifact.size_bytes,
            found: hash,
            found_bytes: length,
        })
    }

    /// Tells whether an artefact is there with the length that it was written with; its content is not read.
    pub async fn holds(&self, artifact: &ArtifactRef) -> Result<bool, ArtifactError> {
        let path = self.path_of(artifact)?;
        match self.objects.head(&path).await {
            Ok(found) => Ok(found.size == artifact.size_bytes),
            Err(object_store::Error::NotFound { .. }) => Ok(false),
            Err(error) => {
                let location = artifact.location.clone();
                Err(ArtifactError::Read { location, source: error.into() })
            }
        }
    }

    /// Where an artefact lies, for engines that read it themselves; one that points out of the store is refused.
    pub fn place_of(
        &self,
        artifact: &ArtifactRef,
    ) -> Result<(Arc<dyn ObjectStore>, Path), ArtifactError> {
        Ok((self.objects(), self.path_of(artifact)?))
    }

    /// Asks the store for something, so that a wrong address and refused credentials are told before work begins.
    pub async fn probe(&self) -> Result<(), ArtifactError> {
        if self.folder.is_some() {
            return Ok(());
        }
        let refused = |error: object_store::Error| {
            let store = self.address.to_string();
            match error {
                object_store::Error::NotFound { .. } => ArtifactError::NoBucket { store },
                // A listing tells a missing bucket in the words of the protocol alone.
                object_store::Error::Generic { ref source, .. }
                    if chain(source.as_ref()).contains("NoSuchBucket") =>
                {
                    ArtifactError::NoBucket { store }
                }
                // So it does refused credentials.
                object_store::Error::Generic { ref source, .. }
                    if is_refusal(&chain(source.as_ref())) =>
                {
                    ArtifactError::Denied { store, source: error.into() }
                }
                object_store::Error::PermissionDenied { .. }
                | object_store::Error::Unauthenticated { .. } => {
                    ArtifactError::Denied { store, source: error.into() }
                }
                source => ArtifactError::Unreachable { store, source: source.into() },
            }
        };
        let prefix = Some(&self.root).filter(|root| !root.as_ref().is_empty());
        let first = async { self.objects.list(prefix).next().await.transpose() };
        match tokio::time::timeout(PROBE, first).await {
            Ok(found) => found.map(drop).map_err(refused),
            Err(elapsed) => Err(ArtifactError::Unreachable {
                store: self.address.to_string(),
                source: elapsed.into(),
            }),
        }
    }

    pub(crate) fn objects(&self) -> Arc<dyn ObjectStore> {
        Arc::clone(&self.objects)
    }

    /// Where something below the root lies in the driver's own terms.
    pub(crate) fn absolute(&self, location: &Path) -> Path {
        self.root.parts().chain(location.parts()).collect()
    }

    /// Makes what was written survive a power cut, before a transaction names it. Buckets promise that by themselves.
    pub(crate) async fn make_durable(&self, location: &Path) -> io::Result<()> {
        let Some(folder) = &self.folder else {
            return Ok(());
        };
        let file = folder.path_to_filesystem(location).map_err(io::Error::other)?;
        tokio::fs::File::open(file).await?.sync_all().await
    }

    /// The place of an artefact; one that points out of the store is refused.
    fn path_of(&self, artifact: &ArtifactRef) -> Result<Path, ArtifactError> {
        let location = Path::parse(&artifact.location).map_err(|source| ArtifactError::Read {
            location: artifact.location.clone(),
            source: source.into(),
        })?;
        Ok(self.absolute(&location))
    }

    fn in_folder(folder: &FilePath) -> Result<Self, ArtifactError> {
        let failed =
            |source| ArtifactError::Folder { folder: folder.display().to_string(), source };
        let folder = std::path::absolute(folder).map_err(failed)?;
        std::fs::create_dir_all(&folder).map_err(failed)?;
        let unreadable =
            |source| ArtifactError::Address { url: folder.display().to_string(), source };
        let local =
            LocalFileSystem::new_with_prefix(&folder).map_err(|error| unreadable(error.into()))?;
        // A folder goes with the last file that is deleted in it.
        let local = Arc::new(local.with_automatic_cleanup(true));
        let address = Url::from_directory_path(&folder)
            .map_err(|()| unreadable("it is not an absolute path".into()))?;
        Ok(Self {
            objects: Arc::clone(&local) as _,
            folder: Some(local),
            root: Path::default(),
            address: address.as_str().into(),
        })
    }
}

impl fmt::Debug for ArtifactStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ArtifactStore").field("address", &self.address).finish_non_exhaustive()
    }
}

/// The folder that an address names; `None` for an address of another sort.
fn folder_of(address: &str) -> Result<Option<PathBuf>, ArtifactError> {
    let Some((scheme, rest)) = address.split_once("://") else {
        return Ok(Some(PathBuf::from(address)));
    };
    if scheme != "file" {
        return Ok(None);
    }
    // `file://.tidemill/artifacts` is no URL by the book, and what people write for a folder here.
    if !rest.starts_with('/') {
        return Ok(Some(PathBuf::from(rest)));
    }
    let unreadable = |source: Cause| ArtifactError::Address { url: address.to_owned(), source };
    let url = Url::parse(address).map_err(|error| unreadable(error.into()))?;
    let folder = url.to_file_path().map_err(|()| unreadable("it names no folder".into()))?;
    Ok(Some(folder))
}

fn is_refusal(told: &str) -> bool {
    ["status code: 401", "status code: 403"].iter().any(|status| told.contains(status))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_named_by_path_and_by_url() {
        let folder = |address| folder_of(address).unwrap().unwrap().display().to_string();

        assert_eq!(folder(".tidemill/artifacts"), ".tidemill/artifacts");
        assert_eq!(folder("file://.tidemill/artifacts"), ".tidemill/artifacts");
        assert_eq!(folder("file:///var/lib/a%20b"), "/var/lib/a b");
        assert!(folder_of("s3://bucket/prefix").unwrap().is_none());
    }

    #[test]
    fn a_scheme_that_nobody_knows_is_refused_with_its_address() {
        let refused = ArtifactStore::open("gopher://host/path").unwrap_err();

        assert_eq!(
            refused.to_string(),
            "read `gopher://host/path` as the address of an object store"
        );
    }
}
