//! Writing one artefact as it is made, hashing on the way.

use bytes::Bytes;
use object_store::buffered::BufWriter;
use object_store::path::Path;
use tokio::io::AsyncWriteExt;

use crate::artifact::{ArtifactError, ArtifactRef};
use crate::artifacts::{Artifacts, Place};
use crate::error::Cause;
use crate::hash::Hasher;

/// Writes one artefact part by part; small ones go in one request, large ones in several.
///
/// What is not finished is not part of the manifest.
pub struct ArtifactWriter<'a> {
    artifacts: &'a Artifacts,
    place: Place,
    media_type: String,
    target: BufWriter,
    hasher: Hasher,
    size_bytes: u64,
}

impl<'a> ArtifactWriter<'a> {
    pub(crate) fn new(artifacts: &'a Artifacts, place: Place, media_type: &str) -> Self {
        let store = artifacts.store();
        let target = BufWriter::new(store.objects(), store.absolute(&place.location));
        let media_type = media_type.to_owned();
        Self { artifacts, place, media_type, target, hasher: Hasher::default(), size_bytes: 0 }
    }

    /// Writes the next part.
    pub async fn write(&mut self, part: impl Into<Bytes>) -> Result<(), ArtifactError> {
        let part = part.into();
        self.hasher.update(&part);
        self.size_bytes += part.len() as u64;
        self.target.put(part).await.map_err(|source| failed(&self.place.location, source))
    }

    /// The length so far.
    pub const fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    /// Completes the artefact and adds it to the manifest of the attempt.
    pub async fn finish(mut self) -> Result<ArtifactRef, ArtifactError> {
        let location = &self.place.location;
        self.target.shutdown().await.map_err(|error| failed(location, error))?;
        let durable = self.artifacts.store().make_durable(location).await;
        durable.map_err(|error| failed(location, error))?;
        let artifact = ArtifactRef {
            port: self.place.port.clone(),
            holds: self.place.holds.to_owned(),
            sha256: self.hasher.finish(),
            size_bytes: self.size_bytes,
            location: location.to_string(),
            media_type: self.media_type,
            publication: None,
        };
        self.artifacts.add(&self.place, artifact.clone());
        Ok(artifact)
    }
}

impl std::fmt::Debug for ArtifactWriter<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ArtifactWriter")
            .field("location", &self.place.location)
            .field("size_bytes", &self.size_bytes)
            .finish_non_exhaustive()
    }
}

fn failed(location: &Path, source: impl Into<Cause>) -> ArtifactError {
    ArtifactError::Write { location: location.to_string(), source: source.into() }
}
