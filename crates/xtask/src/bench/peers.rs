//! Private environments of the programs that we are measured against.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::interrupt;
use crate::process;
use crate::workspace::Workspace;

/// The list of packages that was installed, inside the environment: what it says is there, is there.
const INSTALLED: &str = "installed.txt";

/// Makes what is missing or stale; gives the folder with an environment for each peer.
///
/// A peer that cannot be installed is told, and has no environment: the benchmark says so in its place.
pub(crate) fn ensure(workspace: &Workspace) -> Result<PathBuf> {
    let environments = workspace.target.join("peers");
    for (name, list) in lists(&workspace.root)? {
        let environment = environments.join(&name);
        let pinned = fs::read_to_string(&list)?;
        let installed = fs::read_to_string(environment.join(INSTALLED)).unwrap_or_default();
        if installed == pinned {
            continue;
        }
        if let Err(error) = install(&environment, &list) {
            interrupt::check()?;
            eprintln!("error: {name}: {error:#}");
            remove(&environment)?;
            continue;
        }
        fs::write(environment.join(INSTALLED), pinned)?;
    }
    Ok(environments)
}

/// Each peer with its list of packages, by name.
fn lists(root: &Path) -> Result<Vec<(String, PathBuf)>> {
    let folder = root.join("tests/benches/peers");
    let mut lists = Vec::new();
    let entries = fs::read_dir(&folder).with_context(|| format!("read `{}`", folder.display()))?;
    for entry in entries {
        let entry = entry?;
        let list = entry.path().join("requirements.txt");
        if list.is_file() {
            lists.push((entry.file_name().to_string_lossy().into_owned(), list));
        }
    }
    lists.sort();
    if lists.is_empty() {
        bail!("no peer has a `requirements.txt` in `{}`", folder.display());
    }
    Ok(lists)
}

fn install(environment: &Path, list: &Path) -> Result<()> {
    remove(environment)?;
    process::run(Command::new("python3").args(["-m", "venv"]).arg(environment))?;
    // All that is needed is in the list, so that nothing is chosen anew.
    let quiet = ["-m", "pip", "install", "--quiet", "--no-deps", "--requirement"];
    process::run(Command::new(environment.join("bin/python")).args(quiet).arg(list))
}

fn remove(environment: &Path) -> Result<()> {
    match fs::remove_dir_all(environment) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error)
            .with_context(|| format!("remove the environment `{}`", environment.display())),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_peer_pins_each_package_and_has_a_benchmark() {
        let root = Workspace::find().unwrap().root;

        let lists = lists(&root).unwrap();

        let names: Vec<&str> = lists.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["airflow", "dagster", "frames", "prefect"]);
        for (_, list) in lists {
            assert!(list.with_file_name("bench.py").is_file(), "{}", list.display());
            let text = fs::read_to_string(&list).unwrap();
            let packages = text.lines().filter(|line| !line.starts_with('#'));
            let loose: Vec<&str> = packages.filter(|line| !line.contains("==")).collect();
            assert_eq!(loose, Vec::<&str>::new(), "{}", list.display());
        }
    }
}
