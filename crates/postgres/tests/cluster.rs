//! Real clusters: made, shared, killed, found again and removed.
#![expect(clippy::unwrap_used, reason = "what tests share fails as they do")]
#![expect(clippy::print_stdout, reason = "a test tells its parent process that it is ready")]

use std::env;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, getpgid, kill_process};
use tempfile::TempDir;
use tidemill_postgres::{Cluster, ClusterError, Options, Stop};

/// A state folder whose cluster goes with it.
struct Scratch {
    folder: TempDir,
}

impl Scratch {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn options(&self) -> Options {
        Options::for_tests(self.folder.path())
    }

    fn start(&self) -> Cluster {
        Cluster::start(&self.options()).unwrap()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // Also after a failed test; where it has failed, starting may fail as well.
        if let Ok(cluster) = Cluster::start(&self.options()) {
            cluster.remove().ok();
        } else if let Ok(home) = fs::read_to_string(self.folder.path().join("location")) {
            fs::remove_dir_all(home.trim_end()).ok();
        }
    }
}

fn number(cluster: &Cluster, sql: &str) -> String {
    let rows = cluster.query("tidemill", sql).unwrap();
    rows[0][0].clone().unwrap()
}

fn process(pid: u32) -> Pid {
    Pid::from_raw(i32::try_from(pid).unwrap()).unwrap()
}

fn is_running(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with('Z'))
}

fn wait_for_end(pid: u32) {
    let patience = Instant::now() + Duration::from_secs(10);
    while is_running(pid) {
        assert!(Instant::now() < patience, "process {pid} has not ended");
        thread::yield_now();
    }
}

#[test]
fn new_cluster_has_its_database_and_ends_with_its_last_share() {
    let scratch = Scratch::new();
    let first = scratch.start();
    let second = scratch.start();
    let (pid, sockets) = (first.pid(), first.socket_folder().to_owned());

    assert_eq!(number(&first, "SELECT current_database()"), "tidemill");
    assert_eq!(second.pid(), pid);
    assert_eq!(first.stop().unwrap(), Stop::LeftToOthers);
    assert!(is_running(pid));
    assert_eq!(second.stop().unwrap(), Stop::Stopped);
    assert!(!is_running(pid));
    assert!(!sockets.exists());
}

#[test]
fn data_is_there_after_a_stop_and_after_a_killed_server() {
    let scratch = Scratch::new();
    // Durable: a careless cluster may lose what it committed last.
    let options = Options::new(scratch.folder.path());
    let cluster = Cluster::start(&options).unwrap();
    cluster.query("tidemill", "CREATE TABLE kept AS SELECT 1 AS one").unwrap();
    cluster.stop().unwrap();

    let cluster = Cluster::start(&options).unwrap();
    assert_eq!(number(&cluster, "SELECT count(*) FROM kept"), "1");
    cluster.query("tidemill", "INSERT INTO kept VALUES (2)").unwrap();
    kill_process(process(cluster.pid()), Signal::KILL).unwrap();
    wait_for_end(cluster.pid());
    let recovered = scratch.start();

    assert_ne!(recovered.pid(), cluster.pid());
    assert_eq!(number(&recovered, "SELECT count(*) FROM kept"), "2");
}

#[test]
fn last_share_stops_the_server_that_replaced_a_killed_one() {
    let scratch = Scratch::new();
    let old = scratch.start();
    kill_process(process(old.pid()), Signal::KILL).unwrap();
    wait_for_end(old.pid());
    let new = scratch.start();
    let pid = new.pid();

    assert_eq!(new.stop().unwrap(), Stop::LeftToOthers);
    assert_eq!(old.stop().unwrap(), Stop::Stopped);

    assert!(!is_running(pid));
}

#[test]
fn server_that_was_left_running_is_found_again() {
    let scratch = Scratch::new();
    let cluster = scratch.start();
    let pid = cluster.pid();
    cluster.leave_running();

    let found = scratch.start();

    assert_eq!(found.pid(), pid);
    assert_eq!(found.stop().unwrap(), Stop::Stopped);
}

