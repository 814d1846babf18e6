#![doc = include_str!("../README.md")]

mod command;
mod fail;
mod http;
mod noop;
mod sleep;
mod trigger;

use tidemill_task::Registry;

/// All kinds of task: one line for each.
pub fn registry() -> Registry {
    Registry::new()
        .with::<command::Command>()
        .with::<fail::Fail>()
        .with::<http::Http>()
        .with::<noop::Noop>()
        .with::<sleep::Sleep>()
        .with::<trigger::Trigger>()
}
