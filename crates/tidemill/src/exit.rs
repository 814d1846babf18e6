//! How the program ends: documented exit codes, and failures that carry theirs with a hint.

use std::fmt;
use std::process::ExitCode;

use tidemill_dag::problem::Problems;
use tidemill_postgres::ClusterError;
use tidemill_store::StoreError;
use tidemill_task::ArtifactError;

/// The exit codes, as `tidemill --help` lists them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Something went wrong that none of the others names.
    Failure = 1,
    /// The command line was wrong.
    Usage = 2,
    /// A DAG file has problems.
    InvalidDag = 10,
    /// The configuration has problems.
    InvalidConfig = 11,
    /// There is nothing of that name.
    NotFound = 12,
    /// The database cannot be reached.
    DatabaseUnreachable = 20,
    /// The database needs `tidemill db migrate`.
    MigrationNeeded = 21,
    /// The object store cannot be used.
    ObjectStoreUnusable = 22,
    /// The run that was waited for failed.
    RunFailed = 30,
    /// A drill found that something was lost, doubled or too late.
    DrillFailed = 31,
}

impl Exit {
    /// The table of exit codes for people.
    pub(crate) const TABLE: &str = "Exit codes:
   0  done
   1  something went wrong that none of the others names
   2  the command line was wrong
  10  a DAG file has problems
  11  the configuration has problems
  12  there is nothing of that name
  20  the database cannot be reached
  21  the database needs `tidemill db migrate`
  22  the object store cannot be used
  30  the run that was waited for failed
  31  a drill found something lost, doubled or too late";
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Why a command failed.
#[derive(Debug)]
pub(crate) struct Failure {
    /// The exit code.
    pub exit: Exit,
    /// What was attempted and why it failed; `None` when all is said already.
    pub error: Option<anyhow::Error>,
    /// What to do about it.
    pub hint: Option<String>,
}

impl Failure {
    /// A failure with its exit code.
    pub(crate) fn new(exit: Exit, error: impl Into<anyhow::Error>) -> Self {
        Self { exit, error: Some(error.into()), hint: None }
    }

    /// A failure whose reasons were printed already.
    pub(crate) const fn told(exit: Exit) -> Self {
        Self { exit, error: None, hint: None }
    }

    /// Adds what to do about it.
    #[must_use]
    pub(crate) fn hint(mut self, hint: impl Into<Option<String>>) -> Self {
        self.hint = hint.into();
        self
    }

    /// A configuration with problems, which are printed.
    pub(crate) fn invalid_config(problems: Problems) -> Self {
        let printed: Vec<String> = problems.into_sorted().iter().map(ToString::to_string).collect();
        Self::new(
            Exit::InvalidConfig,
            anyhow::anyhow!("{}", printed.join("\n").trim_start_matches("error: ").to_owned()),
        )
    }
}

/// `error:` with the chain of causes, then `hint:`.
impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(error) = &self.error else {
            return Ok(());
        };
        write!(f, "error: {error}")?;
        let mut said = error.to_string();
        for cause in error.chain().skip(1).map(ToString::to_string) {
            // Some libraries repeat their cause in their own words.
            if !said.ends_with(&cause) {
                write!(f, "\n  because: {cause}")?;
                said = cause;
            }
        }
        self.hint.iter().try_for_each(|hint| write!(f, "\nhint: {hint}"))
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self::new(Exit::Failure, error)
    }
}

impl From<ClusterError> for Failure {
    fn from(error: ClusterError) -> Self {
        let hint = error.hint();
        Self::new(Exit::DatabaseUnreachable, error).hint(hint)
    }
}

impl From<ArtifactError> for Failure {
    fn from(error: ArtifactError) -> Self {
        use ArtifactError as E;
        let (exit, hint) = match &error {
            E::Address { .. } => (
                Exit::InvalidConfig,
                "`artifacts.url` is a folder, `file:///path` or `s3://bucket/prefix`",
            ),
            E::Denied { .. } => (
                Exit::ObjectStoreUnusable,
                "see AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and what they may do in the bucket",
            ),
            E::NoBucket { .. } => (
                Exit::ObjectStoreUnusable,
                "make the bucket, or see `artifacts.url`, AWS_REGION and AWS_ENDPOINT",
            ),
            E::Unreachable { .. } => (
                Exit::ObjectStoreUnusable,
                "see AWS_ENDPOINT and AWS_REGION, and whether credentials are set at all",
            ),
            E::Folder { .. } => {
                (Exit::ObjectStoreUnusable, "see whether there is leave to write there")
            }
            E::List { .. }
            | E::Delete { .. }
            | E::UnknownPort { .. }
            | E::PortTaken { .. }
            | E::Write { .. }
            | E::Missing { .. }
            | E::Read { .. }
            | E::Changed { .. } => return Self::new(Exit::Failure, error),
        };
        Self::new(exit, error).hint(hint.to_owned())
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        use StoreError as E;
        let (exit, hint) = match &error {
            E::Unreachable { .. } | E::NoAnswer { .. } => (
                Exit::DatabaseUnreachable,
                "check `database.url` in the configuration, or leave it empty for a private database",
            ),
            E::BadSchema { .. } => (
                Exit::InvalidConfig,
                "`database.schema` is empty, or begins with a lower-case letter and has 63 signs at most",
            ),
            E::BadUrl { .. } => (
                Exit::InvalidConfig,
                "`database.url` or DATABASE_URL looks like `postgres://user:password@host:5432/name`",
            ),
            E::NeedsMigration { .. } => (Exit::MigrationNeeded, "run `tidemill db migrate`"),
            E::TooNew { .. } => (
                Exit::MigrationNeeded,
                "a later tidemill used this database: run that one, or reset it by `tidemill db reset`",
            ),
            E::Migrate { .. } => (
                Exit::MigrationNeeded,
                "if the database was made by an unreleased version, `tidemill db reset` begins anew",
            ),
            E::UnknownRun { .. } | E::AmbiguousRun { .. } => {
                (Exit::NotFound, "`tidemill run list` lists the runs")
            }
            E::UnknownDataset { .. } => {
                (Exit::NotFound, "`tidemill dataset list` lists the data sets")
            }
            E::TasksDropped { .. } => (
                Exit::NotFound,
                "`retention.tasks` in the configuration says how long tasks are kept; start the interval anew by `tidemill run start`",
            ),
            // Spelled out so that a new variant gets its exit code on purpose.
            E::Read { .. }
            | E::Write { .. }
            | E::Open { .. }
            | E::Apply { .. }
            | E::Contended { .. }
            | E::Rerun { .. }
            | E::Claim { .. }
            | E::Renew { .. }
            | E::LostLease { .. }
            | E::Trigger { .. }
            | E::UnknownDag { .. }
            | E::UnknownVersion { .. }
            | E::UnknownTask { .. }
            | E::NotLeader { .. }
            | E::UnknownBackfill { .. }
            | E::AmbiguousBackfill { .. }
            | E::BackfillStands { .. }
            | E::NothingToPin { .. }
            | E::Unplannable { .. }
            | E::Corrupt(_) => return Self::new(Exit::Failure, error),
        };
        Self::new(exit, error).hint(hint.to_owned())
    }
}
