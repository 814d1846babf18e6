//! cmake, which the learners' libraries need newer than Debian 12 has it.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::symlink;

use anyhow::{Context, Result};

use crate::process;
use crate::workspace::Workspace;

/// What the Python package index is asked for.
pub(super) const WHEEL: &str = "cmake==3.31.*";

/// The oldest release that the build of every learner accepts.
const OLDEST: (u32, u32) = (3, 28);

/// Whether cmake is there and new enough.
pub(super) fn check(workspace: &Workspace) -> Result<(), String> {
    let found = process::answer(process::command(workspace, "cmake").arg("--version"));
    is_new_enough(found.as_deref())
}

/// Installs the wheel into a private environment, and links the program to our tools.
pub(super) fn install(workspace: &Workspace) -> Result<()> {
    let tools = workspace.tools();
    let environment = tools.join("python");
    let mut venv = process::command(workspace, "python3");
    // Made anew: an earlier attempt may have been interrupted.
    process::run(venv.args(["-m", "venv", "--clear"]).arg(&environment))?;
    let mut pip = process::command(workspace, environment.join("bin/pip"));
    process::run(pip.args(["install", "--quiet", "--disable-pip-version-check", WHEEL]))?;

    let link = tools.join("bin/cmake");
    fs::create_dir_all(tools.join("bin")).context("make a folder for tools")?;
    match fs::remove_file(&link) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            return Err(error).with_context(|| format!("remove {}", link.display()));
        }
        Ok(()) | Err(_) => {}
    }
    symlink(environment.join("bin/cmake"), &link)
        .with_context(|| format!("link {}", link.display()))
}

fn is_new_enough(answer: Option<&str>) -> Result<(), String> {
    let Some(answer) = answer else { return Err("not found".into()) };
    let (major, minor) = OLDEST;
    match parse_version(answer) {
        Some(version) if version >= OLDEST => Ok(()),
        Some((found, below)) => Err(format!("{found}.{below} is older than {major}.{minor}")),
        None => Err("its version cannot be read".into()),
    }
}

/// Reads `cmake version 3.25.1`.
fn parse_version(answer: &str) -> Option<(u32, u32)> {
    let version = answer.lines().next()?.strip_prefix("cmake version ")?;
    let mut numbers = version.split(['.', '-']);
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debian_12_is_too_old_and_later_releases_are_not() {
        let debian = "cmake version 3.25.1\n\nCMake suite maintained and supported by Kitware\n";

        assert_eq!(is_new_enough(Some(debian)), Err("3.25 is older than 3.28".into()));
        assert_eq!(is_new_enough(Some("cmake version 3.28.0-rc1\n")), Ok(()));
        assert_eq!(is_new_enough(Some("cmake version 4.1.0\n")), Ok(()));
    }

    #[test]
    fn missing_or_strange_cmake_is_not_taken() {
        assert_eq!(is_new_enough(None), Err("not found".into()));
        assert_eq!(is_new_enough(Some("3.30")), Err("its version cannot be read".into()));
    }
}
