#![doc = include_str!("../README.md")]

mod artifact;
mod artifact_store;
mod artifact_writer;
mod artifacts;
mod assignment;
mod blocking;
mod cache;
mod child;
mod clock;
mod context;
mod datasets;
mod erased;
mod error;
mod execute;
mod hash;
mod kind;
mod log;
mod params;
mod port;
mod progress;
mod publication;
mod questions;
mod registry;
mod runs;
mod seed;
mod services;
mod step;
mod stored;
mod usage;

pub use artifact::{ArtifactError, ArtifactRef, Manifest};
pub use artifact_store::ArtifactStore;
pub use artifact_writer::ArtifactWriter;
pub use artifacts::{Artifacts, WrittenFile};
pub use assignment::{Assignment, ChildResult, Completion, RunFacts};
pub use blocking::Probe;
pub use cache::{
    CacheNote, CacheParts, CacheReport, CachedResult, Caching, Change, Difference, Found, Miss,
    Origin, Unasked, Uncached,
};
pub use child::{ChildError, Heard, Told, attend};
pub use clock::{Clock, SystemClock};
pub use context::TaskContext;
pub use datasets::{DatasetVersion, Datasets};
pub use erased::ErasedKind;
pub use error::{Cause, Explain, TaskError};
pub use execute::{LARGEST_OUTPUT_BYTES, execute};
pub use hash::{BadHash, ContentHash, Hasher};
pub use kind::{Isolation, Policy, TaskKind};
pub use log::TaskLog;
pub use port::{Asker, PortError};
pub use progress::Progress;
pub use publication::{Publication, Snapshot};
pub use questions::{Answer, Question, Refusal};
pub use registry::Registry;
pub use runs::{RunRequest, Runs};
pub use seed::{Draws, Seed};
pub use services::Services;
pub use step::{Expansion, Step};
pub use stored::{Area, StoredObject};
pub use usage::Usage;
