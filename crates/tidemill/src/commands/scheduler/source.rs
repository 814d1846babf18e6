//! The DAG files of the repository, as a scheduler reads them: all of them, when one of them changed.

use std::sync::{Mutex, PoisonError};

use tidemill_dag::catalog::Catalog;
use tidemill_dag::problem::Problem;
use tidemill_scheduler::{DagSource, SourceError};

use crate::repository::{Fingerprint, Loaded, Repository};

/// A folder that is read again when a file of it, or one that such a file includes, looks different.
#[derive(Debug)]
pub(super) struct FolderSource {
    repository: Repository,
    catalog: Catalog,
    seen: Mutex<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    fingerprint: Option<Fingerprint>,
    /// Files that DAGs include, from the root.
    includes: Vec<String>,
}

impl FolderSource {
    pub(super) fn new(repository: Repository, catalog: Catalog) -> Self {
        Self { repository, catalog, seen: Mutex::default() }
    }
}

impl DagSource for FolderSource {
    fn load(&self) -> Result<Option<tidemill_scheduler::Repository>, SourceError> {
        let unreadable = |error: anyhow::Error| SourceError(error.into());
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        // Taken before the files are read: what changes meanwhile is seen the next time.
        let fingerprint = self.repository.fingerprint(&seen.includes).map_err(unreadable)?;
        if seen.fingerprint.as_ref() == Some(&fingerprint) {
            return Ok(None);
        }
        let Loaded { dags, problems, .. } =
            self.repository.load(&self.catalog).map_err(unreadable)?;
        let mut includes: Vec<String> = dags.iter().flat_map(|dag| dag.includes.clone()).collect();
        includes.sort();
        includes.dedup();
        // Other includes than before were not looked at: then all is read once more.
        seen.fingerprint = (includes == seen.includes).then_some(fingerprint);
        seen.includes = includes;
        let mut broken: Vec<String> =
            problems.iter().map(|problem| problem.path().to_owned()).collect();
        broken.dedup();
        tell(&problems);
        Ok(Some(tidemill_scheduler::Repository { dags, broken }))
    }
}

/// Said once for each change of the files; `tidemill dag check` says more.
fn tell(problems: &[Problem]) {
    for problem in problems {
        let place = problem.line_and_column().map(|(line, column)| format!(":{line}:{column}"));
        tracing::error!("{}{}: {}", problem.path(), place.unwrap_or_default(), problem.what);
    }
}
