//! `tidemill work`: one worker, until it is told to stop.

mod parts;
mod signals;

use std::time::Duration;

use tidemill_dag::names::PoolName;
use tidemill_dag::time::Lapse;
use tidemill_scheduler::{Shutdown, Timing};

pub(crate) use parts::{WorkerParts, artifact_store, services, template_environment};
pub(crate) use signals::stop_on_signals;

use crate::App;
use crate::cli::WorkArguments;
use crate::database::{Database, Version, block_on};
use crate::exit::{Exit, Failure};

/// Runs a worker until it is told to stop.
pub(crate) fn run(app: &App<'_>, arguments: &WorkArguments) -> Result<(), Failure> {
    block_on(async {
        let database = Database::open(app, Version::Current).await?;
        let shutdown = Shutdown::default();
        stop_on_signals(&shutdown)?;
        let parts = WorkerParts::of(app, arguments)?;
        let worker = parts.start(&database).await?;
        app.output.say(&format!("worker `{}` is ready ({})", arguments.name(), worker.id()));
        worker.run(shutdown).await.map_err(|error| anyhow::Error::new(error).into())
    })
}

impl WorkArguments {
    /// What people know the worker by.
    pub(crate) fn name(&self) -> String {
        self.name.clone().unwrap_or_else(|| format!("worker-{}", std::process::id()))
    }

    /// The pools to take from, which must be configured.
    pub(crate) fn pools(&self, app: &App<'_>) -> Result<Vec<PoolName>, Failure> {
        let configured = &app.config.pools;
        if self.pools.is_empty() {
            return Ok(configured.keys().cloned().collect());
        }
        let known = |pool: &PoolName| configured.contains_key(pool);
        if let Some(unknown) = self.pools.iter().find(|pool| !known(pool)) {
            let names: Vec<String> = configured.keys().map(|name| format!("`{name}`")).collect();
            return Err(Failure::new(Exit::Usage, anyhow::anyhow!("there is no pool `{unknown}`"))
                .hint(format!("the configured pools are {}", names.join(", "))));
        }
        Ok(self.pools.clone())
    }

    /// How patient the worker is: a shorter lease shortens what must fit into it.
    pub(crate) fn timing(&self) -> Timing {
        let lease = self.lease;
        let idle_poll = Timing::default().idle_poll;
        Timing {
            lease,
            heartbeat: lease.0 / 6,
            margin: lease.0 / 12,
            grace: self.grace.0,
            idle_poll: idle_poll.min(lease.0 / 2),
            ..Timing::default()
        }
    }
}

impl Default for WorkArguments {
    /// As the command line has it.
    fn default() -> Self {
        Self {
            pools: Vec::new(),
            slots: None,
            grace: Lapse::seconds(30),
            name: None,
            lease: Timing::default().lease,
        }
    }
}

/// No grace: who stops a command by hand wants it to end.
pub(crate) const NO_GRACE: Lapse = Lapse(Duration::ZERO);
