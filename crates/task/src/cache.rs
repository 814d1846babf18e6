//! What lets an earlier result stand in for a new run: what it depends on, part by part, and the words for every hit and
//! miss. All of it is pure; the store keeps the entries, and a worker asks it.

mod caching;
mod difference;
mod found;
mod note;
mod parts;
mod words;

pub use caching::{Caching, Uncached};
pub use difference::{Change, Difference};
pub use found::{CachedResult, Found};
pub use note::{CacheNote, CacheReport, Miss, Origin, Unasked};
pub use parts::CacheParts;
