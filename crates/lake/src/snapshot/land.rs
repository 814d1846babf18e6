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
use super::difference::column_changes;
use super::discover::{Known, discover};
use super::feed::{Feed, Source};
use super::pass::{Pass, PassEnd, Step, Written, parsed};
use super::sort::Bounds;
use super::{
    ColumnChange, Destination, LandError, Landing, Manifest, Partition, SchemaColumn, Size,
    SourceFile, TimeRange,
};
use crate::dialect::{
    Column, Decimal, Dialect, DialectError, Evidence, Hints, Kind, Layout, Role, kind_of,
};
use crate::personal::{Policies, Sampler};
use crate::read::{Plan, Tally, Widening, hex};
use crate::source::{Access, Listed, list};

/// Where a landing works: what it may read, and where it may keep temporary files.
#[derive(Clone)]
pub struct Workspace {
    /// What may be read.
    pub access: Access,
    /// A folder for temporary files, which are removed.
    pub scratch: PathBuf,
    /// The name of the data set, to which tokens of personal data are bound.
    pub dataset: String,
    /// Gives the value of an environment variable; asked for the key of personal data alone.
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
    let sources = find_sources(request, workspace).await?;
    let listed: Vec<&Listed> = sources.iter().map(|source| &source.listed).collect();
    let request_hash = hash_of(&request);
    if let Some(same) = earlier.same_interval
        && same.request_hash == request_hash
        && same.sources.iter().map(|source| &source.file).eq(listed.iter().copied())
    {
        return Ok(Landed::Unchanged);
    }
    let pinned = earlier.latest.or(earlier.same_interval);
    let folder = hash_of(&(&request_hash, &listed, pinned.map(|manifest| &manifest.content_hash)))
        [..16]
        .to_owned();
    let sources = Arc::new(sources);
    let mut work = Work::begin(request, pinned, workspace, Arc::clone(&sources)).await?;
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

async fn find_sources(request: &Landing, workspace: &Workspace) -> Result<Vec<Source>, LandError> {
    if request.sources.is_empty() {
        return Err(LandError::Request { what: "there are no `sources`".into() });
    }
    let least = Size::from_bytes(32 << 20);
    if request.memory() < least {
        let what = format!("`memory` of {} is too little: write {least} or more", request.memory());
        return Err(LandError::Request { what });
    }
    let (mut sources, mut seen) = (Vec::new(), BTreeSet::new());
    for address in &request.sources {
        let place = list(address, &workspace.access).await?;
        for (listed, path) in place.files {
            if seen.insert(listed.location.clone()) {
                let store = Arc::clone(&place.store);
                sources.push(Source { store, is_local: place.is_local, listed, path });
            }
        }
    }
    Ok(sources)
}

fn hash_of(value: &impl serde::Serialize) -> String {
    let json = serde_json::to_vec(value).expect("settings have text keys alone");
    hex(&Sha256::digest(json))
}

/// A landing on its way.
struct Work<'a> {
    request: &'a Landing,
    pinned: Option<&'a Manifest>,
    sources: Arc<Vec<Source>>,
    hints: Hints,
    dialect: Dialect,
    notes: Vec<String>,
    /// How many columns were known before the first source was read.
    required_columns: usize,
    partition: Partition,
    /// How much a row takes, going by the first ones.
    row_bytes: usize,
    personal: crate::personal::PersonalDataReport,
}

