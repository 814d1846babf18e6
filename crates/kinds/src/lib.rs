#![doc = include_str!("../README.md")]

mod command;
mod fail;
mod http;
mod ingest;
mod noop;
mod sleep;
mod sql;
pub mod tables;
mod trigger;
mod validate;

use tidemill_task::Registry;

/// All kinds of task: one line for each.
pub fn registry() -> Registry {
    Registry::new()
        .with::<command::Command>()
        .with::<fail::Fail>()
        .with::<http::Http>()
        .with::<ingest::Ingest>()
        .with::<noop::Noop>()
        .with::<sleep::Sleep>()
        .with::<sql::Sql>()
        .with::<trigger::Trigger>()
        .with::<validate::Validate>()
}
