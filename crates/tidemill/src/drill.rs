//! The drill: scratch runs in a schema of their own, faults put on their own processes, and what became of the runs.

mod fault;
mod faults;
mod finding;
mod judge;
mod leftovers;
mod process;
mod rehearse;
mod scene;
mod witness;
mod workflow;

pub(crate) use fault::Fault;
pub(crate) use faults::FAULTS;
pub(crate) use finding::{Finding, counts_as_failed};
pub(crate) use leftovers::{Leftover, find_leftovers, remove_leftover};
pub(crate) use rehearse::{Drill, Pace};
