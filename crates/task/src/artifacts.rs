//! The artefacts of one attempt: what it reads, and what it writes under its own prefix.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use object_store::ObjectStore;
use object_store::path::{Path, PathPart};
use tidemill_dag::catalog::{Arity, Port, Ports};
use tidemill_dag::ids::RunId;
use tidemill_dag::names::PortName;
use tidemill_dag::state::{Attempt, TaskPath};

use crate::artifact::{ArtifactError, ArtifactRef, Manifest};
use crate::artifact_store::ArtifactStore;
use crate::artifact_writer::ArtifactWriter;
use crate::error::Cause;
use crate::hash::ContentHash;
use crate::publication::Publication;

/// Reads any artefact, and writes those of one attempt.
///
/// What is written lies under a prefix that no other attempt uses, and stays unseen until a transaction names it.
#[derive(Debug)]
pub struct Artifacts {
    store: ArtifactStore,
    prefix: Path,
    ports: Ports,
    written: Mutex<Written>,
}

#[derive(Debug, Default)]
struct Written {
    /// How many artefacts each port was asked for.
    asked: BTreeMap<&'static str, usize>,
    /// The finished ones, by port and place in it.
    finished: BTreeMap<(&'static str, usize), ArtifactRef>,
}

/// A file that an engine wrote below the folder of an attempt.
#[derive(Clone, Copy, Debug)]
pub struct WrittenFile<'a> {
    /// Where it lies below that folder.
    pub path: &'a str,
    /// The SHA-256 of its content.
    pub sha256: ContentHash,
    /// Its length.
    pub size_bytes: u64,
}

/// Where an artefact is going to be.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) port: PortName,
    pub(crate) holds: &'static str,
    pub(crate) location: Path,
    key: (&'static str, usize),
}

impl Artifacts {
    pub(crate) fn new(store: ArtifactStore, prefix: Path, ports: Ports) -> Self {
        Self { store, prefix, ports, written: Mutex::default() }
    }

    /// Reads an artefact whole and verifies its hash.
    pub async fn read(&self, artifact: &ArtifactRef) -> Result<Bytes, ArtifactError> {
        self.store.read(artifact).await
    }

    /// Writes an artefact to a port that the kind declares.
    pub async fn write(
        &self,
        port: &str,
        media_type: &str,
        content: impl Into<Bytes>,
    ) -> Result<ArtifactRef, ArtifactError> {
        let mut writer = self.writer(port, media_type)?;
        writer.write(content).await?;
        writer.finish().await
    }

    /// Starts an artefact that is written part by part to a port that the kind declares.
    pub fn writer(
        &self,
        port: &str,
        media_type: &str,
    ) -> Result<ArtifactWriter<'_>, ArtifactError> {
        let place = self.take_place(port)?;
        Ok(ArtifactWriter::new(self, place, media_type))
    }

    /// The folder of this attempt, for engines that write files themselves. What they write is taken in by [`Artifacts::take_in`], and is
    /// garbage otherwise.
    pub fn folder(&self) -> (Arc<dyn ObjectStore>, Path) {
        (self.store.objects(), self.store.absolute(&self.prefix))
    }

    /// Takes in a file that an engine wrote below the folder of this attempt, where it lies there with this length.
    pub async fn take_in(
        &self,
        port: &str,
        media_type: &str,
        file: WrittenFile<'_>,
    ) -> Result<ArtifactRef, ArtifactError> {
        let place = self.take_place(port)?;
        let location = file.path.split('/').fold(self.prefix.clone(), Path::join);
        let artifact = ArtifactRef {
            port: place.port.clone(),
            holds: place.holds.to_owned(),
            sha256: file.sha256,
            size_bytes: file.size_bytes,
            location: location.to_string(),
            media_type: media_type.to_owned(),
            publication: None,
        };
        let failed =
            |source: Cause| ArtifactError::Write { location: location.to_string(), source };
        if !self.store.holds(&artifact).await? {
            return Err(failed("it is not there as it was written".into()));
        }
        self.store.make_durable(&location).await.map_err(|error| failed(error.into()))?;
        self.add(&place, artifact.clone());
        Ok(artifact)
    }

    /// Gives an artefact on that another attempt wrote: the same content under a port of this one.
    pub fn pass_on(
        &self,
        port: &str,
        artifact: &ArtifactRef,
    ) -> Result<ArtifactRef, ArtifactError> {
        let place = self.take_place(port)?;
        let artifact = ArtifactRef {
            port: place.port.clone(),
            holds: place.holds.to_owned(),
            publication: None,
            ..artifact.clone()
        };
        self.add(&place, artifact.clone());
        Ok(artifact)
    }

    /// Says what a finished artefact of this attempt becomes known as when the attempt succeeds.
    ///
    /// # Panics
    ///
    /// When this attempt did not write the artefact.
    pub fn publish(&self, artifact: &ArtifactRef, publication: Publication) {
        let mut written = self.written();
        let own = written.finished.values_mut().find(|own| own.location == artifact.location);
        own.expect("an attempt publishes what it wrote").publication = Some(publication.into());
    }

    /// All that was finished so far.
    pub fn manifest(&self) -> Manifest {
        Manifest { artifacts: self.written().finished.values().cloned().collect() }
    }

    /// The first output port that must have an artefact and has none.
    pub(crate) fn first_empty_port(&self) -> Option<&'static Port> {
        let written = self.written();
        let is_empty = |port: &&Port| !written.finished.contains_key(&(port.name, 0));
        self.ports.outputs.iter().filter(|port| port.arity == Arity::One).find(is_empty)
    }

    pub(crate) const fn store(&self) -> &ArtifactStore {
        &self.store
    }

    pub(crate) fn add(&self, place: &Place, artifact: ArtifactRef) {
        self.written().finished.insert(place.key, artifact);
    }

    fn take_place(&self, name: &str) -> Result<Place, ArtifactError> {
        let unknown = || ArtifactError::UnknownPort { port: name.to_owned() };
        let port = self.ports.output(name).ok_or_else(unknown)?;
        let port_name = PortName::new(port.name).map_err(|_| unknown())?;
        let mut written = self.written();
        let asked = written.asked.entry(port.name).or_default();
        let (index, is_many) = (*asked, port.arity == Arity::Many);
        if index > 0 && !is_many {
            return Err(ArtifactError::PortTaken { port: name.to_owned() });
        }
        *asked += 1;
        // Names of ports have no dots, so that the files of two ports never meet.
        let file = if is_many { format!("{}.{index}", port.name) } else { port.name.to_owned() };
        let location = self.prefix.clone().join(file);
        Ok(Place { port: port_name, holds: port.holds, location, key: (port.name, index) })
    }

    fn written(&self) -> MutexGuard<'_, Written> {
        self.written.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The prefix that belongs to one attempt alone: `<under>/<run>/<node>/+<label>…/<attempt>`.
