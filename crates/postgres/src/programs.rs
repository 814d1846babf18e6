//! Running the server's programs: as its account, in an environment of their own, with a log.

use std::env;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::account::Account;
use crate::error::ClusterError;

/// The last lines of a log that an error quotes.
const QUOTED_LINES: usize = 15;

/// A program that runs, and where its part of the log begins.
#[derive(Debug)]
pub(crate) struct Running {
    pub(crate) child: Child,
    log: PathBuf,
    log_start: u64,
}

impl Running {
    /// Starts `command` with its output at the end of `log`.
    pub(crate) fn start(mut command: Command, log: &Path) -> Result<Self, ClusterError> {
        let file = open_log(log).map_err(ClusterError::files("open", log))?;
        let log_start = file.metadata().map_err(ClusterError::files("read", log))?.len();
        let second = file.try_clone().map_err(ClusterError::files("open", log))?;
        command.stdin(Stdio::null()).stdout(file).stderr(second);
        let child = command.spawn().map_err(|source| ClusterError::Run {
            program: command.get_program().into(),
            source,
        })?;
        Ok(Self { child, log: log.into(), log_start })
    }

    /// The exit status in words, once it has ended.
    pub(crate) fn ended(&mut self) -> Option<String> {
        match self.child.try_wait() {
            Ok(None) => None,
            Ok(Some(status)) => Some(status.to_string()),
            Err(unknown) => Some(unknown.to_string()),
        }
    }

    /// The last lines that it wrote.
    pub(crate) fn last_lines(&self) -> String {
        let text = read_from(&self.log, self.log_start).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(QUOTED_LINES)..].join("\n")
    }
}

/// A command that runs as `account`.
pub(crate) fn command(program: &Path, account: Account) -> Command {
    let mut command = Command::new(program);
    // Variables such as PGDATA, PGOPTIONS or LC_MESSAGES would change what it does.
    command.env_clear().env("LC_ALL", "C");
    for name in ["PATH", "LD_LIBRARY_PATH"] {
        if let Some(value) = env::var_os(name) {
            command.env(name, value);
        }
    }
    // The caller's own folder may be closed to the account.
    command.current_dir("/");
    account.apply(&mut command);
    command
}

fn open_log(log: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).mode(0o600).open(log)
}

fn read_from(log: &Path, start: u64) -> io::Result<String> {
    let mut file = File::open(log)?;
    file.seek(SeekFrom::Start(start))?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
