#![doc = include_str!("../README.md")]

pub mod clock;
pub mod dataset;
pub mod digest;
pub mod folds;
mod maths;
pub mod mistake;
pub mod model;
pub mod rows;
pub mod scores;
pub mod selection;
pub mod selectors;
pub mod seed;
pub mod splits;
pub mod time;
