//! A running cluster, as its users hold it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::deadline::Deadline;
use crate::error::ClusterError;
use crate::home::Home;
use crate::launch;
use crate::lock::{Lock, Sharing};
use crate::options::Options;
use crate::place::{Place, socket_path};
use crate::postmaster::Postmaster;
use crate::wire::{Connection, Rows, SUPERUSER, WireError};

/// The database that every cluster has.
const DATABASE: &str = "tidemill";

/// The SQLSTATE of a database that does not exist (`invalid_catalog_name`).
const NO_SUCH_DATABASE: &str = "3D000";

/// How long one statement of [`Cluster::query`] may take.
const QUERY_TIMEOUT: Duration = Duration::from_mins(10);

/// A share in a running PostgreSQL cluster.
///
/// While one lives, in any process, the server runs; the last one that goes stops it. A process
/// that is killed gives up its share, but cannot stop the server: the next start finds it.
#[derive(Debug)]
pub struct Cluster {
    home: Home,
    server: Postmaster,
    /// `None` once it is given up.
    share: Option<Lock>,
    options: Options,
}

/// What became of the server when a share in it was given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// It was the last share; the server has ended.
    Stopped,
    /// Others use the server; it runs on.
    LeftToOthers,
}

impl Cluster {
    /// Starts the cluster in a folder, or takes a share in it when it runs already.
    ///
    /// It makes what is missing: the folder, the data, the database `tidemill`. When it returns,
    /// the server accepts connections. Any number of processes may do this at the same time.
    pub fn start(options: &Options) -> Result<Self, ClusterError> {
        let place = Place::open(options)?;
        let turn = Lock::take(&place.home.turn_lock(), Sharing::Exclusive, place.deadline)?;
        let server = launch::find_or_start(&place)?;
        let owners = place.home.owners_lock();
        let cluster = Self {
            share: Some(Lock::take(&owners, Sharing::Shared, place.deadline)?),
            home: place.home,
            server,
            options: options.clone(),
        };
        let has_database = cluster.ensure_database();
        // Before the cluster: dropping that takes a turn.
        drop(turn);
        has_database?;
        Ok(cluster)
    }

    /// The URL of the database `tidemill`, for the superuser of the same name over the socket.
    pub fn url(&self) -> String {
        self.url_of(DATABASE)
    }

    /// The URL of another database of the cluster, whether it exists or not.
    pub fn url_of(&self, database: &str) -> String {
        let folder = encode(&self.server.socket_folder.to_string_lossy());
        let (database, port) = (encode(database), self.server.port);
        format!("postgres://{SUPERUSER}@localhost/{database}?host={folder}&port={port}")
    }

    /// The folder of the server's socket; only the server's user and root may enter it.
    pub fn socket_folder(&self) -> &Path {
        &self.server.socket_folder
    }

    /// The server's port: part of the socket's name, and on 127.0.0.1 for those with a password.
    pub fn port(&self) -> u16 {
        self.server.port
    }

    /// The process id of the server.
    pub fn pid(&self) -> u32 {
        self.server.pid
    }

    /// The folder of the server's data.
    pub fn data(&self) -> PathBuf {
        self.home.data()
    }

    /// The file that the server logs to.
    pub fn log(&self) -> PathBuf {
        self.home.log()
    }

    /// Runs statements in a database as the superuser, and returns the rows of all of them.
    ///
    /// It is for tools and set-up: one connection each time, no parameters, values as text.
    pub fn query(&self, database: &str, sql: &str) -> Result<Rows, ClusterError> {
        self.connect(database)
            .and_then(|mut connection| connection.query(sql))
            .map_err(|source| ClusterError::Query { database: database.into(), source })
    }

    /// Gives up this share, and stops the server when it was the last one.
    ///
    /// Dropping does the same, and keeps a failure to itself.
    pub fn stop(mut self) -> Result<Stop, ClusterError> {
        self.give_up()
    }

    /// Gives up this share, and lets the server run even when it was the last one.
    pub fn leave_running(mut self) {
        self.share = None;
    }

    /// Stops the server and removes its data; [`ClusterError::InUse`] when others use it.
    pub fn remove(mut self) -> Result<(), ClusterError> {
        let _turn = self.take_turn(self.options.start_timeout)?;
        self.share = None;
        let Some(_alone) = Lock::attempt(&self.home.owners_lock(), Sharing::Exclusive)? else {
            return Err(ClusterError::InUse { home: self.home.folder.clone() });
        };
        launch::shut_down(&self.home.data(), self.options.stop_timeout)?;
        self.home.remove()
    }

    /// Makes the server quit without an orderly shutdown and start again where it was, as after a crash: all connections
    /// break, and it recovers from its log. [`ClusterError::InUse`] when another process has a share.
    ///
    /// When it returns, the server accepts connections at the same URL as before.
    pub fn restart_abruptly(&mut self) -> Result<(), ClusterError> {
        let _turn = self.take_turn(self.options.start_timeout)?;
        self.share = None;
        let owners = self.home.owners_lock();
        let is_alone = Lock::attempt(&owners, Sharing::Exclusive)?.is_some();
        let deadline = Deadline::after(self.options.start_timeout);
        self.share = Some(Lock::take(&owners, Sharing::Shared, deadline)?);
        if !is_alone {
            return Err(ClusterError::InUse { home: self.home.folder.clone() });
        }
        let place = Place::open(&self.options)?;
        self.server = launch::restart_abruptly(&place)?;
        Ok(())
    }

    fn give_up(&mut self) -> Result<Stop, ClusterError> {
        if self.share.is_none() {
            return Ok(Stop::LeftToOthers);
        }
        // With the turn, nobody takes a share between our look and the server's end.
        let _turn = self.take_turn(self.options.stop_timeout)?;
        self.share = None;
        let Some(_alone) = Lock::attempt(&self.home.owners_lock(), Sharing::Exclusive)? else {
            return Ok(Stop::LeftToOthers);
        };
        launch::shut_down(&self.home.data(), self.options.stop_timeout)?;
        Ok(Stop::Stopped)
    }

    fn take_turn(&self, timeout: Duration) -> Result<Lock, ClusterError> {
        Lock::take(&self.home.turn_lock(), Sharing::Exclusive, Deadline::after(timeout))
    }

    fn connect(&self, database: &str) -> Result<Connection, WireError> {
        let socket = socket_path(&self.server.socket_folder, self.server.port);
        Connection::open(&socket, database, QUERY_TIMEOUT)
    }

    /// Makes the database unless it is there. Whoever died before it left that to us.
    fn ensure_database(&self) -> Result<(), ClusterError> {
        match self.connect(DATABASE) {
            Ok(_connection) => Ok(()),
            Err(WireError::Refused { code, .. }) if code == NO_SUCH_DATABASE => {
                self.query("postgres", &format!("CREATE DATABASE {DATABASE}")).map(drop)
            }
            Err(source) => Err(ClusterError::Query { database: DATABASE.into(), source }),
        }
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // Nobody is left to tell. A server that runs on is found by the next start.
        self.give_up().ok();
    }
}

/// Percent-encodes all but the unreserved characters of RFC 3986 and the slash.
fn encode(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                encoded.push(char::from(byte));
            }
            _ => encoded.extend(["%", &format!("{byte:02X}")]),
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_that_end_a_part_of_a_url_are_encoded() {
        assert_eq!(encode("/tmp/tide-mill_1.sock"), "/tmp/tide-mill_1.sock");
        assert_eq!(encode("a?b&c d%"), "a%3Fb%26c%20d%25");
    }
}
