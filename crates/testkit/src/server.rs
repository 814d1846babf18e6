//! The server that test databases live in: a given one, or a shared private cluster.

use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use anyhow::Context;
use sqlx::postgres::PgConnectOptions;
use tidemill_postgres::{Cluster, Options};

/// The superuser's URL of the database `postgres` of a server for tests.
const URL_VARIABLE: &str = "TIDEMILL_TEST_DATABASE_URL";

/// A server, held until the last database of this process is dropped.
#[derive(Clone, Debug)]
pub(crate) struct Server {
    pub(crate) options: PgConnectOptions,
    _cluster: Option<Arc<Cluster>>,
}

impl Server {
    /// The server that the environment names, or else a cluster below the target folder that all test processes share.
    pub(crate) fn find() -> anyhow::Result<Self> {
        if let Some(url) = variable(URL_VARIABLE) {
            let options =
                PgConnectOptions::from_str(&url).with_context(|| format!("read {URL_VARIABLE}"))?;
            return Ok(Self { options, _cluster: None });
        }
        // Starting a cluster blocks for a moment; the runtime of a test has nothing else to do.
        let cluster = shared_cluster()?;
        let options = PgConnectOptions::from_str(&cluster.url_of("postgres"))
            .context("read the cluster's URL")?;
        Ok(Self { options, _cluster: Some(cluster) })
    }
}

fn shared_cluster() -> anyhow::Result<Arc<Cluster>> {
    static SHARED: Mutex<Weak<Cluster>> = Mutex::new(Weak::new());
    let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(cluster) = shared.upgrade() {
        return Ok(cluster);
    }
    let folder = target_folder()?.join("tidemill-test-pg");
    let cluster =
        Arc::new(Cluster::start(&Options::for_tests(folder)).context("start a cluster for tests")?);
    *shared = Arc::downgrade(&cluster);
    Ok(cluster)
}

/// The folder that cargo builds into: the nearest one above this test that holds what cargo knows of the compiler.
fn target_folder() -> anyhow::Result<PathBuf> {
    let program = std::env::current_exe().context("find this test's own file")?;
    let found = program.ancestors().find(|folder| folder.join(".rustc_info.json").is_file());
    found.map(Path::to_owned).context("find cargo's target folder above this test")
}

fn variable(name: &str) -> Option<String> {
    #[expect(
        clippy::disallowed_methods,
        reason = "tests have no configuration but the environment"
    )]
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
