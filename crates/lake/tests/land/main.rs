//! Landing, end to end: files in, Parquet and an account of every row out.
#![expect(clippy::unwrap_used, reason = "a test stops where its own set-up is wrong")]
#![expect(clippy::format_push_string, reason = "texts of tests are made line by line")]

mod bad_input;
mod evolution;
mod real_files;
mod same_bytes;
mod support;
