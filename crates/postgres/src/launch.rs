//! Finding the running server of a cluster, or starting one.

use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command};
use std::thread;
use std::time::Duration;

use rustix::process::Signal;

use crate::deadline::Deadline;
use crate::error::ClusterError;
use crate::home::old_log;
use crate::initialise;
use crate::installation::Installation;
use crate::lock::{Lock, Sharing};
use crate::place::{Place, socket_path};
use crate::postmaster::{self, Found, Postmaster};
use crate::programs::{self, Running};
use crate::socket_folder;
use crate::wire::{Connection, WireError};

/// A free port may be taken by somebody else before the server takes it, and a server whose
/// starter was killed may appear only now.
const ATTEMPTS: u32 = 3;

/// How long one question to the server may take while we wait for it to begin.
const PROBE_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a server may take to quit without an orderly shutdown.
const QUIT_TIMEOUT: Duration = Duration::from_secs(10);

/// A log that is longer than this begins anew at the next start.
const LONGEST_LOG_BYTES: u64 = 10 << 20;

/// Finds the server, or starts one, and waits until it accepts connections.
///
/// The caller holds the turn.
pub(crate) fn find_or_start(place: &Place<'_>) -> Result<Postmaster, ClusterError> {
    let mut attempt = 1;
    loop {
        if let Some(running) = find_running(place)? {
            return Ok(running);
        }
        let server = initialise::ensure_data(place)?;
        match start(&server, place) {
            Err(ClusterError::Ended { .. }) if attempt < ATTEMPTS => attempt += 1,
            result => return result,
        }
    }
}

/// Shuts down the server of `data`, if one runs: in order, or at once when that takes too long.
///
/// The caller holds the turn, and nobody has a share.
pub(crate) fn shut_down(data: &Path, timeout: Duration) -> Result<(), ClusterError> {
    // Not the process that the caller started: another may have replaced it after a crash.
    let (pid, socket_folder) = match postmaster::find(data)? {
        Found::Nothing | Found::Stale => return Ok(()),
        Found::Beginning { pid } => (pid, None),
        Found::Running(running) => (running.pid, Some(running.socket_folder)),
    };
    // "Fast" and "immediate" shutdown (section 19.5 of PostgreSQL's manual).
    for (signal, timeout) in [(Signal::INT, timeout), (Signal::QUIT, QUIT_TIMEOUT)] {
        postmaster::signal(pid, data, signal)?;
        let gone = || (!postmaster::serves(pid, data)).then_some(());
        if Deadline::after(timeout).poll(gone).is_some() {
            if let Some(folder) = socket_folder {
                socket_folder::remove(&folder);
            }
            return Ok(());
        }
    }
    let action = "stop the PostgreSQL server";
    Err(ClusterError::Timeout { action, timeout: timeout + QUIT_TIMEOUT, log: String::new() })
}

/// Restarts the server by its own program, which gives it the same port and socket as before.
///
/// The caller holds the turn.
pub(crate) fn restart_abruptly(place: &Place<'_>) -> Result<Postmaster, ClusterError> {
    let action = "restart the PostgreSQL server";
    let timeout = place.deadline.timeout;
    let server = initialise::ensure_data(place)?;
    let mut command = programs::command(&server.programs.join("pg_ctl"), place.account);
    command.arg("restart").arg("-D").arg(place.home.data());
    command.args(["-m", "immediate", "-w", "-t"]).arg(timeout.as_secs().to_string());
    let mut control = Running::start(command, &place.home.log())?;
    let Some(status) = place.deadline.poll(|| control.ended()) else {
        let log = control.last_lines();
        reap(control.child);
        return Err(ClusterError::Timeout { action, timeout, log });
    };
    match find_running(place)? {
        Some(running) => Ok(running),
        None => Err(ClusterError::Ended { action, status, log: control.last_lines() }),
    }
}

fn find_running(place: &Place<'_>) -> Result<Option<Postmaster>, ClusterError> {
    let data = place.home.data();
    let pid = match postmaster::find(&data)? {
        Found::Nothing => return Ok(None),
        Found::Stale => {
            postmaster::remove_stale(&data, place.deadline)?;
            return Ok(None);
        }
        Found::Beginning { pid } => pid,
        Found::Running(running) => running.pid,
    };
    let outcome = place.deadline.poll(|| match look(&data) {
        Look::Accepts(running) => Some(Ok(Some(running))),
        Look::NotYet => None,
        Look::Gone => Some(Ok(None)),
        Look::Unreachable => Some(Err(())),
    });
    match outcome {
        Some(Ok(found)) => Ok(found),
        Some(Err(())) => replace_unreachable(pid, place).map(|()| None),
        None => Err(still_starting(pid, place, String::new())),
    }
}

