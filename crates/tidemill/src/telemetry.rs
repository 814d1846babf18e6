//! Logs: on standard error, as text or JSON, one span for each unit of work.

use anyhow::Context;
use tracing_subscriber::EnvFilter;

use crate::cli::Global;
use crate::config::{LogFormat, Logging};
use crate::exit::{Exit, Failure};
use crate::output;

const HINT: &str =
    "write error, warn, info, debug or trace, or a filter such as `info,tidemill_store=debug`";

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
    let is_level = ["off", "error", "warn", "info", "debug", "trace"].contains(&level);
    if !is_level && !level.contains('=') {
        // The filter would take it for the name of a module, and log nothing.
        let error = anyhow::anyhow!("read the log level `{level}`");
        return Err(Failure::new(Exit::InvalidConfig, error).hint(HINT.to_owned()));
    }
    let filter = EnvFilter::try_new(level).with_context(|| format!("read the log level `{level}`"));
    let filter =
        filter.map_err(|error| Failure::new(Exit::InvalidConfig, error).hint(HINT.to_owned()))?;
    // Notices of the database about tables that are there already are of no use to anybody, and a connection that turns out to be
    // gone is replaced by another one.
    let mut filter = filter;
    for quiet in ["sqlx::postgres::notice=error", "sqlx_core::pool::connection=error"] {
        filter = filter.add_directive(quiet.parse().context("silence the driver")?);
    }
    let in_colour = output::in_colour();
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let builder = builder.with_ansi(in_colour).log_internal_errors(false);
    match logging.format {
        LogFormat::Text => builder.with_target(false).init(),
        LogFormat::Json => builder.json().flatten_event(true).init(),
    }
    Ok(())
}
