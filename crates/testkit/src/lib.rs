#![doc = include_str!("../README.md")]

mod cutter;
mod database;
mod describe;
mod faults;
#[cfg(feature = "s3")]
mod s3;
mod server;
mod world;

pub use cutter::{Cut, Cutter};
pub use database::TestDatabase;
#[cfg(feature = "s3")]
pub use s3::S3Server;
pub use tidemill_store::FrozenClock;
pub use world::World;
