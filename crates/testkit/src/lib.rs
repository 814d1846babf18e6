#![doc = include_str!("../README.md")]

mod cutter;
mod database;
mod describe;
mod faults;
mod s3;
mod server;
mod world;

pub use cutter::{Cut, Cutter};
pub use database::TestDatabase;
pub use s3::S3Server;
pub use tidemill_store::FrozenClock;
pub use world::World;
