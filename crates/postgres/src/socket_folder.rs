//! The private folder of the server's socket.

use std::fs::{self, DirBuilder, Permissions};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use crate::account::Account;
use crate::error::ClusterError;
use crate::home::short_name;

/// A socket's path may have 107 bytes on Linux and 103 on macOS (`sun_path` in unix(7)), and state
/// folders lie deeper than that.
const PARENT: &str = "/tmp";

/// How many names to try: anybody can take one in `/tmp`.
const NAMES: u32 = 16;

/// Makes the socket's folder for the cluster in `home`, or takes the one that it left.
///
/// Its connections are trusted, so that only the server's user (and root) may enter it. The
/// caller knows that no server of the cluster runs.
pub(crate) fn make(home: &Path, account: Account) -> Result<PathBuf, ClusterError> {
    let wanted = Path::new(PARENT).join(format!("tidemill-{}", short_name(home)));
    for number in 1..=NAMES {
        let folder = match number {
            1 => wanted.clone(),
            _ => wanted.with_extension(number.to_string()),
        };
        if claim(&folder, account).map_err(ClusterError::files("make", &folder))? {
            clear(&folder);
            return Ok(folder);
        }
    }
    Err(ClusterError::SocketFolder { wanted })
}

/// Removes the folder of a server that has ended. What cannot be removed is taken again later.
pub(crate) fn remove(folder: &Path) {
    clear(folder);
    fs::remove_dir(folder).ok();
}

/// Removes the sockets that a killed server left; each start has another port.
fn clear(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        if entry.file_name().as_bytes().starts_with(b".s.PGSQL.") {
            fs::remove_file(entry.path()).ok();
        }
    }
}

/// Makes the folder ours alone; `false` when it belongs to somebody else.
fn claim(folder: &Path, account: Account) -> io::Result<bool> {
    match DirBuilder::new().mode(0o700).create(folder) {
        Ok(()) => {}
        Err(taken) if taken.kind() == io::ErrorKind::AlreadyExists => {
            // Not through a link: somebody else could make it point anywhere.
            let found = fs::symlink_metadata(folder)?;
            let ourselves = rustix::process::geteuid().as_raw();
            if !found.is_dir() || ![account.uid(), ourselves].contains(&found.uid()) {
                return Ok(false);
            }
        }
        Err(source) => return Err(source),
    }
    fs::set_permissions(folder, Permissions::from_mode(0o700))?;
    account.give(folder)?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folder_is_private_and_taken_again() {
        let parent = tempfile::tempdir().unwrap();
        let folder = parent.path().join("sockets");

        assert!(claim(&folder, Account::Ourselves).unwrap());
        fs::set_permissions(&folder, Permissions::from_mode(0o777)).unwrap();
        assert!(claim(&folder, Account::Ourselves).unwrap());

        assert_eq!(fs::metadata(&folder).unwrap().mode() & 0o777, 0o700);
    }

    #[test]
    fn link_that_somebody_put_there_is_refused() {
        let parent = tempfile::tempdir().unwrap();
        let folder = parent.path().join("sockets");
        std::os::unix::fs::symlink(parent.path(), &folder).unwrap();

        assert!(!claim(&folder, Account::Ourselves).unwrap());
    }
}
