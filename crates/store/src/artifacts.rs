//! Artefacts: what tasks wrote to the object store, visible once their attempt's end is committed.

use tidemill_dag::names::PortName;
use tidemill_task::ArtifactRef;
use uuid::Uuid;

use crate::error::CorruptRow;

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
    pub(crate) media_type: String,
}

impl TryFrom<ArtifactRow> for ArtifactRef {
    type Error = CorruptRow;

    fn try_from(row: ArtifactRow) -> Result<Self, CorruptRow> {
        let corrupt = |constraint| CorruptRow::new("artifacts", &row.id, constraint);
        let port = PortName::new(&row.port);
        let sha256 = row.sha256.parse();
        let size_bytes = u64::try_from(row.size_bytes);
        Ok(Self {
            port: port.map_err(|_| corrupt("artifacts_port_is_a_name"))?,
            holds: row.holds,
            sha256: sha256.map_err(|_| corrupt("artifacts_sha256_is_lower_case_hex"))?,
            size_bytes: size_bytes.map_err(|_| corrupt("artifacts_size_not_negative"))?,
            location: row.location,
            media_type: row.media_type,
            publication: None,
        })
    }
}
