//! Checks suggested from the data: a file to start from, with the reason for each check.
//!
//! [`Profile::of`] looks at a table in one scan; [`suggest`] says what held, a little wider, so that the table itself passes and a table that is
//! like it does too. What a profile cannot know (what is physically possible, what must be unique) a person adds or tightens.
//!
//! It suggests: the columns with their types; the number of rows from half to double; no missing values where there were none, else the share
//! with some room; ranges of numbers with a tenth of their spread on either side; means within half a standard deviation, as a warning; the members of small
//! sets of texts; the form of texts that all have one; uniqueness of whole numbers and texts that were unique; for the column of times its order, its steps, its
//! gaps and repeats. Of personal columns it writes down no value.

mod items;
mod profile;
mod shape;
mod yaml;

pub use profile::{Hints, Profile};

use crate::quality::ChecksFile;

/// A checks file, and the reason for each of its checks.
#[derive(Clone, Debug, PartialEq)]
pub struct Suggestion {
    /// The checks.
    pub file: ChecksFile,
    /// Why, one for each check.
    pub reasons: Vec<String>,
    rows: u64,
}

/// Suggests checks that the profiled table passes.
pub fn suggest(profile: &Profile) -> Suggestion {
    let (checks, reasons) = items::items(profile).into_iter().unzip();
    let file = ChecksFile {
        description: None,
        time: profile.time.as_ref().map(|time| time.column.clone()),
        entity: profile.entity.clone(),
        checks,
    };
    Suggestion { file, reasons, rows: profile.rows }
}

#[cfg(test)]
mod tests;