#[test]
fn server_outlives_a_killed_parent_and_is_found_again() {
    let scratch = Scratch::new();
    let mut parent = Command::new(env::current_exe().unwrap())
        .args(["--exact", "parent_that_waits_to_be_killed", "--ignored", "--nocapture"])
        .env("TIDEMILL_TEST_FOLDER", scratch.folder.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(parent.stdout.take().unwrap()).lines();
    let ready = lines.map(Result::unwrap).find(|line| line.contains("ready ")).unwrap();
    let pid: u32 = ready.split_once("ready ").unwrap().1.parse().unwrap();
    parent.kill().unwrap();
    parent.wait().unwrap();

    let found = scratch.start();

    assert_eq!(found.pid(), pid);
}

#[test]
#[ignore = "it is the parent process of the test above"]
fn parent_that_waits_to_be_killed() {
    let Some(folder) = env::var_os("TIDEMILL_TEST_FOLDER") else { return };
    let cluster = Cluster::start(&Options::for_tests(folder)).unwrap();
    println!("\nready {}", cluster.pid());
    thread::sleep(Duration::from_mins(1));
}

#[test]
fn starts_at_the_same_time_share_one_server() {
    let scratch = Scratch::new();
    let options = scratch.options();

    let clusters: Vec<Cluster> = thread::scope(|scope| {
        let starts: Vec<_> =
            (0..8).map(|_| scope.spawn(|| Cluster::start(&options).unwrap())).collect();
        starts.into_iter().map(|start| start.join().unwrap()).collect()
    });

    let first = clusters[0].pid();
    assert!(clusters.iter().all(|cluster| cluster.pid() == first));
}

#[test]
fn starts_and_stops_at_the_same_time_leave_nobody_without_a_server() {
    let scratch = Scratch::new();
    let options = scratch.options();

    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..5 {
                    let cluster = Cluster::start(&options).unwrap();
                    assert_eq!(number(&cluster, "SELECT 1"), "1");
                }
            });
        }
    });

    let last = scratch.start();
    assert_eq!(last.stop().unwrap(), Stop::Stopped);
}

#[test]
fn stale_pid_file_with_the_number_of_another_process_is_no_obstacle() {
    let scratch = Scratch::new();
    let cluster = scratch.start();
    let data = cluster.data();
    cluster.stop().unwrap();
    // A live process of the server's own user would make PostgreSQL refuse; ours is alive too.
    let text = format!("{}\n{}\n1\n5432\n/tmp\n127.0.0.1\n", std::process::id(), data.display());
    fs::write(data.join("postmaster.pid"), text).unwrap();

    let cluster = scratch.start();

    assert_eq!(number(&cluster, "SELECT 1"), "1");
}

#[test]
fn half_made_data_is_made_anew() {
    let scratch = Scratch::new();
    let cluster = scratch.start();
    let data = cluster.data();
    cluster.stop().unwrap();
    let half = data.with_file_name("data.new-1");
    fs::rename(&data, &half).unwrap();
    fs::remove_file(half.join("PG_VERSION")).unwrap();

    let cluster = scratch.start();

    assert_eq!(number(&cluster, "SELECT 1"), "1");
    assert!(!half.exists());
}

#[test]
fn lost_socket_makes_a_new_server_unless_somebody_uses_the_old_one() {
    let scratch = Scratch::new();
    let user = scratch.start();
    fs::remove_dir_all(user.socket_folder()).unwrap();

    let refused = Cluster::start(&scratch.options()).unwrap_err();
    assert!(matches!(refused, ClusterError::Unreachable { pid, .. } if pid == user.pid()));

    let old = user.pid();
    user.leave_running();
    assert_ne!(scratch.start().pid(), old);
}

#[test]
fn network_connection_is_asked_for_a_password() {
    let scratch = Scratch::new();
    let cluster = scratch.start();
    let mut stream = TcpStream::connect(("127.0.0.1", cluster.port())).unwrap();
    let greeting = b"\x00\x00\x00\x17\x00\x03\x00\x00user\0tidemill\0\0";

    stream.write_all(greeting).unwrap();
    let mut answer = [0; 9];
    stream.read_exact(&mut answer).unwrap();

    // AuthenticationSASL has the number 10; AuthenticationOk would have 0.
    assert_eq!((answer[0], &answer[5..]), (b'R', &[0, 0, 0, 10][..]));
}

#[test]
fn server_runs_in_its_own_group_with_a_private_socket_and_never_as_root() {
    let scratch = Scratch::new();
    let cluster = scratch.start();
    let owner = fs::metadata(format!("/proc/{}", cluster.pid())).unwrap().uid();
    let sockets = fs::metadata(cluster.socket_folder()).unwrap();

    assert_ne!(owner, 0);
    assert_eq!(getpgid(Some(process(cluster.pid()))).unwrap(), process(cluster.pid()));
    assert_eq!((sockets.uid(), sockets.mode() & 0o777), (owner, 0o700));
}

