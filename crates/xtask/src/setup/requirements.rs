//! The table of what this workspace needs from a machine.

use std::fmt;

use tidemill_postgres::OLDEST_MAJOR;

use super::{cmake, probe};
use crate::workspace::Workspace;

/// How much of the work must be possible; each includes those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Scope {
    /// Build and run the product.
    Build,
    /// Run the tests.
    Tests,
    /// Run every check of a change.
    Checks,
}

/// One thing that a machine must have.
pub(super) struct Requirement {
    pub(super) name: &'static str,
    pub(super) scope: Scope,
    /// Says what was found instead, when it is not met.
    pub(super) check: fn(&Workspace) -> Result<(), String>,
    pub(super) remedy: Remedy,
}

/// How a missing requirement is met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Remedy {
    /// Packages of Debian and its relatives.
    Packages(&'static [&'static str]),
    /// The wheel from the Python package index: Debian 12 has cmake 3.25.
    CmakeWheel,
    /// `cargo install`.
    Nextest,
    /// `rustup component add`.
    Components,
}

impl fmt::Display for Remedy {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Packages(packages) => write!(formatter, "install {}", packages.join(", ")),
            Self::CmakeWheel => write!(formatter, "install {} from PyPI", cmake::WHEEL),
            Self::Nextest => write!(formatter, "install {} with cargo", super::NEXTEST),
            Self::Components => write!(formatter, "add them with rustup"),
        }
    }
}

pub(super) const REQUIREMENTS: &[Requirement] = &[
    Requirement {
        name: "C and C++ tool chain",
        scope: Scope::Build,
        check: |workspace| probe::programs(workspace, &["cc", "c++", "make"]),
        remedy: Remedy::Packages(&["build-essential"]),
    },
    Requirement {
        name: "ninja",
        scope: Scope::Build,
        check: |workspace| probe::programs(workspace, &["ninja"]),
        remedy: Remedy::Packages(&["ninja-build"]),
    },
    Requirement {
        name: "libclang",
        scope: Scope::Build,
        check: probe::libclang,
        remedy: Remedy::Packages(&["libclang-dev"]),
    },
    Requirement {
        name: "cmake",
        scope: Scope::Build,
        check: cmake::check,
        remedy: Remedy::CmakeWheel,
    },
    Requirement {
        name: "PostgreSQL server",
        scope: Scope::Build,
        check: |_| {
            let installations = tidemill_postgres::find_installations();
            let majors: Vec<u32> = installations.iter().map(|found| found.major).collect();
            postgres_is_new_enough(&majors)
        },
        remedy: Remedy::Packages(&["postgresql"]),
    },
    Requirement {
        name: "cargo-nextest",
        scope: Scope::Tests,
        check: |workspace| probe::cargo_command(workspace, "nextest"),
        remedy: Remedy::Nextest,
    },
    Requirement {
        name: "rustfmt and clippy",
        scope: Scope::Checks,
        check: |workspace| {
            probe::cargo_command(workspace, "fmt")?;
            probe::cargo_command(workspace, "clippy")
        },
        remedy: Remedy::Components,
    },
];

/// The packages of all remedies, each once. The wheel needs Python with its `venv` module.
pub(super) fn packages_for(remedies: &[Remedy], python_has_venv: bool) -> Vec<&'static str> {
    let mut packages: Vec<&str> = Vec::new();
    for remedy in remedies {
        match remedy {
            Remedy::Packages(named) => packages.extend(*named),
            Remedy::CmakeWheel if !python_has_venv => packages.push("python3-venv"),
            Remedy::CmakeWheel | Remedy::Nextest | Remedy::Components => {}
        }
    }
    packages
}

fn postgres_is_new_enough(majors: &[u32]) -> Result<(), String> {
    match majors.iter().max() {
        Some(&newest) if newest >= OLDEST_MAJOR => Ok(()),
        Some(newest) => Err(format!("{newest} is older than {OLDEST_MAJOR}")),
        None => Err("not found".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_of_all_remedies_are_installed_together() {
        let remedies = [
            Remedy::Packages(&["ninja-build"]),
            Remedy::CmakeWheel,
            Remedy::Packages(&["postgresql"]),
        ];

        assert_eq!(packages_for(&remedies, true), ["ninja-build", "postgresql"]);
        assert_eq!(packages_for(&remedies, false), ["ninja-build", "python3-venv", "postgresql"]);
        assert!(packages_for(&[Remedy::Nextest, Remedy::Components], false).is_empty());
    }

    #[test]
    fn newest_postgres_decides() {
        assert_eq!(postgres_is_new_enough(&[13, 17]), Ok(()));
        assert_eq!(postgres_is_new_enough(&[13]), Err("13 is older than 15".into()));
        assert_eq!(postgres_is_new_enough(&[]), Err("not found".into()));
    }

    #[test]
    fn demo_needs_less_than_the_tests_and_they_less_than_the_checks() {
        let needed_for = |scope| REQUIREMENTS.iter().filter(|it| it.scope <= scope).count();

        assert!(needed_for(Scope::Build) < needed_for(Scope::Tests));
        assert!(needed_for(Scope::Tests) < needed_for(Scope::Checks));
        assert_eq!(needed_for(Scope::Checks), REQUIREMENTS.len());
    }
}
