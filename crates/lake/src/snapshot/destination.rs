//! Where snapshots are written.

use std::sync::Arc;

use object_store::buffered::BufWriter;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt, PutPayload};
use sha2::{Digest, Sha256};
use tokio::io::AsyncWriteExt;

use super::LandError;
use crate::read::hex;

/// Where snapshots are written: a folder of an object store.
#[derive(Clone, Debug)]
pub struct Destination {
    store: Arc<dyn ObjectStore>,
    prefix: Path,
}

impl Destination {
    /// A folder of this machine; it is made if it is not there.
    pub fn folder(folder: &std::path::Path) -> Result<Self, LandError> {
        let failed = |source: Box<dyn std::error::Error + Send + Sync>| LandError::Write {
            path: folder.display().to_string(),
            source,
        };
        std::fs::create_dir_all(folder).map_err(|source| failed(source.into()))?;
        let store =
            LocalFileSystem::new_with_prefix(folder).map_err(|source| failed(source.into()))?;
        Ok(Self { store: Arc::new(store), prefix: Path::default() })
    }

    /// A folder at an address, with the settings of its store (such as `aws_endpoint`).
    pub fn at<'a>(
        address: &str,
        options: impl IntoIterator<Item = (&'a str, String)>,
    ) -> Result<Self, LandError> {
        if let Some(folder) = address.strip_prefix("file://") {
            return Self::folder(std::path::Path::new(folder));
        }
        let failed = |source: Box<dyn std::error::Error + Send + Sync>| LandError::Write {
            path: address.to_owned(),
            source,
        };
        let url = address.parse().map_err(|source: url::ParseError| failed(source.into()))?;
        let (store, prefix) =
            object_store::parse_url_opts(&url, options).map_err(|source| failed(source.into()))?;
        Ok(Self { store: store.into(), prefix })
    }

    /// A folder of a store that somebody else opened.
    pub fn within(store: Arc<dyn ObjectStore>, prefix: Path) -> Self {
        Self { store, prefix }
    }

    fn path(&self, name: &str) -> Path {
        name.split('/').fold(self.prefix.clone(), Path::join)
    }

    /// Reads a small file.
    pub async fn read(&self, name: &str) -> Result<Vec<u8>, LandError> {
        let failed = |source: object_store::Error| LandError::Write {
            path: name.to_owned(),
            source: source.into(),
        };
        let object = self.store.get(&self.path(name)).await.map_err(failed)?;
        Ok(object.bytes().await.map_err(failed)?.to_vec())
    }

    /// Writes a small file.
    pub(super) async fn write(&self, name: &str, bytes: Vec<u8>) -> Result<(), LandError> {
        let put = self.store.put(&self.path(name), PutPayload::from(bytes)).await;
        put.map(drop)
            .map_err(|source| LandError::Write { path: name.into(), source: source.into() })
    }

    /// Begins a file, which is there only when it is finished.
    pub(super) fn begin(&self, name: &str) -> Upload {
        let writer = BufWriter::new(Arc::clone(&self.store), self.path(name));
        Upload { name: name.into(), writer, hash: Sha256::new(), size_bytes: 0 }
    }

    /// Removes files that no manifest names. What cannot be removed stays invisible.
    pub(super) async fn remove<'a>(&self, names: impl Iterator<Item = &'a str>) {
        for name in names {
            if let Err(error) = self.store.delete(&self.path(name)).await {
                tracing::debug!(file.name = name, error = %error, "a file that nothing names stays");
            }
        }
    }
}

/// A file that is being written.
pub(super) struct Upload {
    name: String,
    writer: BufWriter,
    hash: Sha256,
    size_bytes: u64,
}

impl Upload {
    pub(super) async fn put(&mut self, bytes: Vec<u8>) -> Result<(), LandError> {
        self.hash.update(&bytes);
        self.size_bytes += bytes.len() as u64;
        let put = self.writer.put(bytes.into()).await;
        put.map_err(|source| LandError::Write { path: self.name.clone(), source: source.into() })
    }

    /// Makes the file visible; its size and its hash.
    pub(super) async fn finish(mut self) -> Result<(u64, String), LandError> {
        let finished = self.writer.shutdown().await;
        finished.map_err(|source| LandError::Write { path: self.name, source: source.into() })?;
        Ok((self.size_bytes, hex(&self.hash.finalize())))
    }

    /// Gives the file up.
    pub(super) async fn abandon(mut self) {
        if let Err(error) = self.writer.abort().await {
            tracing::debug!(file.name = self.name, error = %error, "an unfinished file stays");
        }
    }
}
