//! Names under which artefacts become known beyond their run.

use serde::{Deserialize, Serialize};
use tidemill_dag::names::DatasetName;
use tidemill_dag::time::{DataInterval, Timestamp};

use crate::hash::ContentHash;

/// What an artefact becomes known as: in the transaction that ends its attempt well, or never.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "as", rename_all = "snake_case")]
pub enum Publication {
    /// The newest version of a data set; the artefact is the manifest of its files.
    Dataset(Snapshot),
}

/// What is known of a snapshot without reading it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// The data set.
    pub dataset: DatasetName,
    /// The stretch of time that it has the rows of. It replaces what the data set had of the same stretch.
    pub interval: DataInterval,
    /// The SHA-256 of its rows, whatever files they lie in.
    pub content: ContentHash,
    /// How many rows.
    pub rows: u64,
    /// The size of its files.
    pub size_bytes: u64,
    /// The earliest and the latest event, where rows have a time and there are any.
    pub events: Option<(Timestamp, Timestamp)>,
}