impl<'a> Work<'a> {
    async fn begin(
        request: &'a Landing,
        pinned: Option<&'a Manifest>,
        workspace: &Workspace,
        sources: Arc<Vec<Source>>,
    ) -> Result<Self, LandError> {
        tokio::fs::create_dir_all(&workspace.scratch).await.map_err(|source| LandError::Write {
            path: workspace.scratch.display().to_string(),
            source: source.into(),
        })?;
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
        let personal = crate::personal::PersonalDataReport::default();
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
            personal,
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
        let personal =
            |source: Box<dyn std::error::Error + Send + Sync>| LandError::Personal { source };
        let everything = crate::personal::PersonalData {
            columns: std::collections::BTreeMap::new(),
            on_find: crate::personal::OnFind::Report,
            ..self.request.personal.clone()
        };
        let none = Sampler::default();
        let as_they_are = Policies::new(&everything, &workspace.dataset, &schema, &none, &|_| None)
            .map_err(|error| personal(error.into()))?;
        let mut sampler = Sampler::default();
        let mut steps = std::pin::pin!(parsed(&feed, Arc::new(as_they_are)));
        while let Some(step) = steps.next().await {
            let Step::Parsed { source, parsed } = step? else { continue };
            if !parsed.widenings.is_empty() {
                self.widen(
                    parsed.widenings.into_iter().map(|widening| (source, widening)).collect(),
                )?;
                return Ok(None);
            }
            let width = parsed.batch.num_columns() - 2;
            let user: Vec<usize> = (0..width).collect();
            let rows = parsed.batch.project(&user).map_err(|error| personal(error.into()))?;
            sampler.observe(&rows, 2000).map_err(|error| personal(error.into()))?;
            let size = |column: &ArrayRef| column.to_data().get_slice_memory_size();
            let sizes = rows.columns().iter().map(size).sum::<Result<usize, _>>();
            let sizes = sizes.map_err(|error| personal(error.into()))?;
            self.row_bytes = sizes / rows.num_rows().max(1);
            self.fix_partition(&rows);
            break;
        }
        let policies = Policies::new(
            &self.request.personal,
            &workspace.dataset,
            &schema,
            &sampler,
            &*workspace.environment,
        );
        let policies = policies.map_err(|error| personal(error.into()))?;
        self.keep_sorting_columns(&policies)?;
        self.personal = policies.report().clone();
        Ok(Some(policies))
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
        &self,
        policies: Policies,
        (workspace, destination, folder): (&'p Workspace, &'p Destination, &'p str),
    ) -> Pass<'p> {
        Pass {
            feed: self.feed(),
            policies: Arc::new(policies),
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

    /// Takes into account what a pass found out about columns. Each pass knows more than the one before, so this comes to an end.
    fn widen(&mut self, widenings: Vec<(usize, Widening)>) -> Result<(), LandError> {
        for (source, widening) in widenings {
            let location = self.sources[source].listed.location.clone();
            match widening {
                Widening::Fraction { column } => self.dialect.columns[column].kind = Kind::Float,
                Widening::Found { column, evidence } => {
                    if self.dialect.columns[column].kind == Kind::Empty {
                        let name = self.dialect.columns[column].name.clone();
                        self.dialect.columns[column].kind =
                            self.found(&location, &name, &evidence)?;
                    }
                }
                Widening::Added { name, evidence } => {
                    if !self.dialect.columns.iter().any(|column| column.name == name) {
                        let kind = self.found(&location, &name, &evidence)?;
                        self.dialect.columns.push(Column { name, kind });
                    }
                }
                Widening::Described(described) => self.describe(location, described)?,
            }
        }
        Ok(())
    }

    fn found(
        &mut self,
        location: &str,
        name: &str,
        evidence: &Evidence,
    ) -> Result<Kind, LandError> {
        let hint = self.hints.columns.get(name).cloned().unwrap_or_default();
        let times = self.request.times();
        let role = if times.contains(&name) { Role::Time } else { Role::Value };
        let decimal = match &self.dialect.layout {
            Layout::Delimited(layout) => layout.decimal,
            Layout::JsonLines | Layout::Parquet => Decimal::Point,
        };
        let found = kind_of(name, evidence, &hint, decimal, role)
            .map_err(|problem| LandError::Dialect { location: location.into(), problem })?;
        self.notes.extend(found.note);
        // A column without values stays empty, and a later pass must not ask again.
        Ok(if found.kind == Kind::Empty && evidence.values > 0 { Kind::Text } else { found.kind })
    }

    fn describe(&mut self, location: String, described: Column) -> Result<(), LandError> {
        let Some(known) =
            self.dialect.columns.iter_mut().find(|column| column.name == described.name)
        else {
            self.dialect.columns.push(described);
            return Ok(());
        };
        let Some(kind) = known.kind.widened(&described.kind) else {
            let change = ColumnChange::Retyped {
                name: described.name,
                from: known.kind.word().into(),
                to: described.kind.word().into(),
            };
            return Err(LandError::Schema { location, changes: vec![change] });
        };
        known.kind = kind;
        Ok(())
    }

    /// Rows that do not fit a pinned schema are a change of the schema, if the source says so by itself.
    async fn explain(&self, error: LandError) -> LandError {
        let (LandError::Rejects { location, .. }, Some(pinned)) = (&error, self.pinned) else {
            return error;
        };
        let Some(source) = self.sources.iter().find(|source| source.listed.location == *location)
        else {
            return error;
        };
        let known = Known {
            format: self.request.format,
            hints: self.hints.clone(),
            times: self.request.times().into_iter().map(str::to_owned).collect(),
        };
        let Ok(sniffed) = discover(source, &known).await else { return error };
        let after: Vec<SchemaColumn> = sniffed.dialect.columns.iter().map(schema_column).collect();
        let before: Vec<SchemaColumn> = pinned.dialect.columns.iter().map(schema_column).collect();
        let mut changes = column_changes(&before, &after);
        changes.retain(|change| {
            matches!(change, ColumnChange::Retyped { from, to, .. }
            if to != "empty" && !(from == "float" && to == "integer"))
        });
        if changes.is_empty() {
            return error;
        }
        LandError::Schema { location: location.clone(), changes }
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
            personal: self.personal,
        }
    }
}

pub(super) fn schema_column(column: &Column) -> SchemaColumn {
    SchemaColumn { name: column.name.clone(), kind: column.kind.word().to_owned() }
}
