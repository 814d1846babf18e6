#![doc = include_str!("../README.md")]

pub mod audits;
pub mod canaries;
pub mod certificate;
pub mod clock;
pub mod dataset;
pub mod digest;
pub mod folds;
mod maths;
pub mod mistake;
pub mod model;
pub mod panel;
pub mod rows;
pub mod scores;
pub mod seed;
pub mod selection;
pub mod selectors;
pub mod splits;
pub mod time;
