//! Lands sources as a snapshot.

use std::collections::{BTreeSet, HashMap};
use std::path::PathBuf;
use std::sync::Arc;

use chrono::DateTime;
use datafusion::arrow::array::{Array, ArrayRef, AsArray};
use datafusion::arrow::datatypes::TimestampMicrosecondType;
use datafusion::arrow::record_batch::RecordBatch;
use futures::StreamExt;
use sha2::{Digest, Sha256};

use super::dialects::{first_dialect, kept_dialect};
use super::feed::{Feed, Source};
use super::find::{Found, find};
use super::pass::{Pass, PassEnd, Written};
use super::sort::Bounds;
use super::steps::{Step, found, parsed};
use super::{
    Destination, LandError, Landing, Manifest, Partition, SchemaColumn, SourceFile, TimeRange,
};
use crate::dialect::{Column, Dialect, DialectError, Hints, Kind, Layout};
use crate::personal::{Limit, PersonalData, Policies, Reservoir, Sampler};
use crate::read::{Plan, Tally, hex};
use crate::source::{Access, Listed};

/// Where a landing works: what it may read, and where it may keep temporary files.
#[derive(Clone)]
pub struct Workspace {
    /// What may be read.
    pub access: Access,
    /// A folder for temporary files, which are removed.
    pub scratch: PathBuf,
    /// The name of the data set, to which tokens of personal data are bound.
    pub dataset: String,
    /// Gives the value of an environment variable; asked for the key of personal data and for the addresses of databases.
    pub environment: Arc<Environment>,
}

/// Gives the value of an environment variable.
pub type Environment = dyn Fn(&str) -> Option<String> + Send + Sync;

/// The snapshots that are there already.
#[derive(Clone, Copy, Debug, Default)]
pub struct Earlier<'a> {
    /// The one of the same interval, if there is one: landed again with the same bytes, nothing happens.
    pub same_interval: Option<&'a Manifest>,
    /// The latest one of the data set: its dialect and its schema are kept to.
    pub latest: Option<&'a Manifest>,
}

/// What became of a landing.
#[derive(Clone, Debug, PartialEq)]
pub enum Landed {
    /// The sources are those of the snapshot that is there, or hold the same.
    Unchanged,
    /// A new snapshot; it exists for others once the caller publishes its manifest.
    Snapshot(Box<Manifest>),
}

/// Lands sources as a snapshot in a folder of its own, whose manifest is written last.
///
/// The same bytes give the same files, whatever the number of threads and the memory. After an error nothing is named by a manifest.
/// Landing twice at once is harmless: both write the same bytes to the same names.
pub async fn land(
    request: &Landing,
    earlier: Earlier<'_>,
    workspace: &Workspace,
    destination: &Destination,
) -> Result<Landed, LandError> {
    let pinned = earlier.latest.or(earlier.same_interval);
    let Found { sources, notes } = find(request, pinned, workspace).await?;
    let listed: Vec<&Listed> = sources.iter().map(|source| &source.listed).collect();
    let request_hash = hash_of(&request);
    if let Some(same) = earlier.same_interval
        && same.request_hash == request_hash
        && same.sources.iter().map(|source| &source.file).eq(listed.iter().copied())
    {
        return Ok(Landed::Unchanged);
    }
    let folder = hash_of(&(&request_hash, &listed, pinned.map(|manifest| &manifest.content_hash)))
        [..16]
        .to_owned();
    let sources = Arc::new(sources);
    let mut work = Work::begin(request, pinned, Arc::clone(&sources)).await?;
    work.notes.extend(notes);
    let written = loop {
        let policies = work.look_at_rows(workspace).await?;
        let Some(policies) = policies else { continue };
        match work.pass(policies, (workspace, destination, &folder)).run().await {
            Ok(PassEnd::Complete(written)) => break written,
            Ok(PassEnd::Widen(widenings)) => work.widen(widenings)?,
            Err(error) => return Err(work.explain(error).await),
        }
    };
    let manifest = work.manifest(*written, (folder, request_hash));
    if let Some(same) = earlier.same_interval
        && same.content_hash == manifest.content_hash
    {
        let files = manifest.files.iter().chain(&manifest.quarantine);
        let is_other = manifest.folder != same.folder;
        destination.remove(files.filter(|_| is_other).map(|file| file.path.as_str())).await;
        return Ok(Landed::Unchanged);
    }
    let name = format!("{}/{}", manifest.folder, Manifest::FILE_NAME);
    destination.write(&name, manifest.to_json()?).await?;
    Ok(Landed::Snapshot(Box::new(manifest)))
}

fn hash_of(value: &impl serde::Serialize) -> String {
    let json = serde_json::to_vec(value).expect("settings have text keys alone");
    hex(&Sha256::digest(json))
}

/// A landing on its way.
pub(super) struct Work<'a> {
    pub(super) request: &'a Landing,
    pub(super) pinned: Option<&'a Manifest>,
    pub(super) sources: Arc<Vec<Source>>,
    pub(super) hints: Hints,
    pub(super) dialect: Dialect,
    pub(super) notes: Vec<String>,
    /// How many columns were known before the first source was read.
    required_columns: usize,
    partition: Partition,
    /// How much a row takes, going by the first ones.
    row_bytes: usize,
}

