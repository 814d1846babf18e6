//! What the caller of a cluster decides.

use std::path::PathBuf;
use std::time::Duration;

/// How to start a cluster.
#[derive(Clone, Debug)]
pub struct Options {
    /// The folder of the cluster; it is made when it is missing.
    pub folder: PathBuf,
    /// Server settings beyond the built-in ones; the last one of a name counts. They matter only
    /// to the process that starts the server: one that finds it running takes it as it is.
    pub settings: Vec<(String, String)>,
    /// The user that the server runs as when the caller is root; by default `postgres`, else
    /// `nobody`. Data that is there already is served by its owner.
    pub server_user: Option<String>,
    /// The folders in which to look for the server's programs, instead of the usual ones.
    pub program_folders: Option<Vec<PathBuf>>,
    /// How long to wait for locks, for `initdb`, and until the server accepts connections, which
    /// after a crash takes as long as its recovery.
    pub start_timeout: Duration,
    /// How long an orderly shutdown may take before the server is made to quit at once.
    pub stop_timeout: Duration,
}

impl Options {
    /// A durable cluster of modest size for one laptop or machine.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: folder.into(),
            settings: pairs(MODEST),
            server_user: None,
            program_folders: None,
            start_timeout: Duration::from_mins(1),
            stop_timeout: Duration::from_secs(30),
        }
    }

    /// A cluster for tests: quick, for many connections, and lost when the machine crashes.
    pub fn for_tests(folder: impl Into<PathBuf>) -> Self {
        let mut options = Self::new(folder);
        options.settings.extend(pairs(CARELESS));
        options
    }

    /// Adds one server setting.
    #[must_use]
    pub fn with_setting(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.settings.push((name.into(), value.into()));
        self
    }

    /// Whether the data need not survive a crash of the machine.
    pub(crate) fn is_careless(&self) -> bool {
        let last = self.settings.iter().rev().find(|(name, _)| name == "fsync");
        last.is_some_and(|(_, value)| value == "off")
    }
}

/// A few hundred megabytes of disk and memory at most, and the same words and times everywhere.
const MODEST: &[(&str, &str)] = &[
    ("shared_buffers", "64MB"),
    ("max_connections", "100"),
    ("min_wal_size", "80MB"),
    ("max_wal_size", "512MB"),
    // Short statements only: compiling them costs more than it saves.
    ("jit", "off"),
    ("timezone", "UTC"),
    ("log_timezone", "UTC"),
    ("log_checkpoints", "off"),
];

/// Settings that PostgreSQL's manual recommends for data that may be lost (section 14.5,
/// "Non-Durable Settings"), and room for tests that run side by side.
const CARELESS: &[(&str, &str)] = &[
    ("fsync", "off"),
    ("synchronous_commit", "off"),
    ("full_page_writes", "off"),
    ("max_connections", "300"),
    ("shared_buffers", "128MB"),
];

fn pairs(settings: &[(&str, &str)]) -> Vec<(String, String)> {
    settings.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect()
}
