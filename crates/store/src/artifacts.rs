//! Artefacts: what tasks wrote to the object store, visible once their attempt's end is committed.

use serde::{Deserialize, Serialize};
use tidemill_dag::ids::ArtifactId;
use tidemill_dag::names::PortName;
use uuid::Uuid;

use crate::error::CorruptRow;

/// An artefact that an attempt wrote, and that nobody sees yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewArtifact {
    /// Its id.
    pub id: ArtifactId,
    /// The output port.
    pub port: PortName,
    /// Its place among the artefacts of the port.
    pub position: i32,
    /// What it holds, such as `table`.
    pub holds: String,
    /// The hash of its bytes: 64 lower-case hexadecimal digits.
    pub sha256: String,
    /// How long it is.
    pub size_bytes: u64,
    /// Where it lies in the object store.
    pub location: String,
}

/// An artefact that may be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Artifact {
    /// Its id.
    pub id: ArtifactId,
    /// What it holds, such as `table`.
    pub holds: String,
    /// The hash of its bytes.
    pub sha256: String,
    /// How long it is.
    pub size_bytes: u64,
    /// Where it lies in the object store.
    pub location: String,
}

/// The columns of an artefact, with whose it is.
#[derive(Clone)]
pub(crate) struct ArtifactRow {
    pub(crate) run_id: Uuid,
    /// The task itself, or what it is a member or child of: what was asked for.
    pub(crate) wanted: i32,
    pub(crate) position: i32,
    pub(crate) port: String,
    pub(crate) id: Uuid,
    pub(crate) holds: String,
    pub(crate) sha256: String,
    pub(crate) size_bytes: i64,
    pub(crate) location: String,
}

impl TryFrom<ArtifactRow> for Artifact {
    type Error = CorruptRow;

    fn try_from(row: ArtifactRow) -> Result<Self, CorruptRow> {
        let size_bytes = u64::try_from(row.size_bytes)
            .map_err(|_| CorruptRow::new("artifacts", &row.id, "artifacts_size_not_negative"))?;
        Ok(Self {
            id: ArtifactId::from_uuid(row.id),
            holds: row.holds,
            sha256: row.sha256,
            size_bytes,
            location: row.location,
        })
    }
}
