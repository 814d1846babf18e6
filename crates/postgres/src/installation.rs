//! The server's programs on this machine.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::error::ClusterError;
use crate::options::Options;

/// The oldest major version that tidemill's SQL is tested with.
pub const OLDEST_MAJOR: u32 = 15;

/// One installed PostgreSQL server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Installation {
    /// The folder with `postgres` and `initdb`.
    pub programs: PathBuf,
    /// Its major version.
    pub major: u32,
}

/// Finds every installed server, in the order in which they are preferred: `PATH` first, then the
/// places of the packages from the newest to the oldest.
pub fn find_installations() -> Vec<Installation> {
    installations_in(&usual_folders())
}

/// The server for data of version `needed`, or the preferred one for new data.
pub(crate) fn choose(
    options: &Options,
    data: &Path,
    needed: Option<u32>,
) -> Result<Installation, ClusterError> {
    let installations = match &options.program_folders {
        Some(folders) => installations_in(folders),
        None => find_installations(),
    };
    let fits = |found: &&Installation| match needed {
        Some(major) => found.major == major,
        None => found.major >= OLDEST_MAJOR,
    };
    if let Some(found) = installations.iter().find(fits) {
        return Ok(found.clone());
    }
    let found = describe(&installations);
    Err(match needed {
        Some(needed) => ClusterError::WrongVersion { data: data.into(), needed, found },
        None => ClusterError::NoServer { found },
    })
}

fn describe(installations: &[Installation]) -> String {
    if installations.is_empty() {
        return "none".into();
    }
    let words: Vec<String> = installations
        .iter()
        .map(|found| format!("{} in {}", found.major, found.programs.display()))
        .collect();
    words.join(", ")
}

fn installations_in(folders: &[PathBuf]) -> Vec<Installation> {
    let mut found: Vec<Installation> = Vec::new();
    for folder in folders {
        let is_known = found.iter().any(|known| known.programs == *folder);
        if is_known || !folder.join("initdb").is_file() {
            continue;
        }
        if let Some(major) = version_of(&folder.join("postgres")) {
            found.push(Installation { programs: folder.clone(), major });
        }
    }
    found
}

fn usual_folders() -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> =
        env::var_os("PATH").map(|path| env::split_paths(&path).collect()).unwrap_or_default();
    // Debian and Ubuntu; Fedora and Red Hat; Homebrew on both kinds of Mac; Postgres.app.
    folders.extend(versioned_folders("/usr/lib/postgresql", "", "bin"));
    folders.extend(versioned_folders("/usr", "pgsql-", "bin"));
    folders.extend(versioned_folders("/opt/homebrew/opt", "postgresql@", "bin"));
    folders.extend(versioned_folders("/usr/local/opt", "postgresql@", "bin"));
    folders.extend(versioned_folders("/Applications/Postgres.app/Contents/Versions", "", "bin"));
    folders.extend(folder_of_pg_config());
    folders
}

/// The folders `<parent>/<prefix><number>/<below>`, the highest number first.
fn versioned_folders(parent: &str, prefix: &str, below: &str) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(parent) else { return Vec::new() };
    let mut numbered: Vec<(u32, PathBuf)> = Vec::new();
    for entry in entries.flatten() {
        let name = entry.file_name();
        let number = name.to_str().and_then(|name| name.strip_prefix(prefix)?.parse().ok());
        if let Some(number) = number {
            numbered.push((number, entry.path().join(below)));
        }
    }
    numbered.sort_by(|left, right| right.cmp(left));
    numbered.into_iter().map(|(_, folder)| folder).collect()
}

fn folder_of_pg_config() -> Option<PathBuf> {
    let output = Command::new("pg_config").arg("--bindir").output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    Some(PathBuf::from(text.trim())).filter(|folder| folder.is_absolute())
}

fn version_of(postgres: &Path) -> Option<u32> {
    let output = Command::new(postgres).arg("--version").output().ok()?;
    parse_major(&String::from_utf8_lossy(&output.stdout))
}

/// Reads `postgres (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)` or `... 18beta1`.
fn parse_major(text: &str) -> Option<u32> {
    let version = text.split_once("(PostgreSQL) ")?.1;
    let digits = version.split(|sign: char| !sign.is_ascii_digit()).next()?;
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn major_version_is_read_from_releases_and_betas() {
        assert_eq!(parse_major("postgres (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)\n"), Some(15));
        assert_eq!(parse_major("postgres (PostgreSQL) 18beta1\n"), Some(18));
        assert_eq!(parse_major("postgres (EnterpriseDB) 9\n"), None);
    }

    #[test]
    fn newest_numbered_folder_comes_first_and_tens_are_numbers() {
        let parent = tempfile::tempdir().unwrap();
        for name in ["pg-9", "pg-17", "pg-15", "pg-old", "other"] {
            fs::create_dir(parent.path().join(name)).unwrap();
        }

        let folders = versioned_folders(parent.path().to_str().unwrap(), "pg-", "bin");

        let expected = ["pg-17/bin", "pg-15/bin", "pg-9/bin"].map(|name| parent.path().join(name));
        assert_eq!(folders, expected);
    }

    #[test]
    fn missing_server_is_an_error_that_names_the_package() {
        let mut options = Options::new("anywhere");
        options.program_folders = Some(vec!["/nonexistent".into()]);

        let refused = choose(&options, Path::new("/data"), None).unwrap_err();

        let text = "find a PostgreSQL server of version 15 or later (found none)";
        assert_eq!(refused.to_string(), text);
        assert!(refused.hint().unwrap().contains("`apt-get install postgresql`"));
    }
}
