//! Signals: the first asks to drain, the second to stop at once.

use anyhow::Context;
use tidemill_scheduler::Shutdown;
use tokio::signal::unix::{SignalKind, signal};

use crate::exit::Failure;

/// From now on SIGTERM and SIGINT ask to stop: the first lets the work go on for its grace, the second does not.
pub(crate) fn stop_on_signals(shutdown: &Shutdown) -> Result<(), Failure> {
    let mut terminate = signal(SignalKind::terminate()).context("listen for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("listen for SIGINT")?;
    let shutdown = shutdown.clone();
    tokio::spawn(async move {
        for stop in [&shutdown.drain, &shutdown.at_once] {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            stop.cancel();
        }
    });
    Ok(())
}
