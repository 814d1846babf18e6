//! What can go wrong with a cluster.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use crate::installation::OLDEST_MAJOR;
use crate::wire::WireError;

/// Why a cluster could not be started, used, stopped or removed.
///
/// Each message fits after "failed to"; [`ClusterError::hint`] says what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum ClusterError {
    /// No server of a version that is new enough is installed.
    #[error("find a PostgreSQL server of version {OLDEST_MAJOR} or later (found {found})")]
    NoServer {
        /// The servers that are too old, or "none".
        found: String,
    },

    /// The data was made by a major version whose server is not installed.
    #[error("find the PostgreSQL {needed} server that made {} (found {found})", data.display())]
    WrongVersion {
        /// The data folder.
        data: PathBuf,
        /// The major version that made it.
        needed: u32,
        /// The versions that are installed.
        found: String,
    },

    /// The server refuses to run as root, and there is no account for it to run as.
    #[error("find a user for PostgreSQL to run as instead of root (looked for {looked_for})")]
    NoAccount {
        /// The names that were looked for.
        looked_for: String,
    },

    /// A file or folder of the cluster could not be read, written or removed.
    #[error("{action} {}", path.display())]
    Files {
        /// What was attempted, as a verb.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// What the operating system said.
        #[source]
        source: io::Error,
    },

    /// The data lies elsewhere than in the state folder, and is not there any more.
    #[error("find the database in {}, where {} says that it is", home.display(), pointer.display())]
    LostHome {
        /// The file that says where the data is.
        pointer: PathBuf,
        /// Where it should be.
        home: PathBuf,
    },

    /// Every name for the folder of the socket is taken by somebody else.
    #[error("make a folder for the server's socket at {}", wanted.display())]
    SocketFolder {
        /// The first name that was tried.
        wanted: PathBuf,
    },

    /// Another process holds the lock for longer than we wait.
    #[error("lock {} within {timeout:?}", path.display())]
    LockTimeout {
        /// The lock file.
        path: PathBuf,
        /// How long we waited.
        timeout: Duration,
    },

    /// A program of the server could not be run at all.
    #[error("run {}", program.display())]
    Run {
        /// The program.
        program: PathBuf,
        /// What the operating system said.
        #[source]
        source: io::Error,
    },

    /// `initdb` or the server ended when it should not have.
    #[error("{action}: it ended with {status}{log}", log = indented(log))]
    Ended {
        /// What was attempted.
        action: &'static str,
        /// The exit status in words.
        status: String,
        /// The last lines that it wrote.
        log: String,
    },

    /// `initdb` or the server did not do its work in time.
    #[error("{action} within {timeout:?}{log}", log = indented(log))]
    Timeout {
        /// What was attempted.
        action: &'static str,
        /// How long we waited.
        timeout: Duration,
        /// The last lines that it wrote.
        log: String,
    },

    /// The server runs, and does not yet accept connections. It is left running.
    #[error("wait {timeout:?} for the server with process id {pid}{log}", log = indented(log))]
    StillStarting {
        /// The server's process id.
        pid: u32,
        /// How long we waited.
        timeout: Duration,
        /// The last lines that it wrote.
        log: String,
    },

    /// A server of this data runs, and does not accept connections on its socket.
    #[error("connect to the server with process id {pid}, which runs on {}", data.display())]
    Unreachable {
        /// The server's process id.
        pid: u32,
        /// Its data folder.
        data: PathBuf,
    },

    /// A connection or a statement failed.
    #[error("query database `{database}`")]
    Query {
        /// The database.
        database: String,
        /// What the server said.
        #[source]
        source: WireError,
    },

    /// A signal could not be sent to the server.
    #[error("send a signal to the server with process id {pid}")]
    Signal {
        /// The server's process id.
        pid: u32,
        /// What the operating system said.
        #[source]
        source: io::Error,
    },

    /// The cluster cannot be removed or restarted, because another process uses it.
    #[error("have the cluster in {} alone: another process uses it", home.display())]
    InUse {
        /// The cluster's folder.
        home: PathBuf,
    },
}

impl ClusterError {
    /// What a person can do about it, where that is known.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NoServer { .. } => Some(
                "`apt-get install postgresql` on Debian and Ubuntu, `dnf install \
                 postgresql-server` on Fedora, `brew install postgresql` on macOS; or set \
                 DATABASE_URL to use a server of your own"
                    .into(),
            ),
            Self::WrongVersion { needed, data, .. } => Some(format!(
                "`apt-get install postgresql-{needed}`; or remove {} to begin with an empty \
                 database",
                data.display()
            )),
            Self::NoAccount { .. } => {
                Some("`useradd --system postgres`, or run as a user who is not root".into())
            }
            Self::LostHome { pointer, .. } => {
                Some(format!("remove {} to begin with an empty database", pointer.display()))
            }
            Self::SocketFolder { wanted } => {
                Some(format!("see who owns {}*, and remove them", wanted.display()))
            }
            Self::LockTimeout { .. } => {
                Some("another process starts or stops this cluster; try again later".into())
            }
            Self::StillStarting { .. } => {
                Some("it may be recovering after a crash; the next start waits for it again".into())
            }
            Self::Unreachable { pid, .. } => {
                Some(format!("stop what uses it, then the server: `kill -INT {pid}`"))
            }
            Self::InUse { .. } => Some("stop the other tidemill processes first".into()),
            Self::Files { .. }
            | Self::Run { .. }
            | Self::Ended { .. }
            | Self::Timeout { .. }
            | Self::Query { .. }
            | Self::Signal { .. } => None,
        }
    }

    /// Makes the error of an attempt on a file.
    pub(crate) fn files(
        action: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Files { action, path, source }
    }
}

/// The log's lines below the message, or nothing when the log is empty.
fn indented(log: &str) -> String {
    log.lines().fold(String::new(), |text, line| text + "\n    " + line)
}
