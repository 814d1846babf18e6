//! `tidemill scheduler`: makes runs of ticks and backfills, until it is told to stop.

mod source;

use std::sync::Arc;
use std::time::Duration;

use tidemill_dag::time::Lapse;
use tidemill_scheduler::{
    Housekeeping, LeaderOptions, Scheduler, SchedulerOptions, Shutdown, Sinks,
};
use tidemill_store::Store;

use self::source::FolderSource;
use super::dag::{catalog, repository};
use super::work::{artifact_store, stop_on_signals};
use crate::App;
use crate::database::{Database, Version, block_on};
use crate::exit::Failure;

/// How long a scheduler rests between two statements about objects: less than one statement a second.
const PAUSE: Duration = Duration::from_secs(2);

/// Runs a scheduler until it is told to stop.
pub(crate) fn run(app: &App<'_>, name: Option<String>, lease: Lapse) -> Result<(), Failure> {
    block_on(async {
        let database = Database::open(app, Version::Current).await?;
        let shutdown = Shutdown::default();
        stop_on_signals(&shutdown)?;
        if app.config.retention.enabled {
            artifact_store(app)?.probe().await?;
        }
        let name = name.unwrap_or_else(default_name);
        let scheduler = scheduler(app, &database.store, name.clone(), lease)?;
        app.output.say(&format!("scheduler `{name}` is ready"));
        tokio::select! {
            () = scheduler.run(shutdown.drain) => {}
            () = shutdown.at_once.cancelled() => {}
        }
        Ok(())
    })
}

/// A scheduler of the configured repository, for whoever hosts it; `lease` is that of the workers.
pub(crate) fn scheduler(
    app: &App<'_>,
    store: &Store,
    name: String,
    lease: Lapse,
) -> Result<Scheduler, Failure> {
    let source = FolderSource::new(repository(app)?, catalog(app));
    let housekeeping = if app.config.retention.enabled {
        Some(housekeeping(app, store)?.with_pause(PAUSE))
    } else {
        None
    };
    let options =
        SchedulerOptions { name, leader: LeaderOptions::for_leases_of(lease), housekeeping };
    Ok(Scheduler::new(store.clone(), Arc::new(source), Sinks::default(), options))
}

/// Housekeeping as it is configured.
pub(crate) fn housekeeping(app: &App<'_>, store: &Store) -> Result<Housekeeping, Failure> {
    let artifacts = artifact_store(app)?;
    Ok(Housekeeping::new(store.clone(), artifacts, app.config.retention.limits()))
}

/// What people know this scheduler by, unless they say.
pub(crate) fn default_name() -> String {
    format!("scheduler-{}", std::process::id())
}
