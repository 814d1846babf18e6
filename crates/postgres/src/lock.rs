//! File locks that end with their process.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use crate::deadline::Deadline;
use crate::error::ClusterError;

/// A lock on a file, held until it is dropped. The kernel drops it when the process is killed.
#[derive(Debug)]
pub(crate) struct Lock {
    file: File,
}

/// How a lock is shared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sharing {
    Shared,
    Exclusive,
}

impl Lock {
    /// Takes the lock, or gives up at the deadline.
    pub(crate) fn take(
        path: &Path,
        sharing: Sharing,
        deadline: Deadline,
    ) -> Result<Self, ClusterError> {
        deadline.poll(|| Self::attempt(path, sharing).transpose()).unwrap_or_else(|| {
            Err(ClusterError::LockTimeout { path: path.into(), timeout: deadline.timeout })
        })
    }

    /// Takes the lock unless somebody else holds it.
    pub(crate) fn attempt(path: &Path, sharing: Sharing) -> Result<Option<Self>, ClusterError> {
        Self::open_and_lock(path, sharing).map_err(ClusterError::files("lock", path))
    }

    fn open_and_lock(path: &Path, sharing: Sharing) -> io::Result<Option<Self>> {
        let file = OpenOptions::new().read(true).append(true).create(true).open(path)?;
        let taken = match sharing {
            Sharing::Shared => file.try_lock_shared(),
            Sharing::Exclusive => file.try_lock(),
        };
        match taken {
            // The file may have been removed with the cluster while we waited for it.
            Ok(()) if is_still_there(&file, path)? => Ok(Some(Self { file })),
            Ok(()) | Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(source)) => Err(source),
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Closing would do, unless a child that was forked meanwhile has not yet come to `exec`.
        self.file.unlock().ok();
    }
}

fn is_still_there(file: &File, path: &Path) -> io::Result<bool> {
    let locked = file.metadata()?;
    match path.metadata() {
        Ok(found) => Ok((found.dev(), found.ino()) == (locked.dev(), locked.ino())),
        Err(missing) if missing.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(other) => Err(other),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn shared_locks_live_side_by_side_and_keep_an_exclusive_one_out() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        let first = Lock::attempt(&path, Sharing::Shared).unwrap();
        let second = Lock::attempt(&path, Sharing::Shared).unwrap();

        let refused = Lock::attempt(&path, Sharing::Exclusive).unwrap();
        assert!(first.is_some() && second.is_some() && refused.is_none());

        drop((first, second));
        assert!(Lock::attempt(&path, Sharing::Exclusive).unwrap().is_some());
    }

    #[test]
    fn lock_that_stays_taken_is_an_error_with_its_path() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        let _held = Lock::attempt(&path, Sharing::Exclusive).unwrap().unwrap();

        let deadline = Deadline::after(Duration::from_millis(20));
        let refused = Lock::take(&path, Sharing::Exclusive, deadline).unwrap_err();

        assert_eq!(refused.to_string(), format!("lock {} within 20ms", path.display()));
    }
}
