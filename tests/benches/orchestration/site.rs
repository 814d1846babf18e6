//! Real processes: a folder with DAG files, a database of its own, and the binary's roles.

use std::path::Path;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};
use tidemill_dag::ids::RunId;
use tidemill_store::{RunDetail, Store, StoreOptions};

use crate::stage::{Stage, closed, looks};

/// How long a role may take to end.
const GOODBYE: Duration = Duration::from_secs(30);

/// A folder whose commands share a database that nobody else uses.
pub(crate) struct Site<'a> {
    stage: &'a Stage,
    database: String,
    pub(crate) store: Store,
    folder: tempfile::TempDir,
}

impl<'a> Site<'a> {
    /// A folder with these DAG files, each as its name and its text.
    pub(crate) async fn new(stage: &'a Stage, dags: &[(&str, &str)]) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("tidemill-bench-site").tempdir()?;
        std::fs::create_dir(folder.path().join("dags"))?;
        for (name, text) in dags {
            std::fs::write(folder.path().join(format!("dags/{name}.yaml")), text)?;
        }
        let database = stage.name_a_database();
        stage.cluster.query("postgres", &format!("CREATE DATABASE {database}"))?;
        let store = Store::connect(StoreOptions::new(stage.cluster.url_of(&database))).await?;
        let site = Self { stage, database, store, folder };
        site.run(&["db", "migrate"])?;
        Ok(site)
    }

    /// A number that the server knows of this database.
    pub(crate) fn number(&self, sql: &str) -> Result<f64> {
        self.number_in(&self.database, sql)
    }

    /// How many transactions ended in this database: asked in another one, so that asking is none of them.
    pub(crate) fn transactions(&self) -> Result<f64> {
        let sql = format!(
            "SELECT xact_commit + xact_rollback FROM pg_stat_database WHERE datname = '{}'",
            self.database
        );
        self.number_in("postgres", &sql)
    }

    fn number_in(&self, database: &str, sql: &str) -> Result<f64> {
        let numbers = self.numbers_in(database, sql)?;
        numbers.first().copied().with_context(|| format!("`{sql}` gave no row"))
    }

    /// Numbers that the server knows of this database, one a row.
    pub(crate) fn numbers(&self, sql: &str) -> Result<Vec<f64>> {
        self.numbers_in(&self.database, sql)
    }

    fn numbers_in(&self, database: &str, sql: &str) -> Result<Vec<f64>> {
        let mut numbers = Vec::new();
        for row in self.stage.cluster.query(database, sql)? {
            let value = row.into_iter().next().flatten();
            let value = value.with_context(|| format!("`{sql}` gave no value"))?;
            numbers.push(value.parse().with_context(|| format!("`{value}` is no number"))?);
        }
        Ok(numbers)
    }

    /// Runs a command to its end; gives what it printed.
    pub(crate) fn run(&self, arguments: &[&str]) -> Result<String> {
        let Output { status, stdout, stderr } = self.command(arguments).output()?;
        if !status.success() {
            let told = String::from_utf8_lossy(&stderr);
            bail!("`tidemill {}` failed ({status}): {}", arguments.join(" "), told.trim());
        }
        Ok(String::from_utf8_lossy(&stdout).into_owned())
    }

    pub(crate) fn start_run(&self, dag: &str) -> Result<RunId> {
        let printed = self.run(&["run", "start", dag])?;
        printed.trim().parse().with_context(|| format!("`{}` is no run", printed.trim()))
    }

    pub(crate) async fn closed(&self, run: RunId) -> Result<RunDetail> {
        closed(&self.store, run).await
    }

    /// Starts a process that goes on until it is told to stop.
    pub(crate) fn role(&self, role: &str, arguments: &[&str]) -> Result<Role> {
        let mut command = self.command(&[&[role], arguments].concat());
        let log = std::fs::File::create(self.file(&format!("{role}.log")))?;
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn()?;
        Ok(Role { name: role.to_owned(), child })
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(self.stage.binary());
        command.args(arguments).current_dir(self.folder.path());
        command.env("DATABASE_URL", self.stage.cluster.url_of(&self.database));
        command
    }

    fn file(&self, name: &str) -> std::path::PathBuf {
        let folder: &Path = self.folder.path();
        folder.join(name)
    }
}

/// A process that does not outlive the measurement.
pub(crate) struct Role {
    name: String,
    child: Child,
}

impl Role {
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Fails when it is over already.
    pub(crate) fn expect_alive(&mut self) -> Result<()> {
        let ended = self.child.try_wait()?;
        ensure!(ended.is_none(), "`tidemill {}` ended by itself", self.name);
        Ok(())
    }

    /// Asks it to stop, and waits until it has.
    pub(crate) async fn stop(mut self) -> Result<()> {
        self.expect_alive()?;
        let id = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        kill_process(id.context("a process has a number")?, Signal::TERM)?;
        let (started, mut looks) = (Instant::now(), looks(Duration::from_millis(10)));
        loop {
            if let Some(status) = self.child.try_wait()? {
                return self.judge(status);
            }
            ensure!(started.elapsed() < GOODBYE, "`tidemill {}` did not stop", self.name);
            looks.tick().await;
        }
    }

    fn judge(&self, status: ExitStatus) -> Result<()> {
        ensure!(status.success(), "`tidemill {}` ended with {status}", self.name);
        Ok(())
    }
}

impl Drop for Role {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
