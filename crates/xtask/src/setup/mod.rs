//! `cargo xtask setup`: what building and testing need, found or installed.

mod cmake;
mod packages;
mod probe;
mod requirements;

use std::fs;

use anyhow::{Context, Result, bail};

use crate::process;
use crate::workspace::Workspace;

pub(crate) use requirements::Scope;
use requirements::{REQUIREMENTS, Remedy, Requirement};

/// The release of nextest that is installed where there is none; one that is there may be newer.
const NEXTEST: &str = "cargo-nextest@0.9.143";

/// A requirement that is not met, and what was found instead.
type Missing = (&'static Requirement, String);

/// Checks all that `scope` needs, and installs what is missing.
///
/// It may run any number of times; when nothing is missing it only says so.
pub(crate) fn ensure(workspace: &Workspace, scope: Scope) -> Result<()> {
    let required: Vec<&Requirement> =
        REQUIREMENTS.iter().filter(|requirement| requirement.scope <= scope).collect();
    let missing = missing_of(workspace, &required);
    if missing.is_empty() {
        eprintln!("set-up: nothing missing ({} checked)", required.len());
        return Ok(());
    }
    for (requirement, found) in &missing {
        eprintln!("set-up: {}: {found}; will {}", requirement.name, requirement.remedy);
    }
    install(workspace, &missing)?;

    let still_missing = missing_of(workspace, &required);
    if !still_missing.is_empty() {
        let names: Vec<String> = still_missing
            .iter()
            .map(|(requirement, found)| format!("{} ({found})", requirement.name))
            .collect();
        bail!("set up this machine: still missing are {}", names.join(", "));
    }
    eprintln!("set-up: {} installed ({} checked)", missing.len(), required.len());
    Ok(())
}

fn missing_of(workspace: &Workspace, required: &[&'static Requirement]) -> Vec<Missing> {
    let mut missing = Vec::new();
    for requirement in required {
        if let Err(found) = (requirement.check)(workspace) {
            missing.push((*requirement, found));
        }
    }
    missing
}

fn install(workspace: &Workspace, missing: &[Missing]) -> Result<()> {
    let remedies: Vec<Remedy> = missing.iter().map(|(requirement, _)| requirement.remedy).collect();
    let has_venv = probe::python_has_venv(workspace);
    packages::install(workspace, &requirements::packages_for(&remedies, has_venv))?;
    for remedy in remedies {
        match remedy {
            Remedy::Packages(_) => {}
            Remedy::Components => {
                let components = ["component", "add", "rustfmt", "clippy"];
                process::run(process::command(workspace, "rustup").args(components))?;
            }
            Remedy::CmakeWheel => cmake::install(workspace)?,
            Remedy::Nextest => install_nextest(workspace)?,
        }
    }
    Ok(())
}

/// Unoptimised and without debug information, which halves the time that it takes and costs the
/// tests nothing that one could notice.
fn install_nextest(workspace: &Workspace) -> Result<()> {
    // In a folder of its own: our profiles and lock file are not those of nextest.
    let build = workspace.tools().join("nextest-build");
    let mut install = process::cargo(workspace, &["install", NEXTEST, "--locked", "--debug"]);
    install.env("CARGO_PROFILE_DEV_DEBUG", "0");
    install.arg("--root").arg(workspace.tools()).arg("--target-dir").arg(&build);
    process::run(&mut install)?;
    fs::remove_dir_all(&build).with_context(|| format!("remove {}", build.display()))
}
