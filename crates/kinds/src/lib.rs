#![doc = include_str!("../README.md")]

mod command;
mod fail;
mod noop;
mod sleep;

use tidemill_task::Registry;

/// All kinds of task: one line for each.
pub fn registry() -> Registry {
    Registry::new()
        .with::<command::Command>()
        .with::<fail::Fail>()
        .with::<noop::Noop>()
        .with::<sleep::Sleep>()
}
