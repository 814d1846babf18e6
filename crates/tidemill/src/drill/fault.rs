//! What a fault is: a name, and a function that starts processes, opens runs, and does harm to what it started.

use std::pin::Pin;

use tidemill_dag::time::Timestamp;
use tidemill_store::Held;

use super::scene::Scene;

/// One fault.
pub(crate) struct Fault {
    /// What it is called on the command line.
    pub name: &'static str,
    /// What it does, in a line.
    pub about: &'static str,
    /// Whether others would feel it, so that nothing else is rehearsed meanwhile.
    pub is_felt_by_others: bool,
    /// Does it.
    pub(super) strike: for<'a> fn(&'a mut Scene) -> Strike<'a>,
}

/// A fault under way. The processes that it keeps until the end of the runs are the scene's.
pub(super) type Strike<'a> = Pin<Box<dyn Future<Output = anyhow::Result<Struck>> + 'a>>;

/// What was done.
#[derive(Debug)]
pub(super) enum Struck {
    /// The fault happened.
    Done {
        /// What was done, with numbers.
        what: String,
        /// What had to recover.
        recovery: Recovery,
    },
    /// It cannot be put here.
    Skipped {
        /// Why, and what a person can do instead.
        why: String,
    },
}

/// What has to recover after a fault.
#[derive(Debug)]
pub(super) enum Recovery {
    /// Tasks that were under way.
    OfTasks(Vec<Blow>),
    /// The next run that is opened.
    NextRun(Timestamp),
    /// Nothing: nobody may have noticed.
    Unnoticed,
}

/// One blow, and whom it hit.
#[derive(Debug)]
pub(super) struct Blow {
    /// When recovery could begin, by the database's clock.
    pub(super) at: Timestamp,
    /// The attempts that were under way.
    pub(super) hit: Vec<Held>,
}
