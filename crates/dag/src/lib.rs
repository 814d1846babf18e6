#![doc = include_str!("../README.md")]

pub mod advance;
pub mod catalog;
pub mod check;
pub mod editor;
pub mod hash;
pub mod ids;
pub mod load;
pub mod names;
pub mod plan;
pub mod problem;
pub mod references;
pub mod rerun;
pub mod schedule;
mod secrets;
pub mod shape;
pub mod size;
pub mod slots;
pub mod spec;
pub mod state;
pub mod template;
pub mod time;
pub mod yaml;
