//! `cargo xtask demo`: the product's main job, from nothing.

use anyhow::Result;

use crate::workspace::Workspace;
use crate::{process, setup};

/// Builds and runs `tidemill demo`, which prints where to look.
pub(crate) fn run(workspace: &Workspace, arguments: &[String]) -> Result<()> {
    setup::ensure(workspace, setup::Scope::Build)?;
    // The whole workspace: cargo chooses the features of dependencies by what is built together,
    // so that building `tidemill` alone would compile some of them again for the tests.
    process::run(&mut process::cargo(workspace, &["build", "--workspace"]))?;
    let binary = workspace.target.join("debug").join("tidemill");
    process::run(process::command(workspace, binary).arg("demo").args(arguments))
}
