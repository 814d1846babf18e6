//! Where things lie.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use tidemill_postgres::Options;

/// The folders of the checkout that we run in.
#[derive(Clone, Debug)]
pub(crate) struct Workspace {
    /// The top of the checkout.
    pub(crate) root: PathBuf,
    /// Where cargo builds; it may lie outside the checkout.
    pub(crate) target: PathBuf,
}

impl Workspace {
    pub(crate) fn find() -> Result<Self> {
        let ours = Path::new(env!("CARGO_MANIFEST_DIR"));
        let root = ours.ancestors().nth(2).context("find the top of the checkout")?;
        let target = match env::var_os("CARGO_TARGET_DIR") {
            Some(folder) => std::path::absolute(folder).context("find CARGO_TARGET_DIR")?,
            None => root.join("target"),
        };
        Ok(Self { root: root.into(), target })
    }

    /// The tools that set-up installs without the system's package manager.
    pub(crate) fn tools(&self) -> PathBuf {
        self.target.join("tools")
    }

    /// `PATH` with our own tools before the system's.
    pub(crate) fn path(&self) -> OsString {
        let path = env::var_os("PATH").unwrap_or_default();
        let folders = std::iter::once(self.tools().join("bin")).chain(env::split_paths(&path));
        // A folder with a colon in its name cannot be in PATH; then the system's tools must do.
        env::join_paths(folders).unwrap_or(path)
    }

    /// Finds a program on [`Workspace::path`].
    pub(crate) fn which(&self, program: &str) -> Option<PathBuf> {
        env::split_paths(&self.path())
            .map(|folder| folder.join(program))
            .find(|file| file.is_file())
    }

    /// The database server that tests and generators use.
    pub(crate) fn test_cluster(&self) -> Options {
        Options::for_tests(self.target.join("tidemill-test-pg"))
    }
}
