//! `tidemill attempt`: the process of one attempt, which a worker starts.

use anyhow::Context;
use tidemill_task::attend;

use super::work::services;
use crate::App;
use crate::exit::Failure;

/// Runs the attempt that a worker sends on standard input.
pub(crate) fn run(app: &App<'_>) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.context("start the async runtime")?;
    let services = services(app)?;
    let registry = tidemill_kinds::registry();
    let attended = runtime.block_on(attend(&registry, services));
    // What still computes was told to stop, and is not waited for: the process ends now.
    runtime.shutdown_background();
    Ok(attended.map_err(anyhow::Error::new)?)
}