pub(crate) fn prefix_of(under: &str, run: RunId, path: &TaskPath, attempt: Attempt) -> Path {
    // A label is marked, so that the child `3` of a task never meets the third attempt of that task.
    let labels = path.labels.iter().map(|label| format!("+{label}"));
    [under.to_owned(), run.to_string(), path.node.to_string()]
        .into_iter()
        .chain(labels)
        .chain([attempt.to_string()])
        .map(PathPart::from)
        .collect()
}

#[cfg(test)]
mod tests {
    use object_store::ObjectStoreExt;

    use super::*;

    const PORTS: Ports = Ports {
        inputs: &[],
        outputs: &[Port::one("model", "model"), Port::many("parts", "table")],
    };

    fn artifacts(store: ArtifactStore) -> Artifacts {
        let run = "run_00000000000000000000000000000001".parse().unwrap();
        let prefix = prefix_of("attempts", run, &"tune[..][3]".parse().unwrap(), Attempt(2));
        Artifacts::new(store, prefix, PORTS)
    }

    #[tokio::test]
    async fn what_is_written_reads_back_from_the_attempts_own_prefix() {
        let artifacts = artifacts(ArtifactStore::in_memory());

        let written = artifacts.write("model", "application/json", "{}").await.unwrap();

        assert_eq!(
            written.location,
            "attempts/run_00000000000000000000000000000001/tune/+../+3/2/model"
        );
        assert_eq!((written.holds.as_str(), written.size_bytes), ("model", 2));
        assert_eq!(artifacts.read(&written).await.unwrap(), "{}");
        assert_eq!(artifacts.manifest().artifacts, [written]);
    }

    #[tokio::test]
    async fn a_folder_keeps_what_was_written_for_who_opens_it_next() {
        let folder = tempfile::tempdir().unwrap();
        let address = format!("file://{}", folder.path().join("a b").display());
        let first = ArtifactStore::open(&address).unwrap();

        let written = artifacts(first).write("model", "text/plain", "w").await.unwrap();

        let second = ArtifactStore::open(&address).unwrap();
        assert_eq!(second.read(&written).await.unwrap(), "w");
    }

    #[tokio::test]
    async fn a_large_artefact_in_parts_has_the_hash_of_the_whole() {
        let folder = tempfile::tempdir().unwrap();
        let store = ArtifactStore::open(&folder.path().display().to_string()).unwrap();
        let artifacts = artifacts(store);
        let part = vec![7; 4 << 20];

        let mut writer = artifacts.writer("parts", "application/octet-stream").unwrap();
        for _ in 0..3 {
            writer.write(part.clone()).await.unwrap();
        }
        let written = writer.finish().await.unwrap();

        assert_eq!(written.sha256, crate::ContentHash::of(&part.repeat(3)));
        assert_eq!(artifacts.read(&written).await.unwrap().len(), 12 << 20);
    }

