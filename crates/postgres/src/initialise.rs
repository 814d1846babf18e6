//! Making the data of a new cluster.

use std::fs::{self, DirBuilder, File};
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

use crate::error::ClusterError;
use crate::installation::{self, Installation};
use crate::place::Place;
use crate::programs::{self, Running};
use crate::wire::SUPERUSER;

/// Who may connect: everybody who can enter the socket's folder, and over TCP only who knows a
/// password (there is none until somebody sets one).
const HOST_BASED_AUTHENTICATION: &str = "\
# Written by tidemill. The folder of the socket is private to the server's user.
local all all trust
host  all all 127.0.0.1/32 scram-sha-256
";

/// macOS has no `C.UTF-8`.
const LOCALE: &str = if cfg!(target_os = "macos") { "C" } else { "C.UTF-8" };

/// Makes the data folder unless it is there, and returns the server that fits to it.
///
/// It is made beside its place and then renamed, so that a data folder is always whole.
pub(crate) fn ensure_data(place: &Place<'_>) -> Result<Installation, ClusterError> {
    let data = place.home.data();
    if data.exists() {
        return installation::choose(place.options, &data, Some(major_of(&data)?));
    }
    let server = installation::choose(place.options, &data, None)?;
    place.home.remove_unfinished()?;
    let unfinished = place.home.unfinished_data();
    make_private(&unfinished, place)?;
    run_initdb(&server, &unfinished, place)?;
    let access = unfinished.join("pg_hba.conf");
    // The file exists and keeps its owner.
    fs::write(&access, HOST_BASED_AUTHENTICATION).map_err(ClusterError::files("write", &access))?;
    fs::rename(&unfinished, &data).map_err(ClusterError::files("make", &data))?;
    sync(&place.home.folder)?;
    Ok(server)
}

/// The major version that made the data.
fn major_of(data: &Path) -> Result<u32, ClusterError> {
    let file = data.join("PG_VERSION");
    let text = fs::read_to_string(&file).map_err(ClusterError::files("read", &file))?;
    text.trim().parse().map_err(|_| {
        let source = std::io::Error::other(format!("`{}` is no version", text.trim()));
        ClusterError::Files { action: "read", path: file, source }
    })
}

fn make_private(folder: &Path, place: &Place<'_>) -> Result<(), ClusterError> {
    DirBuilder::new()
        .mode(0o700)
        .create(folder)
        .and_then(|()| place.account.give(folder))
        .map_err(ClusterError::files("make", folder))
}

fn run_initdb(server: &Installation, folder: &Path, place: &Place<'_>) -> Result<(), ClusterError> {
    let mut command = programs::command(&server.programs.join("initdb"), place.account);
    command
        .arg("--pgdata")
        .arg(folder)
        .args(["--username", SUPERUSER])
        .args(["--encoding", "UTF8", "--locale", LOCALE])
        .args(["--auth-local", "trust", "--auth-host", "scram-sha-256"])
        .arg("--no-instructions");
    if place.options.is_careless() {
        command.arg("--no-sync");
    }
    let mut initdb = Running::start(command, &place.home.log())?;
    let action = "make a database cluster with initdb";
    let Some(status) = place.deadline.poll(|| initdb.ended()) else {
        initdb.child.kill().and_then(|()| initdb.child.wait()).ok();
        let timeout = place.deadline.timeout;
        return Err(ClusterError::Timeout { action, timeout, log: initdb.last_lines() });
    };
    match initdb.child.wait() {
        Ok(code) if code.success() => Ok(()),
        Ok(_) | Err(_) => Err(ClusterError::Ended { action, status, log: initdb.last_lines() }),
    }
}

fn sync(folder: &Path) -> Result<(), ClusterError> {
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(ClusterError::files("write", folder))
}
