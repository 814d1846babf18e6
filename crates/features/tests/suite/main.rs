//! What the crate promises, seen from outside.

mod golden;
mod operators;
mod pipelines;
mod support;
mod tables;