impl<'a> Work<'a> {
    async fn begin(
        request: &'a Landing,
        pinned: Option<&'a Manifest>,
        sources: Arc<Vec<Source>>,
    ) -> Result<Self, LandError> {
        let hints = request.hints();
        let (dialect, notes) = if let Some(manifest) = pinned {
            (kept_dialect(request, &hints, manifest)?, Vec::new())
        } else {
            let sniffed = first_dialect(request, &hints, &sources).await?;
            (sniffed.dialect, sniffed.notes)
        };
        let required_columns = dialect.columns.len();
        for name in request.entity.iter().map(String::as_str).chain(request.times()) {
            if !dialect.columns.iter().any(|column| column.name == name) {
                let location = sources[0].listed.location.clone();
                let names: Vec<String> =
                    dialect.columns.iter().map(|column| column.name.clone()).collect();
                let near = crate::nearest::nearest(name, names.iter().map(String::as_str));
                let near = near.map(str::to_owned);
                let problem = DialectError::NoColumn { column: name.into(), near };
                return Err(LandError::Dialect { location, problem });
            }
        }
        let partition = match (request.partition, pinned) {
            (Partition::Auto, Some(manifest)) => manifest.partition,
            (partition, _) => partition,
        };
        Ok(Self {
            request,
            pinned,
            sources,
            hints,
            dialect,
            notes,
            required_columns,
            partition,
            row_bytes: 0,
        })
    }

    fn event_time(&self) -> Option<&str> {
        self.request.event_time.as_ref().map(|time| time.column.as_str())
    }

    fn feed(&self) -> Feed {
        let time = self.request.event_time.clone().unwrap_or_default();
        let event_time = self
            .event_time()
            .and_then(|name| self.dialect.columns.iter().position(|column| column.name == name));
        let delimited = match &self.dialect.layout {
            Layout::Delimited(layout) => Some(layout.clone()),
            Layout::JsonLines | Layout::Parquet => None,
        };
        let plan = Plan {
            columns: self.dialect.columns.clone(),
            places: (0..self.dialect.columns.len()).collect(),
            missing: Vec::new(),
            delimited,
            header: Vec::new(),
            event_time,
            doubled: time.doubled_hour,
            skipped: time.skipped_hour,
            partition: self.partition,
            keeps_text: !self.request.personal.hides_values(),
        };
        let memory = usize::try_from(self.request.memory().bytes()).unwrap_or(usize::MAX);
        Feed {
            sources: Arc::clone(&self.sources),
            layout: self.dialect.layout.clone(),
            plan,
            required_columns: self.required_columns,
            removed: self.request.evolution.removed.clone(),
            hints: self.hints.clone(),
            times: self.request.times().into_iter().map(str::to_owned).collect(),
            empty_files: self.request.empty_files,
            longest_record: (memory / 16).clamp(1 << 20, 256 << 20),
            piece_bytes: (memory / 256).clamp(1 << 17, 4 << 20),
        }
    }

    /// Looks at the first rows: how dense they are, and whether they hold personal data. Nothing where columns turned out to be other.
    async fn look_at_rows(&mut self, workspace: &Workspace) -> Result<Option<Policies>, LandError> {
        // Always as many rows, so that what follows from them does not depend on the memory.
        let feed = Feed { piece_bytes: 4 << 20, ..self.feed() };
        let schema = Arc::new(datafusion::arrow::datatypes::Schema::new(
            feed.plan.columns.iter().map(Column::field).collect::<Vec<_>>(),
        ));
        let everything = PersonalData {
            columns: std::collections::BTreeMap::new(),
            on_find: crate::personal::OnFind::Report,
            ..self.request.personal.clone()
        };
        let none = Sampler::default();
        let as_they_are =
            Policies::new(&everything, &workspace.dataset, &schema, &none, &|_| None)?;
        let width = schema.fields().len();
        let limit = Arc::new(Limit::for_rows_of(width, 1));
        let mut sample = Reservoir::default();
        let mut steps = std::pin::pin!(parsed(&feed, Arc::new(as_they_are), Arc::clone(&limit)));
        while let Some(step) = steps.next().await {
            let Step::Parsed { source, parsed, candidates } = step? else { continue };
            if !parsed.widenings.is_empty() {
                self.widen(
                    parsed.widenings.into_iter().map(|widening| (source, widening)).collect(),
                )?;
                return Ok(None);
            }
            sample.take(&candidates, &limit);
            self.measure(&parsed.batch, width);
            break;
        }
        let samples =
            sample.samples().map_err(|error| LandError::Sort { source: Box::new(error.into()) })?;
        let policies = Policies::new(
            &self.request.personal,
            &workspace.dataset,
            &schema,
            &samples,
            &*workspace.environment,
        );
        let policies = policies.map_err(|error| found(error, &sample, &self.sources))?;
        self.keep_sorting_columns(&policies)?;
        Ok(Some(policies))
    }

