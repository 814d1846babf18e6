//! Where files come from: local folders and object stores, listed by pattern.

mod access;
mod list;
mod pattern;

pub use access::Access;
pub use list::{Listed, SourceError};

pub(crate) use list::list;
