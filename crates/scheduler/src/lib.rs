#![doc = include_str!("../README.md")]

mod assignment;
mod attempt;
mod worker;

pub use worker::{Worker, WorkerError, WorkerOptions};
