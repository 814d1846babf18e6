//! What sources may be reached, and with what credentials.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// What sources may be reached, and with what credentials. It comes from whoever runs the work, never from a workflow.
#[derive(Clone, Default)]
pub struct Access {
    root: PathBuf,
    reads_environment: bool,
    options: BTreeMap<String, String>,
}

impl Access {
    /// Files below a folder, and object stores with the credentials of the environment (`AWS_…`, `GOOGLE_…`, `AZURE_…`).
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into(), reads_environment: true, options: BTreeMap::new() }
    }

    /// The same, but with these settings of the object store (such as `aws_endpoint`) instead of the environment's.
    #[must_use]
    pub fn with_options(mut self, options: BTreeMap<String, String>) -> Self {
        self.reads_environment = false;
        self.options = options;
        self
    }

    /// The folder that local files must lie in.
    pub fn root(&self) -> &Path {
        &self.root
    }

    pub(super) fn reads_environment(&self) -> bool {
        self.reads_environment
    }

    pub(super) fn options(&self) -> &BTreeMap<String, String> {
        &self.options
    }
}

impl std::fmt::Debug for Access {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Options may hold secrets.
        formatter.debug_struct("Access").field("root", &self.root).finish_non_exhaustive()
    }
}