/// Stops a server to which nobody can connect, because something has removed its socket.
fn replace_unreachable(pid: u32, place: &Place<'_>) -> Result<(), ClusterError> {
    let data = place.home.data();
    match Lock::attempt(&place.home.owners_lock(), Sharing::Exclusive)? {
        Some(_alone) => shut_down(&data, place.options.stop_timeout),
        None => Err(ClusterError::Unreachable { pid, data }),
    }
}

fn still_starting(pid: u32, place: &Place<'_>, log: String) -> ClusterError {
    ClusterError::StillStarting { pid, timeout: place.deadline.timeout, log }
}

/// What a server looks like from outside.
enum Look {
    Accepts(Postmaster),
    NotYet,
    Gone,
    Unreachable,
}

fn look(data: &Path) -> Look {
    let running = match postmaster::find(data) {
        Ok(Found::Running(running)) => running,
        Ok(Found::Beginning { .. }) => return Look::NotYet,
        Ok(Found::Nothing | Found::Stale) | Err(_) => return Look::Gone,
    };
    let socket = socket_path(&running.socket_folder, running.port);
    if !socket.exists() {
        return Look::Unreachable;
    }
    match Connection::open(&socket, "postgres", PROBE_TIMEOUT) {
        Ok(_connection) => Look::Accepts(running),
        Err(WireError::Io(_) | WireError::Refused { .. } | WireError::Protocol { .. }) => {
            Look::NotYet
        }
    }
}

fn start(server: &Installation, place: &Place<'_>) -> Result<Postmaster, ClusterError> {
    let data = place.home.data();
    let log = place.home.log();
    begin_long_log_anew(&log)?;
    let mut running = Running::start(server_command(server, place)?, &log)?;
    let outcome = place.deadline.poll(|| {
        if let Some(status) = running.ended() {
            return Some(Err(status));
        }
        match look(&data) {
            // Only our own: an earlier server's file may still lie there.
            Look::Accepts(found) if found.pid == running.child.id() => Some(Ok(found)),
            Look::Accepts(_) | Look::NotYet | Look::Gone | Look::Unreachable => None,
        }
    });
    match outcome {
        Some(Ok(found)) => {
            reap(running.child);
            Ok(found)
        }
        Some(Err(status)) => {
            let action = "start the PostgreSQL server";
            Err(ClusterError::Ended { action, status, log: running.last_lines() })
        }
        None => {
            // Left alone: were it killed while it recovers, it would begin anew each time.
            let log = running.last_lines();
            let pid = running.child.id();
            reap(running.child);
            Err(still_starting(pid, place, log))
        }
    }
}

fn server_command(server: &Installation, place: &Place<'_>) -> Result<Command, ClusterError> {
    let socket_folder = socket_folder::make(&place.home.folder, place.account)?;
    let mut command = programs::command(&server.programs.join("postgres"), place.account);
    command.arg("-D").arg(place.home.data());
    let setting = |name: &str, value: &str| ["-c".to_owned(), format!("{name}={value}")];
    for (name, value) in &place.options.settings {
        command.args(setting(name, value));
    }
    command
        .args(setting("port", &free_port()?.to_string()))
        .args(setting("listen_addresses", "127.0.0.1"))
        .args(setting("unix_socket_directories", &socket_folder.to_string_lossy()))
        .args(setting("logging_collector", "off"))
        .args(setting("log_destination", "stderr"));
    // Out of the group that the terminal interrupts: we stop it when we are done with it.
    command.process_group(0);
    Ok(command)
}

fn free_port() -> Result<u16, ClusterError> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .and_then(|listener| listener.local_addr())
        .map(|address| address.port())
        .map_err(ClusterError::files("find a free port on", "127.0.0.1"))
}

fn begin_long_log_anew(log: &Path) -> Result<(), ClusterError> {
    let is_long = fs::metadata(log).is_ok_and(|found| found.len() > LONGEST_LOG_BYTES);
    if !is_long {
        return Ok(());
    }
    fs::rename(log, old_log(log)).map_err(ClusterError::files("rename", log))
}

/// Waits for the server in the background, so that it does not stay as a zombie of ours when
/// another process stops it.
fn reap(mut child: Child) {
    let name = "postgres-reaper".to_owned();
    thread::Builder::new().name(name).spawn(move || child.wait()).ok();
}
