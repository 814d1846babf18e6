//! Where the files of a cluster lie.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use crate::account::Account;
use crate::deadline::Deadline;
use crate::error::ClusterError;
use crate::lock::{Lock, Sharing};

/// Where root keeps data that the server's user could not reach in the state folder. Not
/// `/var/tmp`, from which the system removes old files one by one.
const ELSEWHERE: &str = "/var/lib/tidemill";

/// The folder of one cluster: the state folder itself, or the one that its `location` file names.
#[derive(Clone, Debug)]
pub(crate) struct Home {
    pub(crate) folder: PathBuf,
    /// The file that names the folder, where that is not the state folder.
    pointer: Option<PathBuf>,
}

impl Home {
    /// Finds the cluster of `state`, or decides where it will be.
    ///
    /// The folder lies elsewhere when `account` cannot reach the state folder, such as one
    /// below `/root`.
    pub(crate) fn open(
        state: &Path,
        account: Account,
        deadline: Deadline,
    ) -> Result<Self, ClusterError> {
        fs::create_dir_all(state).map_err(ClusterError::files("make", state))?;
        let state = state.canonicalize().map_err(ClusterError::files("find", state))?;
        let _turn = Lock::take(&state.join("location.lock"), Sharing::Exclusive, deadline)?;

        let pointer = state.join("location");
        if let Some(folder) = read_pointer(&pointer)? {
            if !folder.is_dir() {
                return Err(ClusterError::LostHome { pointer, home: folder });
            }
            return Ok(Self { folder, pointer: Some(pointer) });
        }
        if state.join("data").exists() || account.reaches(&state) {
            return Ok(Self { folder: state, pointer: None });
        }
        let folder = make_elsewhere(Path::new(ELSEWHERE), &state)?;
        write_pointer(&pointer, &folder)?;
        Ok(Self { folder, pointer: Some(pointer) })
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    pub(crate) fn log(&self) -> PathBuf {
        self.folder.join("server.log")
    }

    /// Held while a process starts, finds or stops the server: one at a time.
    pub(crate) fn turn_lock(&self) -> PathBuf {
        self.folder.join("turn.lock")
    }

    /// Shared by all who use the server: who can have it alone is the last one.
    pub(crate) fn owners_lock(&self) -> PathBuf {
        self.folder.join("owners.lock")
    }

    /// Where `initdb` works until the data is whole.
    pub(crate) fn unfinished_data(&self) -> PathBuf {
        self.folder.join(format!("data.new-{}", std::process::id()))
    }

    /// Removes what processes that were killed in `initdb` have left.
    pub(crate) fn remove_unfinished(&self) -> Result<(), ClusterError> {
        let entries = fs::read_dir(&self.folder);
        for entry in entries.map_err(ClusterError::files("list", &self.folder))?.flatten() {
            if entry.file_name().as_bytes().starts_with(b"data.new-") {
                // An `initdb` that outlived its parent may still write here. What stays is
                // removed the next time.
                fs::remove_dir_all(entry.path()).ok();
            }
        }
        Ok(())
    }

    /// Removes the data and everything that belongs to it. The caller holds both locks.
    pub(crate) fn remove(&self) -> Result<(), ClusterError> {
        self.remove_unfinished()?;
        // The pointer goes after the data: whoever dies between them begins anew in this folder.
        let data = self.data();
        ignore_missing(fs::remove_dir_all(&data)).map_err(ClusterError::files("remove", &data))?;
        let mut files = vec![self.log(), old_log(&self.log())];
        files.extend(self.pointer.clone());
        files.extend([self.owners_lock(), self.turn_lock()]);
        for file in files {
            ignore_missing(fs::remove_file(&file)).map_err(ClusterError::files("remove", file))?;
        }
        if self.pointer.is_some() {
            ignore_missing(fs::remove_dir(&self.folder))
                .map_err(ClusterError::files("remove", &self.folder))?;
        }
        Ok(())
    }
}

/// The name under which one earlier log is kept.
pub(crate) fn old_log(log: &Path) -> PathBuf {
    log.with_extension("log.old")
}

/// A short name for a path: the same path has the same name in every process and release.
/// FNV-1a, 64 bits (<http://www.isthe.com/chongo/tech/comp/fnv/>).
pub(crate) fn short_name(path: &Path) -> String {
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    for byte in path.as_os_str().as_bytes() {
        hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    }
    format!("{hash:016x}")
}

fn read_pointer(pointer: &Path) -> Result<Option<PathBuf>, ClusterError> {
    match fs::read_to_string(pointer) {
        Ok(text) => Ok(Some(PathBuf::from(text.trim_end_matches('\n')))),
        Err(missing) if missing.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(ClusterError::files("read", pointer)(source)),
    }
}

fn write_pointer(pointer: &Path, folder: &Path) -> Result<(), ClusterError> {
    let draft = pointer.with_extension("new");
    fs::write(&draft, format!("{}\n", folder.display()))
        .map_err(ClusterError::files("write", &draft))?;
    fs::rename(&draft, pointer).map_err(ClusterError::files("write", pointer))
}

/// Makes a new folder. One that is there already belongs to a state folder that was moved or
/// removed, and is left alone.
fn make_elsewhere(parent: &Path, state: &Path) -> Result<PathBuf, ClusterError> {
    // The server's user passes through, nobody else lists.
    let mut builder = DirBuilder::new();
    builder.mode(0o711);
    let made = builder.recursive(true).create(parent);
    made.map_err(ClusterError::files("make", parent))?;
    builder.recursive(false);
    let mut number: u32 = 1;
    loop {
        let folder = parent.join(format!("{}-{number}", short_name(state)));
        match builder.create(&folder) {
            Ok(()) => return Ok(folder),
            Err(taken) if taken.kind() == io::ErrorKind::AlreadyExists => number += 1,
            Err(source) => return Err(ClusterError::files("make", folder)(source)),
        }
    }
}

fn ignore_missing(removed: io::Result<()>) -> io::Result<()> {
    match removed {
        Err(missing) if missing.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn deadline() -> Deadline {
        Deadline::after(Duration::from_secs(5))
    }

    #[test]
    fn short_names_are_those_of_the_published_algorithm() {
        // The reference values of the FNV authors for "" and "a".
        assert_eq!(short_name(Path::new("")), "cbf29ce484222325");
        assert_eq!(short_name(Path::new("a")), "af63dc4c8601ec8c");
    }

    #[test]
    fn folder_that_exists_elsewhere_is_never_taken_over() {
        let parent = tempfile::tempdir().unwrap();

        let first = make_elsewhere(parent.path(), Path::new("/state")).unwrap();
        let second = make_elsewhere(parent.path(), Path::new("/state")).unwrap();

        assert_ne!(first, second);
    }

    #[test]
    fn lost_data_is_an_error_and_not_an_empty_database() {
        let state = tempfile::tempdir().unwrap();
        fs::write(state.path().join("location"), "/nonexistent/home\n").unwrap();

        let refused = Home::open(state.path(), Account::Ourselves, deadline()).unwrap_err();

        assert!(matches!(refused, ClusterError::LostHome { .. }), "{refused}");
        assert!(refused.hint().unwrap().contains("location"));
    }

    #[test]
    fn reachable_state_folder_is_its_own_home() {
        let state = tempfile::tempdir().unwrap();

        let home = Home::open(state.path(), Account::Ourselves, deadline()).unwrap();

        assert_eq!(home.folder, state.path().canonicalize().unwrap());
    }
}
