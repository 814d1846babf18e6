//! `tidemill up`: all roles in one process tree.

use tidemill_scheduler::Shutdown;

use super::scheduler::{default_name, scheduler};
use super::work::{WorkerParts, stop_on_signals};
use crate::App;
use crate::cli::WorkArguments;
use crate::database::{Database, Version, block_on};
use crate::exit::Failure;

/// Runs a worker, and a scheduler that makes runs, until it is told to stop.
pub(crate) fn run(app: &App<'_>, arguments: &WorkArguments) -> Result<(), Failure> {
    block_on(async {
        let database = Database::open(app, Version::Current).await?;
        let shutdown = Shutdown::default();
        stop_on_signals(&shutdown)?;
        let scheduler = scheduler(app, &database.store, default_name(), arguments.lease)?;
        let worker = WorkerParts::of(app, arguments)?.start(&database).await?;
        app.output.say("tidemill is up; stop it with Ctrl-C");
        let work = async {
            let ended = worker.run(shutdown.clone()).await;
            // One role does not outlive the other.
            shutdown.drain.cancel();
            ended
        };
        let schedule = async {
            tokio::select! {
                () = scheduler.run(shutdown.drain.clone()) => {}
                () = shutdown.at_once.cancelled() => {}
            }
        };
        let (ended, ()) = tokio::join!(work, schedule);
        Ok(ended.map_err(anyhow::Error::new)?)
    })
}
