//! `cargo xtask edges`: the crate map, without the other tests.

use anyhow::Result;

use crate::workspace::Workspace;
use crate::{process, setup};

/// Runs the test that compares the dependencies with the map.
pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    setup::ensure(workspace, setup::Scope::Tests)?;
    let test = ["nextest", "run", "-p", "tidemill-tests", "--test", "architecture"];
    process::run(&mut process::cargo(workspace, &test))
}
