//! What a snapshot consists of, and how it came about.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{LandError, Partition};
use crate::dialect::Dialect;
use crate::personal::PersonalDataReport;
use crate::read::{Tally, hex};
use crate::source::Listed;

/// What a snapshot consists of, and how it came about. It is written last: what no manifest names does not exist.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// The version of this document's form.
    pub version: u32,
    /// The folder of the snapshot below its destination.
    pub folder: String,
    /// The hash of what was asked for.
    pub request_hash: String,
    /// The hash of what came out: the schema and the hashes of all files.
    pub content_hash: String,
    /// The columns that are written.
    pub columns: Vec<SchemaColumn>,
    /// Rows in all files.
    pub rows: u64,
    /// Bytes of all files.
    pub size_bytes: u64,
    /// When the first and the last thing happened.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event_time: Option<TimeRange>,
    /// When the first and the last thing became known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub known_time: Option<TimeRange>,
    /// The columns by which files are sorted before the event time.
    pub entity: Vec<String>,
    /// How rows are dealt out to files.
    pub partition: Partition,
    /// How the sources are read.
    pub dialect: Dialect,
    /// Remarks for people.
    pub notes: Vec<String>,
    /// The files with the rows, in the order of their rows.
    pub files: Vec<DataFile>,
    /// The file with the rows that were rejected, if there are any: JSON lines.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quarantine: Option<DataFile>,
    /// The account of all lines of all sources.
    pub tally: Tally,
    /// What was done about personal data.
    pub personal: PersonalDataReport,
    /// The sources, in the order in which they were read.
    pub sources: Vec<SourceFile>,
}

/// A column that is written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SchemaColumn {
    /// Its name.
    pub name: String,
    /// What its values are, in a word.
    pub kind: String,
}

/// A range of moments of a column, both ends among them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TimeRange {
    /// The column.
    pub column: String,
    /// The earliest.
    #[schemars(with = "String")]
    pub min: DateTime<Utc>,
    /// The latest.
    #[schemars(with = "String")]
    pub max: DateTime<Utc>,
}

/// One file of a snapshot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DataFile {
    /// Where it is below the destination.
    pub path: String,
    /// Its rows.
    pub rows: u64,
    /// Its bytes.
    pub size_bytes: u64,
    /// Their hash.
    pub sha256: String,
}

/// One source with what became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SourceFile {
    /// The file as its store listed it.
    pub file: Listed,
    /// The hash of its bytes.
    pub sha256: String,
    /// The account of its lines.
    pub tally: Tally,
}

impl Manifest {
    /// The version that this code writes.
    pub const VERSION: u32 = 1;
    /// The name of the manifest in the folder of its snapshot.
    pub const FILE_NAME: &str = "manifest.json";

    /// Reads a manifest.
    pub fn from_json(bytes: &[u8]) -> Result<Self, LandError> {
        serde_json::from_slice(bytes).map_err(|source| LandError::Manifest { source })
    }

    /// The manifest as it is written.
    pub fn to_json(&self) -> Result<Vec<u8>, LandError> {
        let written = serde_json::to_vec_pretty(self);
        let mut bytes = written.map_err(|source| LandError::Manifest { source })?;
        bytes.push(b'\n');
        Ok(bytes)
    }

    /// The hash of what came out. Where files lie and where they came from is no part of it.
    pub(super) fn hash_of(columns: &[SchemaColumn], files: &[&DataFile], folder: &str) -> String {
        let mut hash = Sha256::new();
        for column in columns {
            hash.update(format!("column {:?} {:?}\n", column.name, column.kind));
        }
        for file in files {
            let path = file.path.strip_prefix(folder).unwrap_or(&file.path);
            hash.update(format!("file {path:?} {} {}\n", file.rows, file.sha256));
        }
        hex(&hash.finalize())
    }
}
