#![doc = include_str!("../README.md")]

pub mod calendar;
pub mod files;
pub mod kernel;
mod machines;
mod mistake;
pub mod operator;
pub mod operators;
pub mod panel;
pub mod pipeline;
pub mod run;
pub mod state;
pub mod time;

pub use mistake::Mistake;
