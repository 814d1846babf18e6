//! The running server, as its `postmaster.pid` and the kernel describe it.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::process::{Pid, Signal};

use crate::deadline::Deadline;
use crate::error::ClusterError;

/// A server process, and where it listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Postmaster {
    pub(crate) pid: u32,
    pub(crate) port: u16,
    pub(crate) socket_folder: PathBuf,
}

/// What `postmaster.pid` says about a data folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// No server runs, and the last one ended in order.
    Nothing,
    /// No server runs; the last one left its file behind.
    Stale,
    /// A server runs, and has not yet written where it listens.
    Beginning { pid: u32 },
    /// A server runs.
    Running(Postmaster),
}

/// Looks for a server of `data`. A process that only has the number of an earlier server is none.
pub(crate) fn find(data: &Path) -> Result<Found, ClusterError> {
    let file = data.join("postmaster.pid");
    let text = match fs::read_to_string(&file) {
        Ok(text) => text,
        Err(missing) if missing.kind() == io::ErrorKind::NotFound => return Ok(Found::Nothing),
        Err(source) => return Err(ClusterError::files("read", file)(source)),
    };
    let Some(pid) = text.lines().next().and_then(|line| line.trim().parse().ok()) else {
        return Ok(Found::Stale);
    };
    if !serves(pid, data) {
        return Ok(Found::Stale);
    }
    Ok(match parse(&text) {
        Some(postmaster) => Found::Running(postmaster),
        None => Found::Beginning { pid },
    })
}

/// Removes a stale `postmaster.pid` whose number another process has by now: the server would
/// take that process for its own kind and refuse to start.
///
/// It does so only when no process of the old server is left. Where there may be one, the file
/// stays: with it, the server itself refuses to start beside the old one's shared memory.
pub(crate) fn remove_stale(data: &Path, deadline: Deadline) -> Result<(), ClusterError> {
    if !tells_folders() {
        return Ok(());
    }
    let is_deserted = deadline.poll(|| (!anybody_works_in(data)).then_some(())).is_some();
    if !is_deserted {
        return Ok(());
    }
    let file = data.join("postmaster.pid");
    fs::remove_file(&file).map_err(ClusterError::files("remove", file))
}

/// Whether the process is alive and is a server of `data`.
pub(crate) fn serves(pid: u32, data: &Path) -> bool {
    if !is_alive(pid) {
        return false;
    }
    // The server works in its data folder. Where the system does not tell, believe its file.
    works_in(Path::new(&format!("/proc/{pid}")), data) || !tells_folders()
}

/// Whether the process of this folder in `/proc` has `data` as its own folder, by whatever path.
fn works_in(process: &Path, data: &Path) -> bool {
    let (Ok(own), Ok(data)) = (fs::metadata(process.join("cwd")), fs::metadata(data)) else {
        return false;
    };
    (own.dev(), own.ino()) == (data.dev(), data.ino())
}

/// Whether the system has Linux's `/proc`.
fn tells_folders() -> bool {
    Path::new("/proc/self/cwd").exists()
}

/// Sends a signal to the server, unless it is gone.
pub(crate) fn signal(pid: u32, data: &Path, signal: Signal) -> Result<(), ClusterError> {
    let Some(number) = as_pid(pid).filter(|_| serves(pid, data)) else { return Ok(()) };
    match rustix::process::kill_process(number, signal) {
        Ok(()) | Err(rustix::io::Errno::SRCH) => Ok(()),
        Err(refused) => Err(ClusterError::Signal { pid, source: refused.into() }),
    }
}

fn is_alive(pid: u32) -> bool {
    let Some(number) = as_pid(pid) else { return false };
    match rustix::process::test_kill_process(number) {
        Ok(()) | Err(rustix::io::Errno::PERM) => !is_zombie(pid),
        Err(_gone) => false,
    }
}

/// A server whose parent has not yet asked for its exit status has still a number, but no life.
fn is_zombie(pid: u32) -> bool {
    let Ok(stat) = fs::read_to_string(format!("/proc/{pid}/stat")) else { return false };
    // `pid (name) state ...`, and the name may contain anything (proc(5)).
    stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with(['Z', 'X']))
}

fn anybody_works_in(data: &Path) -> bool {
    let Ok(processes) = fs::read_dir("/proc") else { return true };
    processes.flatten().any(|process| works_in(&process.path(), data))
}

fn as_pid(pid: u32) -> Option<Pid> {
    i32::try_from(pid).ok().and_then(Pid::from_raw)
}

/// Reads `postmaster.pid`: process id, data folder, start time, port, socket folder, ...
/// (`src/include/utils/pidfile.h` of PostgreSQL).
fn parse(text: &str) -> Option<Postmaster> {
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let socket_folder = PathBuf::from(lines.get(4)?);
    if !socket_folder.is_absolute() {
        return None;
    }
    Some(Postmaster { pid: lines[0].parse().ok()?, port: lines[3].parse().ok()?, socket_folder })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pid_file_is_read_whole_and_not_while_it_is_being_written() {
        let whole =
            "4711\n/state/data\n1760000000\n54321\n/tmp/tidemill-1\n127.0.0.1\n  1 2\nready   \n";
        let expected =
            Postmaster { pid: 4711, port: 54321, socket_folder: PathBuf::from("/tmp/tidemill-1") };

        assert_eq!(parse(whole), Some(expected));
        assert_eq!(parse("4711\n/state/data\n1760000000\n54321\n"), None);
        assert_eq!(parse("4711\n/state/data\n1760000000\n54321\n\n\n"), None);
        assert_eq!(parse(""), None);
    }

    #[test]
    fn number_that_another_process_has_by_now_is_no_server() {
        let data = tempfile::tempdir().unwrap();
        let text = format!("{}\n{}\n1\n5432\n/tmp\n", std::process::id(), data.path().display());
        fs::write(data.path().join("postmaster.pid"), text).unwrap();

        assert_eq!(find(data.path()).unwrap(), Found::Stale);
    }

    #[test]
    fn ended_process_that_nobody_waited_for_is_not_alive() {
        let mut child = std::process::Command::new("true").spawn().unwrap();

        let deadline = Deadline::after(std::time::Duration::from_secs(10));
        let ended = deadline.poll(|| (!is_alive(child.id())).then_some(()));

        assert_eq!(ended, Some(()));
        child.wait().unwrap();
    }
}
