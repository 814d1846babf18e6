//! Workers on a real database: what they hold, how they stop, and what weather does to them.
//!
//! The limits A1 to A18 are those of `apalis-postgres`, each with a test that this queue does not have it.

mod caching;
mod drain;
mod faults;
mod limits;
mod puppets;
mod queue;
mod stage;
