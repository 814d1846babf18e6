//! All faults: one file and one line for each. The longest comes first.

mod clock_ahead;
mod connections_ended;
mod disk_full;
mod pool_exhausted;
mod scheduler_killed;
mod server_restarted;
mod tree_killed;
mod worker_frozen;
mod worker_killed;

use super::fault::Fault;

/// In the order in which they are tried and told.
pub(crate) static FAULTS: &[Fault] = &[
    worker_frozen::FAULT,
    worker_killed::FAULT,
    scheduler_killed::FAULT,
    tree_killed::FAULT,
    connections_ended::FAULT,
    pool_exhausted::FAULT,
    clock_ahead::FAULT,
    disk_full::FAULT,
    server_restarted::FAULT,
];
