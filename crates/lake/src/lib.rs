#![doc = include_str!("../README.md")]

mod blocking;
pub mod checks;
pub mod dialect;
mod memory;
mod nearest;
pub mod personal;
pub mod postgres;
pub mod quality;
pub mod read;
pub mod snapshot;
pub mod source;
pub mod sql;
pub mod suggest;
