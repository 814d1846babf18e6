//! The descriptions of SQL statements in `.sqlx`, with which a build needs no database.
//!
//! sqlx's macros write them themselves: with `DATABASE_URL` and without `SQLX_OFFLINE` they ask
//! the database about each statement, and leave the answer in `SQLX_OFFLINE_DIR` where that is
//! set (`query/mod.rs` of sqlx-macros-core). `cargo sqlx prepare` does the same.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::{Context, Result};
use tidemill_postgres::Cluster;

use super::{Files, read_files};
use crate::workspace::Workspace;
use crate::{process, test};

/// Compiles the store against a new database with all migrations.
pub(super) fn describe_queries(workspace: &Workspace) -> Result<Files> {
    let cluster = test::start_cluster(workspace)?;
    // Checkouts that share a target folder share its server, too.
    let database = format!("tidemill_generated_{}", std::process::id());
    migrate(workspace, &cluster, &database)?;
    let made = workspace.target.join("generated-sqlx");
    empty(&made)?;
    check_store(workspace, &cluster.url_of(&database), &made)?;
    cluster.query("postgres", &format!("DROP DATABASE {database} WITH (FORCE)"))?;
    cluster.stop().context("stop the generators' PostgreSQL")?;
    read_files(&made, |name| name.starts_with("query-"))
}

fn migrate(workspace: &Workspace, cluster: &Cluster, database: &str) -> Result<()> {
    cluster.query("postgres", &format!("DROP DATABASE IF EXISTS {database} WITH (FORCE)"))?;
    cluster.query("postgres", &format!("CREATE DATABASE {database}"))?;
    for file in migrations(&workspace.root.join("migrations"))? {
        let sql = fs::read_to_string(&file).with_context(|| format!("read {}", file.display()))?;
        cluster.query(database, &sql).with_context(|| format!("apply {}", file.display()))?;
    }
    Ok(())
}

/// The files that make the schema, in the order of their time stamps.
fn migrations(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| format!("list {}", folder.display()))? {
        let path = entry.with_context(|| format!("list {}", folder.display()))?.path();
        if path.to_string_lossy().ends_with(".up.sql") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

fn empty(folder: &Path) -> Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder).with_context(|| format!("remove {}", folder.display()))?;
    }
    fs::create_dir_all(folder).with_context(|| format!("make {}", folder.display()))
}

fn check_store(workspace: &Workspace, url: &str, made: &Path) -> Result<()> {
    // The macros run only when cargo compiles, and cargo does not know that the schema matters.
    // Afterwards the file has its old time again: what else was built from it is still good.
    let source = workspace.root.join("crates/store/src/lib.rs");
    let before = fs::metadata(&source).and_then(|found| found.modified());
    let before = before.with_context(|| format!("read {}", source.display()))?;
    set_time(&source, SystemTime::now())?;
    let mut check = process::cargo(workspace, &["check", "-p", "tidemill-store", "--all-targets"]);
    check.env("DATABASE_URL", url).env("SQLX_OFFLINE", "false").env("SQLX_OFFLINE_DIR", made);
    let checked = process::run(&mut check);
    set_time(&source, before)?;
    checked
}

fn set_time(file: &Path, time: SystemTime) -> Result<()> {
    File::options()
        .append(true)
        .open(file)
        .and_then(|file| file.set_modified(time))
        .with_context(|| format!("touch {}", file.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_migrations_up_are_taken_and_in_order() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["2_b.up.sql", "1_a.up.sql", "1_a.down.sql", "README.md"] {
            fs::write(folder.path().join(name), "").unwrap();
        }

        let expected = ["1_a.up.sql", "2_b.up.sql"].map(|name| folder.path().join(name));
        assert_eq!(migrations(folder.path()).unwrap(), expected);
    }
}
