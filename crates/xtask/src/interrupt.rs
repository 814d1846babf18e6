//! Ctrl-C: the children end by it, and then we clean up and end.

use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, Result, bail};
use signal_hook::consts::SIGINT;
use signal_hook::flag;

static INTERRUPTED: OnceLock<Arc<AtomicBool>> = OnceLock::new();

/// What a shell makes of a program that ended by SIGINT.
const EXIT_CODE: i32 = 130;

/// From now on the first Ctrl-C only raises a flag, and the second one ends us.
pub(crate) fn begin() -> Result<()> {
    let raised = INTERRUPTED.get_or_init(Arc::default);
    flag::register_conditional_shutdown(SIGINT, EXIT_CODE, Arc::clone(raised))
        .and_then(|_| flag::register(SIGINT, Arc::clone(raised)))
        .context("listen for Ctrl-C")?;
    Ok(())
}

/// Fails when Ctrl-C was pressed.
pub(crate) fn check() -> Result<()> {
    if INTERRUPTED.get().is_some_and(|raised| raised.load(Ordering::Relaxed)) {
        bail!("interrupted");
    }
    Ok(())
}