    /// Sees how much a row of the user's columns takes, and how dense rows are.
    fn measure(&mut self, rows: &RecordBatch, width: usize) {
        let size = |column: &ArrayRef| column.to_data().get_slice_memory_size().unwrap_or(0);
        let bytes: usize = rows.columns()[..width].iter().map(size).sum();
        self.row_bytes = bytes / rows.num_rows().max(1);
        self.fix_partition(rows);
    }

    /// What rows are sorted by must still be there when personal data is dealt with.
    fn keep_sorting_columns(&self, policies: &Policies) -> Result<(), LandError> {
        for name in self.request.times() {
            let field = policies.schema().field_with_name(name);
            if !field.is_ok_and(|field| field.data_type().is_temporal()) {
                let what = format!("`{name}` orders the rows, so it cannot be dropped or replaced");
                return Err(LandError::Request { what });
            }
        }
        for name in &self.request.entity {
            if policies.schema().index_of(name).is_err() {
                let what = format!("`{name}` is the entity, so it cannot be dropped");
                return Err(LandError::Request { what });
            }
        }
        Ok(())
    }

    fn fix_partition(&mut self, rows: &RecordBatch) {
        if self.partition != Partition::Auto {
            return;
        }
        let times = self.event_time().and_then(|name| rows.column_by_name(name));
        self.partition = match times {
            None => Partition::None,
            Some(times) => {
                let times = times.as_primitive::<TimestampMicrosecondType>();
                let days: BTreeSet<i64> = times.values()[..times.len()]
                    .iter()
                    .map(|at| at.div_euclid(86_400_000_000))
                    .collect();
                Partition::for_density(rows.num_rows(), days.len())
            }
        };
    }

    fn pass<'p>(
        &'p self,
        policies: Policies,
        (workspace, destination, folder): (&'p Workspace, &'p Destination, &'p str),
    ) -> Pass<'p> {
        Pass {
            feed: self.feed(),
            policies: Arc::new(policies),
            personal: &self.request.personal,
            event_time: self.event_time().map(str::to_owned),
            known_time: self.request.known_time.clone(),
            entity: self.request.entity.clone(),
            partition: self.partition,
            most_rejected: self.request.most_rejected(),
            empty_files: self.request.empty_files,
            bounds: Bounds { memory: self.request.memory(), row_bytes: self.row_bytes },
            scratch: &workspace.scratch,
            destination,
            folder,
        }
    }

    fn manifest(self, written: Written, (folder, request_hash): (String, String)) -> Manifest {
        let fields = written.schema.fields();
        let known: HashMap<&str, &Kind> = self
            .dialect
            .columns
            .iter()
            .map(|column| (column.name.as_str(), &column.kind))
            .collect();
        // A column that was masked, hashed or tokenised is text, whatever it was.
        let word = |name: &str, is_text: bool| {
            let kind = known.get(name).filter(|kind| !is_text || ***kind == Kind::Empty);
            kind.map_or("text", |kind| kind.word())
        };
        let columns: Vec<SchemaColumn> = fields
            .iter()
            .map(|field| SchemaColumn {
                name: field.name().clone(),
                kind: word(field.name(), field.data_type().is_string()).to_owned(),
            })
            .collect();
        let files: Vec<_> = written.files.iter().chain(&written.quarantine).collect();
        let content_hash = Manifest::hash_of(&columns, &files, &folder);
        let mut tally = Tally::default();
        for (_, source) in &written.sources {
            tally.add(source);
        }
        tally.add(&written.shared);
        let sources = self.sources.iter().zip(written.sources).map(|(source, (sha256, tally))| {
            SourceFile { file: source.listed.clone(), sha256, tally }
        });
        let range = |column: Option<&str>, range: Option<(i64, i64)>| {
            let (min, max) = range?;
            Some(TimeRange {
                column: column?.to_owned(),
                min: DateTime::from_timestamp_micros(min)?,
                max: DateTime::from_timestamp_micros(max)?,
            })
        };
        let mut notes = self.notes.clone();
        if let Some(time) = &self.request.event_time
            && time.zone.is_none()
        {
            notes.push(format!("times of `{}` that state no offset are read as UTC", time.column));
        }
        notes.sort();
        notes.dedup();
        Manifest {
            version: Manifest::VERSION,
            folder,
            request_hash,
            content_hash,
            columns,
            rows: written.files.iter().map(|file| file.rows).sum(),
            size_bytes: written.files.iter().map(|file| file.size_bytes).sum(),
            event_time: range(self.event_time(), written.ranges[0]),
            known_time: range(self.request.known_time.as_deref(), written.ranges[1]),
            entity: self.request.entity.clone(),
            partition: self.partition,
            sources: sources.collect(),
            dialect: self.dialect,
            notes,
            files: written.files,
            quarantine: written.quarantine,
            tally,
            personal: written.personal,
        }
    }
}

pub(super) fn schema_column(column: &Column) -> SchemaColumn {
    SchemaColumn { name: column.name.clone(), kind: column.kind.word().to_owned() }
}
