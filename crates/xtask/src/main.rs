#![doc = include_str!("../README.md")]
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a tool talks to who runs it")]

mod bench;
mod ci;
mod commands;
mod demo;
mod edges;
mod generated;
mod interrupt;
mod lint;
mod process;
mod setup;
mod snapshots;
mod summary;
mod test;
mod workspace;

use std::env;
use std::process::ExitCode;

use commands::Usage;

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let Err(error) = interrupt::begin().and_then(|()| commands::run(&arguments)) else {
        return ExitCode::SUCCESS;
    };
    eprintln!("error: {error:#}");
    if error.is::<Usage>() { ExitCode::from(2) } else { ExitCode::FAILURE }
}
