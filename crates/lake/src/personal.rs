//! Personal data: found, and dealt with before anything is written.
//!
//! 1. A [`Sampler`] takes some rows of a table, and [`find`] asks every detector of [`detectors()`] about every column.
//!    Each [`Finding`] has a confidence between 0 and 1 (the formula is at [`confidence`](Finding::confidence)) and masked examples.
//! 2. [`PersonalData`] says what is to become of a column: keep, mask, hash, tokenise or drop. A column in which personal data was
//!    found with confidence, and about which nothing is said, is an error that tells the lines to add.
//! 3. [`Policies`] does it, batch by batch, and [`PersonalDataReport`] says what was done.
//!
//! Two treatments need a key, which comes from an environment variable that the settings name. It is never stored; its
//! [id](Key::id) is.
//!
//! - **hash**: HMAC-SHA-256 of the value, in hexadecimal. The same value has the same hash in every data set with the same key,
//!   so that they can be joined.
//! - **tokenise**: a shorter word that is bound to the data set as well. Within the data set, in all of its columns and snapshots, a
//!   value has one token; between data sets nothing can be joined. There is no vault, so nobody can turn a token back.
//!
//! Nothing here puts a value into an error, a log or a report other than masked.
//!
//! ```
//! use std::sync::Arc;
//!
//! use datafusion::arrow::array::{ArrayRef, RecordBatch, StringArray};
//! use tidemill_lake::personal::{PersonalData, Policies, Sampler, Treatment};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let contacts: ArrayRef = Arc::new(StringArray::from(vec!["ada@example.org", "bob@example.org"]));
//! let batch = RecordBatch::try_from_iter([("contact", contacts)])?;
//! let mut sampler = Sampler::default();
//! sampler.observe(&batch, 1000)?;
//! let environment = |_: &str| None;
//!
//! let mut settings = PersonalData::default();
//! let undecided = Policies::new(&settings, "orders", &batch.schema(), &sampler, &environment);
//! assert!(undecided.is_err_and(|error| error.hint().ends_with("columns:\n    contact: mask")));
//!
//! settings.columns.insert("contact".to_owned(), Treatment::Mask);
//! let policies = Policies::new(&settings, "orders", &batch.schema(), &sampler, &environment)?;
//! let masked = policies.apply(&batch)?;
//! assert_eq!(masked.column(0).as_ref(), &StringArray::from(vec!["***@example.org"; 2]));
//! assert_eq!(policies.report().columns[0].treatment, Some(Treatment::Mask));
//! # Ok(())
//! # }
//! ```
//!
//! # What it does not do
//!
//! It looks at a sample, not at every value, and at columns, not at people: a few columns that are harmless one by one may tell who
//! somebody is. Inside longer texts it looks for e-mail addresses alone. It knows no scripts but Latin in the names of columns.
//! Values in nested columns are found, but such a column is kept or dropped as a whole. Values are treated as they were written:
//! `A@x.org` and `a@x.org` are two. Hashes and tokens hide values from whoever has no key; to the law they are still personal data.

mod checksum;
mod column_name;
mod detect;
mod detectors;
mod error;
mod key;
mod mask;
mod policies;
mod report;
mod reservoir;
mod sample;
mod settings;
mod text;

pub use detect::{CONFIDENT, Detector, Finding, SUSPECTED, Weight, find};
pub use detectors::detectors;
pub use error::{PersonalDataError, PolicyProblem, TreatError, UntreatedColumn};
pub use key::{Key, KeyError};
pub use mask::mask;
pub use policies::Policies;
pub use report::{ColumnReport, FindingReport, PersonalDataReport};
pub use sample::{ColumnSample, Sampler};
pub use settings::{OnFind, PersonalData, Treatment};

pub(crate) use reservoir::{Candidates, Limit, Reservoir};
