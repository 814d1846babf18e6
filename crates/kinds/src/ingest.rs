//! `ingest`: lands files as the next version of a data set.

mod params;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tidemill_dag::advance::Retry;
use tidemill_dag::catalog::{Objections, Port, Ports};
use tidemill_dag::names::DatasetName;
use tidemill_dag::time::{DataInterval, Timestamp};
use tidemill_lake::postgres::QueryError;
use tidemill_lake::snapshot::{Destination, Earlier, LandError, Landed, Manifest, Workspace, land};
use tidemill_lake::source::{Access, SourceError};
use tidemill_task::{
    ArtifactRef, ContentHash, DatasetVersion, Explain, Isolation, Policy, Publication, Snapshot,
    Step, TaskContext, TaskError, TaskKind, WrittenFile,
};

use self::params::{Covers, Params};
use crate::tables::{
    JSON, JSON_LINES, PARQUET, Published, TableInfo, counted, read_published, say,
};

/// Lands files as the next version of a data set.
pub(crate) struct Ingest;

/// What was landed.
#[derive(Serialize, Deserialize)]
pub(crate) struct Output {
    /// The data set.
    dataset: DatasetName,
    /// What the rows are about.
    interval: DataInterval,
    /// Whether the data set has these very rows already: then no version was added.
    unchanged: bool,
    /// Rows that landed.
    rows: u64,
    /// Rows that did not.
    rejected: u64,
    /// The sources.
    sources: usize,
    /// The files that they became.
    files: usize,
    /// The size of these.
    size_bytes: u64,
    /// The earliest and the latest event.
    events: Option<(Timestamp, Timestamp)>,
    /// The SHA-256 of the rows.
    content: ContentHash,
}

impl TaskKind for Ingest {
    const NAME: &'static str = "ingest";
    const VERSION: u32 = 1;
    const PORTS: Ports = Ports {
        inputs: &[],
        outputs: &[
            Port::many("table", "table"),
            Port::one("manifest", "manifest"),
            Port::optional("quarantine", "quarantine"),
        ],
    };
    const ISOLATION: Isolation = Isolation::Process;
    type Params = Params;
    type Output = Output;

    fn sample() -> Value {
        json!({
            "source": "tides/*.csv",
            "dataset": "tides",
            "event_time": { "column": "at" },
            "entity": ["station"],
        })
    }

    /// It reads the world: only looking tells whether files are the same. That is done, and costs a listing.
    fn policy() -> Policy {
        Policy { is_cacheable: false }
    }

    fn check(params: &Params, objections: &mut Objections) {
        params.check(objections);
    }

    async fn run(context: &TaskContext, params: Params) -> Result<Step<Output>, TaskError> {
        let interval = params.covers.stretch(context.interval());
        let earlier = Versions::read(context, &params, interval).await?;
        let scratch = context.scratch();
        let landing = land_into(context, &params, &earlier);
        let landed = tokio::select! {
            biased;
            landed = landing => landed,
            () = context.cancelled() => Err(TaskError::Cancelled),
        };
        // What is left of it is of no use to anybody.
        tokio::fs::remove_dir_all(&scratch).await.ok();
        let (landed, of) = (landed?, (&params.dataset, interval));
        let output = match (landed, earlier.same) {
            (Landed::Snapshot(manifest), _) => publish(context, of, &manifest).await?,
            (Landed::Unchanged, Some(same)) => pass_on(context, of, &same).await?,
            (Landed::Unchanged, None) => {
                return Err(TaskError::fatal("land the files: nothing was there to be unchanged"));
            }
        };
        Ok(Step::Done(output))
    }
}

/// The versions that a landing is compared with.
struct Versions {
    /// Of the same interval.
    same: Option<Published>,
    /// The newest.
    latest: Option<Published>,
}

impl Versions {
    async fn read(
        context: &TaskContext,
        params: &Params,
        interval: DataInterval,
    ) -> Result<Self, TaskError> {
        let now = context.dataset_at(&params.dataset, None).await?;
        params.covers.refuse_mixture(&params.dataset, &now)?;
        let is_same = |version: &&DatasetVersion| version.snapshot.interval.start == interval.start;
        let same = now.iter().find(is_same);
        let latest = now.iter().max_by_key(|version| version.version);
        let store = context.artifact_store();
        Ok(Self {
            same: match same {
                Some(version) => Some(read_published(store, version).await?),
                None => None,
            },
            latest: match latest {
                Some(version) => Some(read_published(store, version).await?),
                None => None,
            },
        })
    }
}

