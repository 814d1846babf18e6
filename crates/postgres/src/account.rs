//! Whom the server runs as.

use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use crate::error::ClusterError;
use crate::options::Options;

/// The user that owns the data and runs the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Account {
    /// Whoever we are.
    Ourselves,
    /// Somebody else: we are root, which PostgreSQL refuses.
    Other { uid: u32, gid: u32 },
}

impl Account {
    /// Chooses an account for new data: ourselves, or the server's user when we are root.
    pub(crate) fn choose(options: &Options) -> Result<Self, ClusterError> {
        if !rustix::process::geteuid().is_root() {
            return Ok(Self::Ourselves);
        }
        let names: Vec<&str> = match &options.server_user {
            Some(name) => vec![name],
            None => vec!["postgres", "nobody"],
        };
        let passwd = Path::new("/etc/passwd");
        let users = fs::read_to_string(passwd).map_err(ClusterError::files("read", passwd))?;
        names
            .iter()
            .find_map(|name| find_user(&users, name))
            .ok_or_else(|| ClusterError::NoAccount { looked_for: names.join(", ") })
    }

    /// The owner of the data that is there already, so that root can serve what a user made.
    pub(crate) fn or_owner_of(self, data: &Path) -> Self {
        let owner = fs::metadata(data).ok().filter(|owner| owner.uid() != 0);
        match (self, owner) {
            (Self::Other { .. }, Some(owner)) => Self::Other { uid: owner.uid(), gid: owner.gid() },
            (Self::Ourselves | Self::Other { .. }, _) => self,
        }
    }

    pub(crate) fn uid(self) -> u32 {
        match self {
            Self::Ourselves => rustix::process::geteuid().as_raw(),
            Self::Other { uid, .. } => uid,
        }
    }

    /// Makes `command` run as this user, without any other group of ours.
    pub(crate) fn apply(self, command: &mut Command) {
        match self {
            Self::Ourselves => {}
            Self::Other { uid, gid } => {
                command.uid(uid).gid(gid);
            }
        }
    }

    /// Gives a file or folder to this user.
    pub(crate) fn give(self, path: &Path) -> io::Result<()> {
        match self {
            Self::Ourselves => Ok(()),
            Self::Other { uid, gid } => chown(path, Some(uid), Some(gid)),
        }
    }

    /// Whether this user may pass through every folder down to `folder`, by the permission bits.
    pub(crate) fn reaches(self, folder: &Path) -> bool {
        let Self::Other { uid, gid } = self else { return true };
        folder.ancestors().all(|folder| {
            let Ok(found) = fs::metadata(folder) else { return false };
            let search_bit = match (found.uid() == uid, found.gid() == gid) {
                (true, _) => 0o100,
                (false, true) => 0o010,
                (false, false) => 0o001,
            };
            found.mode() & search_bit != 0
        })
    }
}

/// Finds a user in the text of `/etc/passwd` (`name:password:uid:gid:...`); never root.
fn find_user(passwd: &str, name: &str) -> Option<Account> {
    let line = passwd.lines().find(|line| line.split(':').next() == Some(name))?;
    let mut numbers = line.split(':').skip(2);
    let uid = numbers.next()?.parse().ok().filter(|&uid| uid != 0)?;
    let gid = numbers.next()?.parse().ok()?;
    Some(Account::Other { uid, gid })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    const PASSWD: &str =
        "root:x:0:0:root:/root:/bin/bash\npostgres:x:101:104:,,,:/var/lib/postgresql:/bin/bash\n";

    #[test]
    fn user_is_found_with_both_numbers() {
        let found = find_user(PASSWD, "postgres");

        assert_eq!(found, Some(Account::Other { uid: 101, gid: 104 }));
    }

    #[test]
    fn root_and_unknown_names_are_no_account_for_a_server() {
        assert_eq!(find_user(PASSWD, "root"), None);
        assert_eq!(find_user(PASSWD, "post"), None);
    }

    #[test]
    fn stranger_does_not_reach_a_private_folder() {
        let private = tempfile::tempdir().unwrap();
        fs::set_permissions(private.path(), fs::Permissions::from_mode(0o700)).unwrap();
        let stranger = Account::Other { uid: 4_000_000, gid: 4_000_000 };

        assert!(!stranger.reaches(private.path()));
        assert!(stranger.reaches(Path::new("/usr/lib")));
    }
}
