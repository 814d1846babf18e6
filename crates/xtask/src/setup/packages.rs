//! Packages of the operating system.

use std::io::IsTerminal;
use std::process::Command;

use anyhow::{Result, bail};

use crate::process;
use crate::workspace::Workspace;

/// Who may install packages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Right {
    Root,
    /// Without being asked for a password.
    Sudo,
    /// `sudo` will ask for one on the terminal.
    SudoAsks,
    Nobody,
}

/// Installs packages with apt, or says exactly which ones a person has to install.
pub(super) fn install(workspace: &Workspace, packages: &[&str]) -> Result<()> {
    if packages.is_empty() {
        return Ok(());
    }
    let line = format!("apt-get install -y --no-install-recommends {}", packages.join(" "));
    if workspace.which("apt-get").is_none() {
        bail!(
            "install packages: there is no apt-get here. Install with your own package manager \
             what Debian calls {}",
            packages.join(", ")
        );
    }
    let right = right_to_install(workspace);
    if right == Right::Nobody {
        bail!("install packages: this needs root. Run as root:\n    {line}");
    }
    // Lists that were never fetched, or are old, name packages that are not there.
    process::run(&mut apt_get(workspace, right, &["update", "-qq"]))?;
    let install = ["install", "-y", "--no-install-recommends", "-qq"];
    process::run(apt_get(workspace, right, &install).args(packages))
}

fn right_to_install(workspace: &Workspace) -> Right {
    let is_root = process::answer(process::command(workspace, "id").arg("-u"));
    if is_root.is_some_and(|uid| uid.trim() == "0") {
        return Right::Root;
    }
    if workspace.which("sudo").is_none() {
        return Right::Nobody;
    }
    let asks_nothing = process::answer(process::command(workspace, "sudo").args(["-n", "true"]));
    match (asks_nothing, std::io::stdin().is_terminal()) {
        (Some(_), _) => Right::Sudo,
        (None, true) => Right::SudoAsks,
        (None, false) => Right::Nobody,
    }
}

fn apt_get(workspace: &Workspace, right: Right, arguments: &[&str]) -> Command {
    let prefix: &[&str] = match right {
        Right::Root | Right::Nobody => &[],
        Right::Sudo => &["sudo", "-n"],
        Right::SudoAsks => &["sudo"],
    };
    // Through `env`, because sudo does not pass our environment on.
    let words = [prefix, &["env", "DEBIAN_FRONTEND=noninteractive", "apt-get"], arguments].concat();
    let mut command = process::command(workspace, words[0]);
    command.args(&words[1..]);
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sudo_is_used_only_by_those_who_are_not_root() {
        let workspace = Workspace { root: "/".into(), target: "/target".into() };

        let root = apt_get(&workspace, Right::Root, &["update"]);
        let user = apt_get(&workspace, Right::Sudo, &["update"]);

        let line = "env DEBIAN_FRONTEND=noninteractive apt-get update";
        assert_eq!(process::words(&root), line);
        assert_eq!(process::words(&user), format!("sudo -n {line}"));
    }
}
