#![doc = include_str!("../README.md")]

mod account;
mod cluster;
mod deadline;
mod error;
mod home;
mod initialise;
mod installation;
mod launch;
mod lock;
mod options;
mod place;
mod postmaster;
mod programs;
mod socket_folder;
mod wire;

pub use cluster::{Cluster, Stop};
pub use error::ClusterError;
pub use installation::{Installation, OLDEST_MAJOR, find_installations};
pub use options::Options;
pub use wire::{Rows, WireError};