async fn land_into(
    context: &TaskContext,
    params: &Params,
    earlier: &Versions,
) -> Result<Landed, TaskError> {
    let request = params.landing(context);
    // These are the only variables that a landing reads by itself.
    let mut variables = BTreeMap::new();
    for name in params.variables() {
        variables.insert(name.clone(), context.variable(name)?.to_owned());
    }
    let environment = move |name: &str| variables.get(name).cloned();
    let workspace = Workspace {
        access: Access::new(context.repository()),
        scratch: context.scratch(),
        dataset: params.dataset.to_string(),
        environment: Arc::new(environment),
    };
    let (store, folder) = context.artifacts().folder();
    let destination = Destination::within(store, folder);
    let earlier = Earlier {
        same_interval: earlier.same.as_ref().map(Published::manifest),
        latest: earlier.latest.as_ref().map(Published::manifest),
    };
    context.progress(None, format!("landing `{}`", params.dataset));
    land(&request, earlier, &workspace, &destination).await.map_err(|error| explain(&error))
}

/// Makes the files of a landing artefacts, and its manifest the next version of the data set once this attempt has succeeded.
async fn publish(
    context: &TaskContext,
    (dataset, interval): (&DatasetName, DataInterval),
    manifest: &Manifest,
) -> Result<Output, TaskError> {
    let artifacts = context.artifacts();
    let identity: ContentHash = hash(&manifest.content_hash)?;
    let info = TableInfo::of_landing(dataset, interval, identity, manifest);
    write_info(context, &info).await?;
    for file in &manifest.files {
        let sha256 = hash(&file.sha256)?;
        let written = WrittenFile { path: &file.path, sha256, size_bytes: file.size_bytes };
        artifacts.take_in("table", PARQUET, written).await?;
    }
    if let Some(file) = &manifest.quarantine {
        let sha256 = hash(&file.sha256)?;
        let written = WrittenFile { path: &file.path, sha256, size_bytes: file.size_bytes };
        let quarantine = artifacts.take_in("quarantine", JSON_LINES, written).await?;
        artifacts.pass_on("table", &quarantine)?;
    }
    let text = manifest.to_json().or_fatal("write the manifest")?;
    let path = format!("{}/{}", manifest.folder, Manifest::FILE_NAME);
    let size_bytes = text.len() as u64;
    let written = WrittenFile { path: &path, sha256: ContentHash::of(&text), size_bytes };
    let written = artifacts.take_in("manifest", JSON, written).await?;
    let snapshot = Snapshot {
        dataset: dataset.clone(),
        interval,
        content: identity,
        rows: manifest.rows,
        size_bytes: manifest.size_bytes,
        events: events(manifest),
    };
    artifacts.publish(&written, Publication::Dataset(snapshot));
    tell(context, &info, None);
    Ok(output((dataset, interval), identity, manifest, false))
}

/// Gives the snapshot on that is there: the same artefacts, and no version.
async fn pass_on(
    context: &TaskContext,
    (dataset, interval): (&DatasetName, DataInterval),
    same: &Published,
) -> Result<Output, TaskError> {
    let artifacts = context.artifacts();
    let (manifest, identity) = (same.manifest(), same.version.snapshot.content);
    // What the data set has is what is told, also where a later run asks for it.
    let interval = DataInterval { start: interval.start, end: same.version.snapshot.interval.end };
    let info = TableInfo::of_landing(dataset, interval, identity, manifest);
    write_info(context, &info).await?;
    let part = |path: &str, sha256: ContentHash, size_bytes, media_type: &str| ArtifactRef {
        location: same.location_of(path),
        sha256,
        size_bytes,
        media_type: media_type.to_owned(),
        ..same.version.manifest.clone()
    };
    for file in &manifest.files {
        let part = part(&file.path, hash(&file.sha256)?, file.size_bytes, PARQUET);
        artifacts.pass_on("table", &part)?;
    }
    if let Some(file) = &manifest.quarantine {
        let part = part(&file.path, hash(&file.sha256)?, file.size_bytes, JSON_LINES);
        let quarantine = artifacts.pass_on("quarantine", &part)?;
        artifacts.pass_on("table", &quarantine)?;
    }
    artifacts.pass_on("manifest", &same.version.manifest)?;
    tell(context, &info, Some(same.version.version));
    Ok(output((dataset, interval), identity, manifest, true))
}

