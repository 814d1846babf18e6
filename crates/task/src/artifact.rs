//! What stages hand to each other: immutable content in an object store, known by its hash.

use serde::{Deserialize, Serialize};
use tidemill_dag::names::PortName;

use crate::error::{Cause, TaskError};
use crate::hash::ContentHash;
use crate::publication::Publication;

/// One artefact: what it is, and where it lies.
///
/// It is written once and never changed, and nobody sees it until a transaction names it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArtifactRef {
    /// The output port that it was written to.
    pub port: PortName,
    /// What it holds, such as `table` or `model`.
    pub holds: String,
    /// The SHA-256 of its content.
    pub sha256: ContentHash,
    /// The length of its content.
    pub size_bytes: u64,
    /// Where it lies below the root of the store.
    pub location: String,
    /// Its media type, such as `application/json`.
    pub media_type: String,
    /// What it becomes known as when the attempt that wrote it succeeds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub publication: Option<Box<Publication>>,
}

/// All that one attempt has written, by port and in the order of writing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Manifest {
    /// The artefacts.
    pub artifacts: Vec<ArtifactRef>,
}

impl Manifest {
    /// The artefacts of one port.
    pub fn of_port<'a>(&'a self, port: &'a str) -> impl Iterator<Item = &'a ArtifactRef> {
        self.artifacts.iter().filter(move |artifact| artifact.port.as_str() == port)
    }
}

/// An artefact that could not be written or read.
#[derive(Debug, thiserror::Error)]
pub enum ArtifactError {
    /// The address of the store is not understood.
    #[error("read `{url}` as the address of an object store")]
    Address {
        /// What was given.
        url: String,
        /// Why not.
        #[source]
        source: Cause,
    },
    /// The store refuses who asks.
    #[error("use the object store `{store}`: it refuses the credentials")]
    Denied {
        /// The address of the store.
        store: String,
        /// What it said.
        #[source]
        source: Cause,
    },
    /// There is no such bucket.
    #[error("use the object store `{store}`: there is no such bucket")]
    NoBucket {
        /// The address of the store.
        store: String,
    },
    /// The store says nothing.
    #[error("reach the object store `{store}`")]
    Unreachable {
        /// The address of the store.
        store: String,
        /// Why not.
        #[source]
        source: Cause,
    },
    /// The folder of the store cannot be made.
    #[error("make the folder `{folder}` for artefacts")]
    Folder {
        /// The folder.
        folder: String,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// What is stored cannot be listed.
    #[error("list what is below `{below}` in the object store")]
    List {
        /// The folder.
        below: &'static str,
        /// Why not.
        #[source]
        source: Cause,
    },
    /// Something stored cannot be deleted.
    #[error("delete from the object store")]
    Delete {
        /// Why not.
        #[source]
        source: Cause,
    },
    /// The kind does not declare the port.
    #[error("write to the port `{port}`, which the kind does not declare as an output")]
    UnknownPort {
        /// The port.
        port: String,
    },
    /// The port takes one artefact, and has it.
    #[error("write to the port `{port}` a second time: it takes one artefact")]
    PortTaken {
        /// The port.
        port: String,
    },
    /// The store did not take the content.
    #[error("write the artefact `{location}`")]
    Write {
        /// Where to.
        location: String,
        /// Why not.
        #[source]
        source: Cause,
    },
    /// The content is not there.
    #[error("find the artefact `{location}`")]
    Missing {
        /// Where it should be.
        location: String,
        /// What the store says.
        #[source]
        source: Cause,
    },
    /// The store did not give the content.
    #[error("read the artefact `{location}`")]
    Read {
        /// Where from.
        location: String,
        /// Why not.
        #[source]
        source: Cause,
    },
    /// The content is not what was written.
    #[error(
        "believe the artefact `{location}`: it should have {expected_bytes} bytes with the SHA-256 {expected}, \
         and has {found_bytes} with {found}"
    )]
    Changed {
        /// Where it lies.
        location: String,
        /// The hash that it was written with.
        expected: ContentHash,
        /// The length that it was written with.
        expected_bytes: u64,
        /// The hash of what is there.
        found: ContentHash,
        /// The length of what is there.
        found_bytes: u64,
    },
}

impl From<ArtifactError> for TaskError {
    /// What the store refuses today it may take tomorrow; the rest is met again.
    fn from(error: ArtifactError) -> Self {
        use ArtifactError as E;
        let message = "handle an artefact";
        match &error {
            E::Folder { .. }
            | E::Unreachable { .. }
            | E::Write { .. }
            | E::Read { .. }
            | E::List { .. }
            | E::Delete { .. } => Self::transient(message),
            E::Address { .. }
            | E::Denied { .. }
            | E::NoBucket { .. }
            | E::UnknownPort { .. }
            | E::PortTaken { .. }
            | E::Missing { .. }
            | E::Changed { .. } => Self::fatal(message),
        }
        .caused_by(error)
    }
}
