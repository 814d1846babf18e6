//! The program that is measured as a whole.

use std::env;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, ensure};

/// Builds an optimised binary, and says where it is.
///
/// For benchmarks that cargo runs: the binary lies above their own.
pub fn release_binary(name: &str) -> Result<PathBuf> {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(["build", "--release", "--package", name]);
    // What cargo tells the benchmark of its own package would make build scripts run again, and half the tree compile anew.
    let is_of_a_package =
        |name: &str| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_");
    for (name, _) in env::vars_os() {
        if name.to_str().is_some_and(is_of_a_package) {
            command.env_remove(name);
        }
    }
    let status = command.status().context("run cargo")?;
    ensure!(status.success(), "the release build failed");
    let ourselves = env::current_exe().context("find the benchmark's own binary")?;
    // `<target>/release/deps/<benchmark>`
    let folder = ourselves.ancestors().nth(2).context("the benchmark lies in cargo's folders")?;
    let binary = folder.join(name);
    ensure!(binary.is_file(), "`{}` is not there", binary.display());
    Ok(binary)
}