    #[tokio::test]
    async fn content_that_changed_is_not_believed() {
        let folder = tempfile::tempdir().unwrap();
        let store = ArtifactStore::open(&folder.path().display().to_string()).unwrap();
        let artifacts = artifacts(store);
        let written = artifacts.write("model", "text/plain", "true").await.unwrap();

        std::fs::write(folder.path().join(&written.location), "fals").unwrap();

        let refused = artifacts.read(&written).await;
        assert!(matches!(refused, Err(ArtifactError::Changed { .. })), "{refused:?}");
    }

    #[tokio::test]
    async fn the_store_knows_what_it_holds_without_reading_it() {
        let folder = tempfile::tempdir().unwrap();
        let store = ArtifactStore::open(&folder.path().display().to_string()).unwrap();
        let artifacts = artifacts(store.clone());
        let whole = artifacts.write("model", "text/plain", "true").await.unwrap();
        let cut = artifacts.write("parts", "text/plain", "true").await.unwrap();
        let gone = artifacts.write("parts", "text/plain", "true").await.unwrap();

        std::fs::write(folder.path().join(&cut.location), "tru").unwrap();
        std::fs::remove_file(folder.path().join(&gone.location)).unwrap();

        for (artifact, is_there) in [(whole, true), (cut, false), (gone, false)] {
            assert_eq!(store.holds(&artifact).await.unwrap(), is_there, "{artifact:?}");
        }
    }

    #[tokio::test]
    async fn a_location_outside_of_the_store_is_refused() {
        let artifacts = artifacts(ArtifactStore::in_memory());
        let mut written = artifacts.write("model", "text/plain", "x").await.unwrap();
        written.location = "../../etc/passwd".to_owned();

        let refused = artifacts.read(&written).await;

        assert!(matches!(refused, Err(ArtifactError::Read { .. })), "{refused:?}");
    }

    #[tokio::test]
    async fn ports_take_only_what_the_kind_declares() {
        let artifacts = artifacts(ArtifactStore::in_memory());
        artifacts.write("model", "text/plain", "x").await.unwrap();

        let second = artifacts.write("model", "text/plain", "x").await;
        let unknown = artifacts.write("modle", "text/plain", "x").await;

        assert!(matches!(second, Err(ArtifactError::PortTaken { .. })), "{second:?}");
        assert!(matches!(unknown, Err(ArtifactError::UnknownPort { .. })), "{unknown:?}");
    }

    #[tokio::test]
    async fn a_file_that_an_engine_wrote_is_taken_in_only_if_it_is_there() {
        let folder = tempfile::tempdir().unwrap();
        let store = ArtifactStore::open(&folder.path().display().to_string()).unwrap();
        let artifacts = artifacts(store);
        let (objects, prefix) = artifacts.folder();
        let path = prefix.join("day=1").join("a.parquet");
        objects.put(&path, "rows".into()).await.unwrap();
        let file =
            |path| WrittenFile { path, sha256: crate::ContentHash::of(b"rows"), size_bytes: 4 };

        let taken = artifacts.take_in("parts", "text/plain", file("day=1/a.parquet")).await;
        let missing = artifacts.take_in("parts", "text/plain", file("day=1/b.parquet")).await;

        let taken = taken.unwrap();
        assert_eq!(artifacts.read(&taken).await.unwrap(), "rows");
        assert!(taken.location.ends_with("tune/+../+3/2/day=1/a.parquet"), "{}", taken.location);
        assert!(matches!(missing, Err(ArtifactError::Write { .. })), "{missing:?}");
        assert_eq!(artifacts.manifest().artifacts, [taken]);
    }

    #[tokio::test]
    async fn an_artefact_that_is_passed_on_keeps_its_content_and_its_place() {
        let artifacts = artifacts(ArtifactStore::in_memory());
        let mut earlier = artifacts.write("parts", "text/plain", "x").await.unwrap();
        earlier.port = "elsewhere".parse().unwrap();

        let passed = artifacts.pass_on("model", &earlier).unwrap();

        assert_eq!(passed.location, earlier.location);
        assert_eq!((passed.port.as_str(), passed.holds.as_str()), ("model", "model"));
    }

    #[tokio::test]
    async fn what_is_not_finished_is_not_in_the_manifest() {
        let artifacts = artifacts(ArtifactStore::in_memory());

        let mut writer = artifacts.writer("model", "text/plain").unwrap();
        writer.write("half").await.unwrap();
        drop(writer);

        assert_eq!(artifacts.manifest(), Manifest::default());
        assert_eq!(artifacts.first_empty_port().map(|port| port.name), Some("model"));
    }

    #[tokio::test]
    async fn the_manifest_is_in_the_order_of_ports_and_places_not_of_finishing() {
        let artifacts = artifacts(ArtifactStore::in_memory());
        let first = artifacts.writer("parts", "text/plain").unwrap();
        let second = artifacts.writer("parts", "text/plain").unwrap();

        second.finish().await.unwrap();
        first.finish().await.unwrap();

        let manifest = artifacts.manifest();
        let files: Vec<_> =
            manifest.of_port("parts").filter_map(|part| part.location.rsplit('/').next()).collect();
        assert_eq!(files, ["parts.0", "parts.1"]);
    }
}