#[test]
fn data_that_the_server_could_not_reach_lies_elsewhere_and_is_removed_there() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let scratch = Scratch::new();
    fs::set_permissions(scratch.folder.path(), fs::Permissions::from_mode(0o700)).unwrap();
    let cluster = scratch.start();
    let data = cluster.data();

    assert!(data.starts_with("/var/lib/tidemill"), "{}", data.display());
    assert_eq!(scratch.start().data(), data);
    cluster.remove().unwrap();
    assert!(!data.parent().unwrap().exists());
    assert!(!scratch.folder.path().join("location").exists());
}

#[test]
fn url_is_understood_by_psql() {
    let psql = Path::new("/usr/bin/psql");
    if !psql.exists() {
        return;
    }
    let scratch = Scratch::new();
    let cluster = scratch.start();

    let output = Command::new(psql)
        .args([&cluster.url(), "--no-psqlrc", "--tuples-only", "--no-align"])
        .args(["--command", "SELECT current_user || ' of ' || current_database()"])
        .output()
        .unwrap();

    assert_eq!(String::from_utf8_lossy(&output.stdout), "tidemill of tidemill\n");
}

#[test]
fn failed_start_quotes_the_servers_log() {
    let scratch = Scratch::new();
    let options = scratch.options().with_setting("shared_buffers", "plenty");

    let refused = Cluster::start(&options).unwrap_err();

    let text = refused.to_string();
    assert!(
        text.starts_with("start the PostgreSQL server: it ended with exit status: 1"),
        "{text}"
    );
    assert!(text.contains("invalid value for parameter \"shared_buffers\""), "{text}");
}

#[test]
fn data_of_another_major_version_is_refused_and_not_touched() {
    let scratch = Scratch::new();
    let cluster = scratch.start();
    let version = cluster.data().join("PG_VERSION");
    cluster.stop().unwrap();
    let right = fs::read_to_string(&version).unwrap();
    fs::write(&version, "9\n").unwrap();

    let refused = Cluster::start(&scratch.options()).unwrap_err();

    fs::write(&version, right).unwrap();
    assert!(matches!(refused, ClusterError::WrongVersion { needed: 9, .. }), "{refused}");
}

#[test]
fn cluster_that_somebody_uses_is_not_removed() {
    let scratch = Scratch::new();
    let user = scratch.start();

    let refused = scratch.start().remove().unwrap_err();

    assert!(matches!(refused, ClusterError::InUse { .. }), "{refused}");
    let data = user.data();
    user.remove().unwrap();
    assert!(!data.exists());
}

#[test]
fn abrupt_restart_keeps_the_url_and_what_was_committed() {
    let scratch = Scratch::new();
    // A cluster for tests may lose what it has just committed.
    let mut cluster = Cluster::start(&Options::new(scratch.folder.path())).unwrap();
    let (url, pid) = (cluster.url(), cluster.pid());
    cluster
        .query("tidemill", "CREATE TABLE kept (n integer); INSERT INTO kept VALUES (7)")
        .unwrap();

    cluster.restart_abruptly().unwrap();

    assert_eq!(cluster.url(), url);
    assert_ne!(cluster.pid(), pid);
    assert_eq!(number(&cluster, "SELECT n FROM kept"), "7");
    assert_eq!(cluster.stop().unwrap(), Stop::Stopped);
}

#[test]
fn server_that_somebody_else_uses_is_not_restarted() {
    let scratch = Scratch::new();
    let mut cluster = scratch.start();
    let other = scratch.start();
    let pid = cluster.pid();

    let refused = cluster.restart_abruptly().unwrap_err();

    assert!(matches!(refused, ClusterError::InUse { .. }), "{refused:?}");
    assert!(is_running(pid));
    assert_eq!(other.stop().unwrap(), Stop::LeftToOthers);
}

#[test]
fn refused_statement_carries_the_servers_words() {
    let scratch = Scratch::new();
    let cluster = scratch.start();

    let refused = cluster.query("tidemill", "SELECT * FROM nowhere").unwrap_err();

    let source = std::error::Error::source(&refused).unwrap();
    assert_eq!(source.to_string(), "relation \"nowhere\" does not exist (SQLSTATE 42P01)");
}
