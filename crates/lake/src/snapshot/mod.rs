//! Snapshots: immutable Parquet with a manifest that accounts for every row.

mod destination;
mod dialects;
mod difference;
mod discover;
mod doubled;
mod error;
mod feed;
mod files;
mod find;
mod land;
mod manifest;
mod partition;
mod pass;
mod placed;
mod quarantine;
mod settings;
mod size;
mod sort;
mod steps;
mod widen;

pub use destination::Destination;
pub use difference::{ColumnChange, Difference, RangeChange};
pub use error::LandError;
pub use land::{Earlier, Environment, Landed, Workspace, land};
pub use manifest::{DataFile, Manifest, SchemaColumn, SourceFile, TimeRange};
pub use partition::Partition;
pub use placed::PlacedSnapshot;
pub use settings::{DoubledHour, EmptyFiles, EventTime, Evolution, Format, Landing, SkippedHour};
pub use size::{Size, SizeError};
