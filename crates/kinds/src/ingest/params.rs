//! What is to be landed, and how.

use schemars::JsonSchema;
use serde::Deserialize;
use tidemill_dag::catalog::Objections;
use tidemill_dag::names::DatasetName;
use tidemill_dag::time::{DataInterval, Timestamp};
use tidemill_lake::dialect::Hints;
use tidemill_lake::personal::PersonalData;
use tidemill_lake::postgres::PostgresQuery;
use tidemill_lake::snapshot::{EmptyFiles, EventTime, Evolution, Format, Landing, Partition, Size};
use tidemill_task::TaskContext;

/// Lands files as the next version of a data set: every line accounted for, nothing visible before all of it is.
///
/// What is left out is found out from the files, and then kept to. The same files again are no new version.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Params {
    /// The files: a path from the repository's root, or an address in `s3`, `gs`, `az`, `http` or `https`; `*`, `**`, `?` and `[…]` stand for
    /// names.
    #[serde(default)]
    source: Option<String>,
    /// The same, where there are several.
    #[serde(default)]
    sources: Vec<String>,
    /// Queries of Postgres databases, in place of files.
    #[serde(default)]
    postgres: Vec<PostgresQuery>,
    /// The data set that they become a version of.
    #[schemars(with = "String", extend("format" = "name"))]
    pub(super) dataset: DatasetName,
    /// What the files hold: the rows of the run's interval if nothing is said.
    #[serde(default)]
    pub(super) covers: Covers,
    /// What the files are; told from their first bytes unless declared.
    #[serde(default)]
    format: Option<Format>,
    /// What is known about how they are written.
    #[serde(default)]
    read: Hints,
    /// Which column says when something happened.
    #[serde(default)]
    event_time: Option<EventTime>,
    /// Which column says when it became known.
    #[serde(default)]
    known_time: Option<String>,
    /// Which columns say to what it happened: a machine, a meter, a customer.
    #[serde(default)]
    entity: Vec<String>,
    /// How rows are dealt out to files by event time.
    #[serde(default)]
    partition: Partition,
    /// Changes of the schema that are meant.
    #[serde(default)]
    evolution: Evolution,
    /// Which share of rows may be rejected before the landing fails: a hundredth unless declared.
    #[serde(default)]
    #[schemars(range(min = 0.0, max = 1.0))]
    most_rejected: Option<f64>,
    /// What to do about files without a row.
    #[serde(default)]
    empty_files: EmptyFiles,
    /// What becomes of personal data.
    #[serde(default)]
    personal: PersonalData,
}

/// What files hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Covers {
    /// The rows of the run's interval. They replace what was landed of it.
    #[default]
    Interval,
    /// All rows up to the end of the run's interval. They replace all that was landed.
    All,
}

impl Covers {
    /// The stretch of time that a landing replaces.
    pub(super) fn stretch(self, interval: DataInterval) -> DataInterval {
        match self {
            Self::Interval => interval,
            Self::All => DataInterval { start: Timestamp::UNIX_EPOCH, ..interval },
        }
    }
}

/// The least memory that a landing works in.
const LEAST_MEMORY: u64 = 32 << 20;

impl Params {
    pub(super) fn check(&self, objections: &mut Objections) {
        let has_files = self.source.is_some() || !self.sources.is_empty();
        if !has_files && self.postgres.is_empty() {
            let hint = "write `source: raw/*.csv`, `sources: [a.csv, b.csv]`, or \
                `postgres: [{ address: PLANT_URL, query: TABLE readings, key: [id] }]`";
            objections.add("", "there is no source", Some(hint.to_owned()));
        }
        if has_files && !self.postgres.is_empty() {
            let hint = "land them by two tasks, into two data sets".to_owned();
            objections.add("/postgres", "files and queries are both given", Some(hint));
        }
        if self.source.is_some() && !self.sources.is_empty() {
            let hint = "put all of them into `sources`".to_owned();
            objections.add("/source", "`source` and `sources` are both given", Some(hint));
        }
        for (at, source) in self.addressed() {
            let host = source.split_once("://").and_then(|(_, rest)| rest.split('/').next());
            // A password is told by the language already.
            let user = host.and_then(|host| host.split_once('@')).map(|(user, _)| user);
            if user.is_some_and(|user| !user.contains(':')) {
                let hint =
                    "set them in the environment of the worker (AWS_ACCESS_KEY_ID and so on)";
                objections.add(at, "credentials do not belong in a DAG", Some(hint.to_owned()));
            } else if source.split('/').any(|part| part == "..") {
                let hint = "name a folder below the repository's root".to_owned();
                objections.add(at, "the source leads out of its folder", Some(hint));
            }
        }
    }

    /// The environment variables that a landing reads: the key of personal data, the addresses of databases.
    pub(super) fn variables(&self) -> impl Iterator<Item = &String> {
        self.personal.key.iter().chain(self.postgres.iter().map(|query| &query.address))
    }

    /// All sources, with their places.
    fn addressed(&self) -> impl Iterator<Item = (String, &str)> {
        let one = self.source.iter().map(|source| ("/source".to_owned(), source.as_str()));
        let many = self.sources.iter().enumerate();
        one.chain(many.map(|(index, source)| (format!("/sources/{index}"), source.as_str())))
    }

    /// What the lake is asked for.
    pub(super) fn landing(&self, context: &TaskContext) -> Landing {
        let memory = context.memory().0.max(LEAST_MEMORY);
        Landing {
            sources: self.addressed().map(|(_, source)| source.to_owned()).collect(),
            postgres: self.postgres.clone(),
            format: self.format,
            read: self.read.clone(),
            event_time: self.event_time.clone(),
            known_time: self.known_time.clone(),
            entity: self.entity.clone(),
            partition: self.partition,
            evolution: self.evolution.clone(),
            most_rejected: self.most_rejected,
            empty_files: self.empty_files,
            personal: self.personal.clone(),
            memory: Some(Size::from_bytes(memory)),
        }
    }
}
