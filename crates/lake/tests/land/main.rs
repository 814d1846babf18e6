//! Landing, end to end: files in, Parquet and an account of every row out.

mod bad_input;
mod evolution;
mod real_files;
mod same_bytes;
mod support;