async fn write_info(context: &TaskContext, info: &TableInfo) -> Result<(), TaskError> {
    let text = serde_json::to_vec_pretty(info).or_fatal("describe the table")?;
    context.artifacts().write("table", JSON, text).await?;
    Ok(())
}

fn output(
    (dataset, interval): (&DatasetName, DataInterval),
    content: ContentHash,
    manifest: &Manifest,
    unchanged: bool,
) -> Output {
    Output {
        dataset: dataset.clone(),
        interval,
        unchanged,
        rows: manifest.rows,
        rejected: manifest.tally.rows_rejected(),
        sources: manifest.sources.len(),
        files: manifest.files.len(),
        size_bytes: manifest.size_bytes,
        events: events(manifest),
        content,
    }
}

fn events(manifest: &Manifest) -> Option<(Timestamp, Timestamp)> {
    manifest.event_time.as_ref().map(|range| (range.min, range.max))
}

fn hash(text: &str) -> Result<ContentHash, TaskError> {
    text.parse().or_fatal("read a hash of the manifest")
}

/// Tells people what became of every line.
fn tell(context: &TaskContext, info: &TableInfo, unchanged: Option<u32>) {
    let landing = info.landing.as_ref();
    let mut lines = landing.map(super::tables::LandingInfo::in_words).unwrap_or_default();
    lines.extend(landing.into_iter().flat_map(|landing| &landing.notes).cloned());
    let dataset = info.dataset.as_ref().map(ToString::to_string).unwrap_or_default();
    let rows = counted(info.rows, "row");
    lines.push(if let Some(version) = unchanged {
        format!("unchanged: version {version} of `{dataset}` has these {rows} already")
    } else {
        let files = counted(info.files.len() as u64, "file");
        format!("`{dataset}` gets {rows} in {files}")
    });
    say(context, lines);
}

/// What went wrong, with what to do about it, and whether another try could help.
fn explain(error: &LandError) -> TaskError {
    let may_pass = match error {
        // What is not there yet may be delivered, and what does not answer may come back.
        LandError::Source(SourceError::Nothing { .. } | SourceError::List { .. })
        | LandError::Query(
            QueryError::Connect { .. }
            | QueryError::Slow { .. }
            | QueryError::Lost { .. }
            | QueryError::Keep { .. },
        )
        | LandError::Changed { .. }
        | LandError::Sort { .. }
        | LandError::Write { .. } => true,
        LandError::Source(
            SourceError::Address { .. } | SourceError::Escapes { .. } | SourceError::Denied { .. },
        )
        | LandError::Query(
            QueryError::Request { .. }
            | QueryError::Address { .. }
            | QueryError::Denied { .. }
            | QueryError::Statement { .. }
            | QueryError::Types { .. }
            | QueryError::Key { .. }
            | QueryError::Value { .. },
        )
        | LandError::Request { .. }
        | LandError::Dialect { .. }
        | LandError::Damaged { .. }
        | LandError::LongRow { .. }
        | LandError::Parquet { .. }
        | LandError::NoRows { .. }
        | LandError::Rejects { .. }
        | LandError::Schema { .. }
        | LandError::Manifest { .. }
        | LandError::Personal { .. }
        | LandError::Policies(_)
        | LandError::Treat { .. } => false,
    };
    let retry = if may_pass { Retry::MayHelp } else { Retry::CannotHelp };
    let hint = error.hint().map(|hint| format!(" ({hint})")).unwrap_or_default();
    let mut message = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(source) = cause {
        message = format!("{message}: {source}");
        cause = source.source();
    }
    TaskError::Failed { message: format!("{message}{hint}"), retry, source: None }
}

impl Covers {
    /// A data set is landed by intervals or as a whole: both together would have rows twice.
    fn refuse_mixture(
        self,
        dataset: &DatasetName,
        now: &[DatasetVersion],
    ) -> Result<(), TaskError> {
        let is_whole =
            |version: &DatasetVersion| version.snapshot.interval.start == Timestamp::UNIX_EPOCH;
        let (what, hint) = match self {
            Self::All if now.iter().any(|version| !is_whole(version)) => {
                ("has rows that were landed interval by interval", "leave `covers: all` out")
            }
            Self::Interval if now.iter().any(is_whole) => {
                ("was landed as a whole", "write `covers: all`")
            }
            Self::All | Self::Interval => return Ok(()),
        };
        Err(TaskError::fatal(format!(
            "land into `{dataset}`: it {what}, and would have rows twice ({hint}, or land into another data set)"
        )))
    }
}
