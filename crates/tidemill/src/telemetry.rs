//! Logs: on standard error, as text or JSON, one span for each unit of work.

use anyhow::Context;
use tracing_subscriber::EnvFilter;

use crate::cli::Global;
use crate::config::{LogFormat, Logging};
use crate::exit::{Exit, Failure};

/// Starts the log of this process.
pub(crate) fn start(logging: &Logging, global: &Global) -> Result<(), Failure> {
    let level = match (global.quiet, global.verbose) {
        (true, _) => "error",
        (false, 0) => &logging.level,
        (false, 1) => "info",
        (false, 2) => {
            "info,tidemill=debug,tidemill_scheduler=debug,tidemill_store=debug,tidemill_task=debug,tidemill_kinds=debug"
        }
        (false, _) => "trace",
    };
    let filter = EnvFilter::try_new(level).with_context(|| format!("read the log level `{level}`"));
    let filter = filter.map_err(|error| {
        let hint = "write error, warn, info, debug or trace, or a filter such as `info,tidemill_store=debug`".to_owned();
        Failure::new(Exit::InvalidConfig, error).hint(hint)
    })?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match logging.format {
        LogFormat::Text => builder.with_target(false).init(),
        LogFormat::Json => builder.json().flatten_event(true).init(),
    }
    Ok(())
}
