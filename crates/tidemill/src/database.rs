//! The database that is configured: somebody's server, or a private cluster of our own.

use std::path::PathBuf;

use anyhow::Context;
use tidemill_postgres::{Cluster, ClusterError, Options};
use tidemill_store::{Store, StoreOptions};

use crate::App;
use crate::exit::{Exit, Failure};

/// An open store, and the private cluster under it, which stops when this is dropped.
#[derive(Debug)]
pub(crate) struct Database {
    /// The store.
    pub store: Store,
    /// How it was reached, for connections beside its own.
    pub options: StoreOptions,
    cluster: Option<Cluster>,
}

/// Whether the database must be at this program's version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Version {
    /// It is brought there if it is private, and refused otherwise.
    Current,
    /// It is taken as it is.
    Any,
}

impl Database {
    /// Opens the configured database; a private cluster is made and started first.
    pub(crate) async fn open(app: &App<'_>, version: Version) -> Result<Self, Failure> {
        let (url, cluster) = if app.config.database.url.is_empty() {
            let cluster = start_private(app)?;
            (cluster.url(), Some(cluster))
        } else {
            (app.config.database.url.reveal().to_owned(), None)
        };
        let mut options = StoreOptions::new(url).with_connections(app.config.database.connections);
        if !app.config.database.schema.is_empty() {
            options = options.in_schema(&app.config.database.schema);
        }
        let store = Store::connect(options.clone()).await?;
        let database = Self { store, options, cluster };
        if version == Version::Current {
            database.bring_up(app).await?;
        }
        Ok(database)
    }

    /// Opens the configured database, unless that is a private one that nothing was ever kept in.
    pub(crate) async fn open_existing(app: &App<'_>) -> Result<Option<Self>, Failure> {
        if app.config.database.url.is_empty() && !has_private(app) {
            return Ok(None);
        }
        Self::open(app, Version::Current).await.map(Some)
    }

    /// Brings a private database to this program's version; refuses another one that is not there.
    async fn bring_up(&self, app: &App<'_>) -> Result<(), Failure> {
        if self.cluster.is_some() {
            self.store.migrate().await?;
        } else {
            self.store.check_current().await?;
        }
        put_pools(app, &self.store).await
    }

    /// Whether the server is tidemill's own.
    pub(crate) const fn is_private(&self) -> bool {
        self.cluster.is_some()
    }

    /// Makes the private server quit at once and start again, unless others use it. Nothing happens to somebody else's.
    pub(crate) fn restart_abruptly(&mut self) -> Result<(), ClusterError> {
        self.cluster.as_mut().map_or(Ok(()), Cluster::restart_abruptly)
    }

    /// The folder of the private cluster's files; somebody's server keeps its own.
    pub(crate) fn folder(&self) -> Option<PathBuf> {
        self.cluster.as_ref().map(Cluster::data)
    }
}

/// The connections are closed before a private server stops, which would else be told as an error of theirs.
impl Drop for Database {
    fn drop(&mut self) {
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            tokio::task::block_in_place(|| runtime.block_on(self.store.close()));
        }
    }
}

/// Whether the private cluster was made before.
fn has_private(app: &App<'_>) -> bool {
    let folder = app.config.state_folder("pg");
    folder.join("location").exists() || folder.join("data").exists()
}

fn start_private(app: &App<'_>) -> Result<Cluster, Failure> {
    let folder = app.config.state_folder("pg");
    std::fs::create_dir_all(&folder)
        .with_context(|| format!("make the folder `{}`", folder.display()))
        .map_err(|error| Failure::new(Exit::DatabaseUnreachable, error))?;
    if !has_private(app) {
        app.output.say("making a private database (once) ...");
    }
    Ok(Cluster::start(&Options::new(folder))?)
}

/// The configuration is the truth about pools: the rows follow it.
async fn put_pools(app: &App<'_>, store: &Store) -> Result<(), Failure> {
    for (name, pool) in &app.config.pools {
        store.put_pool_of(name, pool.slots, pool.memory_per_slot, "").await?;
    }
    Ok(())
}

/// Runs async work on a runtime of its own.
pub(crate) fn block_on<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    runtime.context("start the async runtime")?.block_on(work)
}
