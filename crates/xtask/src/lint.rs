//! `cargo xtask lint`: the format, clippy and the documentation.

use anyhow::Result;

use crate::process;
use crate::workspace::Workspace;

/// Runs all three; the first that fails ends it.
pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    process::run(&mut process::cargo(workspace, &["fmt", "--all", "--check"]))?;
    let clippy = ["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"];
    process::run(&mut process::cargo(workspace, &clippy))?;
    let doc = ["doc", "--workspace", "--no-deps", "--document-private-items"];
    process::run(process::cargo(workspace, &doc).env("RUSTDOCFLAGS", "-D warnings"))
}
