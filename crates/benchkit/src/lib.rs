#![doc = include_str!("../README.md")]
#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

mod figure;
mod machine;
mod options;
mod per_call;
mod release_binary;
mod report;

pub use figure::{Figure, Goal, Spread};
pub use machine::{high_water_bytes, load, resident_bytes};
pub use options::{BadOption, HELP, Options};
pub use per_call::per_call;
pub use release_binary::release_binary;
pub use report::Report;
