//! One pass over all sources: read, parse, treat, sort, write.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use datafusion::arrow::array::ArrayRef;
use datafusion::arrow::datatypes::{Field, Schema, SchemaRef};
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::error::DataFusionError;
use futures::{Stream, StreamExt, TryStreamExt};
use tokio::runtime::Handle;
use tokio::sync::mpsc::channel;

use super::destination::Upload;
use super::doubled::DoubledRows;
use super::feed::{Feed, Job};
use super::files::FileWriter;
use super::settings::EmptyFiles;
use super::sort::{Bounds, Intake, sorter};
use super::{DataFile, Destination, LandError, Partition};
use crate::blocking::blocking;
use crate::personal::Policies;
use crate::read::{
    ORDINAL, PARTITION, Parsed, Reject, Tally, Widening, parse_delimited, parse_json, parse_parquet,
};

/// All that a pass needs.
pub(super) struct Pass<'a> {
    pub(super) feed: Feed,
    pub(super) policies: Arc<Policies>,
    pub(super) event_time: Option<String>,
    pub(super) known_time: Option<String>,
    pub(super) entity: Vec<String>,
    pub(super) partition: Partition,
    pub(super) most_rejected: f64,
    pub(super) empty_files: EmptyFiles,
    pub(super) bounds: Bounds,
    pub(super) scratch: &'a Path,
    pub(super) destination: &'a Destination,
    pub(super) folder: &'a str,
}

/// How a pass ended.
pub(super) enum PassEnd {
    /// Columns are other than was thought; nothing of the pass counts.
    Widen(Vec<(usize, Widening)>),
    /// All rows are written.
    Complete(Box<Written>),
}

/// What a pass wrote.
pub(super) struct Written {
    pub(super) schema: SchemaRef,
    pub(super) files: Vec<DataFile>,
    pub(super) quarantine: Option<DataFile>,
    /// The ranges of the event time and of the known time.
    pub(super) ranges: Vec<Option<(i64, i64)>>,
    /// Each source's hash and account, in their order.
    pub(super) sources: Vec<(String, Tally)>,
    /// What was decided about rows of several sources.
    pub(super) shared: Tally,
}

/// What is left after all rows were given to the sorter.
struct Consumed {
    sources: Vec<(String, Tally)>,
    quarantine: Option<DataFile>,
    shared: Tally,
    widenings: Vec<(usize, Widening)>,
}

impl Pass<'_> {
    /// The schema of what is sorted: what the policies leave, and the helpers.
    fn schema(&self) -> SchemaRef {
        with_helpers(self.policies.schema(), &self.feed.plan.schema())
    }

    /// Carries the pass out. After an error nothing is left but files that no manifest names, and those are removed.
    pub(super) async fn run(self) -> Result<PassEnd, LandError> {
        let schema = self.schema();
        let place = |name: &Option<String>| {
            name.as_ref().and_then(|name| self.policies.schema().index_of(name).ok())
        };
        let ranged = vec![place(&self.event_time), place(&self.known_time)];
        let columns = Arc::clone(self.policies.schema());
        let mut writer = FileWriter::new(
            self.destination,
            self.folder,
            Arc::clone(&columns),
            (self.partition, self.bounds.group_rows()),
            ranged,
        );
        let keys = self.keys();
        let (intake, rows) =
            sorter(&schema, &keys, self.bounds, self.scratch).map_err(sort_failed)?;
        let rows = rows.map_err(sort_failed);
        let quarantine_path = format!("{}/quarantine.jsonl", self.folder);
        let mut quarantine = Quarantine::new(self.destination, &quarantine_path);
        let (consumed, wrote) =
            tokio::join!(self.consume(intake, &mut quarantine), writer.write(rows));
        let outcome = match (consumed, wrote) {
            (Ok(consumed), _) if !consumed.widenings.is_empty() => {
                Ok(PassEnd::Widen(consumed.widenings))
            }
            // What went wrong with the rows comes before what the writer made of it.
            (Err(error), _) | (Ok(_), Err(error)) => Err(error),
            (Ok(consumed), Ok(())) => {
                let files = std::mem::take(&mut writer.files);
                return Ok(PassEnd::Complete(Box::new(Written {
                    schema: columns,
                    files,
                    quarantine: consumed.quarantine,
                    ranges: std::mem::take(&mut writer.ranges),
                    sources: consumed.sources,
                    shared: consumed.shared,
                })));
            }
        };
        writer.abandon().await;
        quarantine.abandon().await;
        let names = writer.files.iter().map(|file| file.path.as_str());
        self.destination
            .remove(names.chain(quarantine.finished.then_some(quarantine_path.as_str())))
            .await;
        outcome
    }

    fn keys(&self) -> Vec<&str> {
        if self.event_time.is_none() && self.entity.is_empty() {
            return Vec::new();
        }
        let mut keys = vec![PARTITION];
        keys.extend(self.entity.iter().map(String::as_str));
        keys.extend(self.event_time.as_deref());
        keys.push(ORDINAL);
        keys
    }

    /// Parses and treats everything, and gives it to the sorter.
    async fn consume(
        &self,
        mut intake: Intake,
        quarantine: &mut Quarantine<'_>,
    ) -> Result<Consumed, LandError> {
        let mut doubled = DoubledRows::default();
        let mut progress = Progress::new(self.feed.sources.len());
        let mut parsed = std::pin::pin!(parsed(&self.feed, Arc::clone(&self.policies)));
        while let Some(step) = parsed.next().await {
            let step = match step {
                Ok(step) => step,
                Err(error) => {
                    intake.fail().await;
                    return Err(error);
                }
            };
            match self.take(step, &mut progress, (quarantine, &mut doubled)).await {
                Ok(Some(batch)) if batch.num_rows() > 0 => {
                    if intake.give(batch).await.is_none() {
                        // The sorter or the writer failed; its error is the one that counts.
                        return Ok(progress.end(None));
                    }
                }
                Ok(_) => {}
                Err(error) => {
                    intake.fail().await;
                    return Err(error);
                }
            }
        }
        if !progress.widenings.is_empty() {
            intake.fail().await;
            return Ok(progress.end(None));
        }
        match self.finish(&mut progress, doubled, quarantine).await {
            Ok((last, quarantined)) => {
                if let Some(batch) = last {
                    intake.give(batch).await.unwrap_or_default();
                }
                Ok(progress.end(quarantined))
            }
            Err(error) => {
                intake.fail().await;
                Err(error)
            }
        }
    }

    /// Takes a step into account; its rows, if they count.
    async fn take(
        &self,
        step: Step,
        progress: &mut Progress,
        (quarantine, doubled): (&mut Quarantine<'_>, &mut DoubledRows),
    ) -> Result<Option<RecordBatch>, LandError> {
        match step {
            Step::Widen { source, widenings } => {
                progress.widenings.extend(widenings.into_iter().map(|widening| (source, widening)));
                Ok(None)
            }
            Step::Done { source, sha256, tally } => {
                let account = &mut progress.sources[source];
                account.0 = sha256;
                account.1.add(&tally);
                if account.1.rows_read == 0
                    && self.empty_files == EmptyFiles::Refuse
                    && progress.widenings.is_empty()
                {
                    return Err(LandError::NoRows {
                        location: self.location(source),
                        line: account.1.preamble_lines + account.1.header_lines + 1,
                    });
                }
                Ok(None)
            }
            Step::Parsed { source, parsed } => {
                progress.sources[source].1.add(&parsed.tally);
                progress.count(&parsed);
                self.limit_rejects(progress, false)?;
                quarantine.put(&parsed.rejects).await?;
                let widenings = parsed.widenings.into_iter().map(|widening| (source, widening));
                progress.widenings.extend(widenings);
                if !progress.widenings.is_empty() {
                    return Ok(None);
                }
                let Some(event_time) = self.event_time_place() else {
                    return Ok(Some(parsed.batch));
                };
                let batch = doubled.hold_back(parsed.batch, event_time, &parsed.doubled);
                batch.map(Some).map_err(|error| sort_failed(error.into()))
            }
        }
    }

    async fn finish(
        &self,
        progress: &mut Progress,
        doubled: DoubledRows,
        quarantine: &mut Quarantine<'_>,
    ) -> Result<(Option<RecordBatch>, Option<DataFile>), LandError> {
        self.limit_rejects(progress, true)?;
        let mut last = None;
        if let Some(event_time) = self.event_time_place() {
            let schema = self.policies.schema();
            let entity: Vec<usize> =
                self.entity.iter().filter_map(|name| schema.index_of(name).ok()).collect();
            let resolved =
                doubled.resolve(event_time, &entity, self.partition, &mut progress.shared);
            last = resolved.map_err(|error| sort_failed(error.into()))?;
        }
        Ok((last, quarantine.finish().await?))
    }

    fn event_time_place(&self) -> Option<usize> {
        let name = self.event_time.as_ref()?;
        self.policies.schema().index_of(name).ok()
    }

    /// Fails when more rows are rejected than may be. Before the end, only half of all rows, and many, are a reason to stop.
    fn limit_rejects(&self, progress: &Progress, has_ended: bool) -> Result<(), LandError> {
        const MANY: u64 = 1000;
        let rejected: u64 = progress.reasons.values().sum();
        let is_early_stop =
            rejected >= MANY && rejected * 2 > progress.read && self.most_rejected < 0.5;
        let is_too_many = rejected as f64 > self.most_rejected * progress.read as f64;
        if !(is_early_stop || has_ended && is_too_many) {
            return Ok(());
        }
        let Some(first) = &progress.first_reject else { return Ok(()) };
        let reasons: Vec<String> =
            progress.reasons.iter().map(|(reason, count)| format!("{count} {reason}")).collect();
        Err(LandError::Rejects {
            rejected,
            read: progress.read,
            location: self.location(first.source),
            line: first.line,
            detail: match &first.column {
                Some(column) => format!("column `{column}`: {}", first.detail),
                None => first.detail.clone(),
            },
            reasons: reasons.join(", "),
        })
    }

    fn location(&self, source: usize) -> String {
        self.feed.sources[source].listed.location.clone()
    }
}

/// What is known so far.
struct Progress {
    sources: Vec<(String, Tally)>,
    shared: Tally,
    widenings: Vec<(usize, Widening)>,
    read: u64,
    reasons: BTreeMap<String, u64>,
    first_reject: Option<Reject>,
}

impl Progress {
    fn new(sources: usize) -> Self {
        Self {
            sources: vec![(String::new(), Tally::default()); sources],
            shared: Tally::default(),
            widenings: Vec::new(),
            read: 0,
            reasons: BTreeMap::new(),
            first_reject: None,
        }
    }

    fn count(&mut self, parsed: &Parsed) {
        self.read += parsed.tally.rows_read;
        for reject in &parsed.rejects {
            let reason = match &reject.column {
                Some(column) => format!("{} in `{column}`", reject.reason.word()),
                None => reject.reason.word().to_owned(),
            };
            *self.reasons.entry(reason).or_default() += 1;
        }
        if self.first_reject.is_none() {
            self.first_reject = parsed.rejects.first().cloned();
        }
    }

    fn end(self, quarantine: Option<DataFile>) -> Consumed {
        let Self { sources, shared, widenings, .. } = self;
        Consumed { sources, quarantine, shared, widenings }
    }
}

/// A job that was carried out.
pub(super) enum Step {
    Parsed { source: usize, parsed: Parsed },
    Widen { source: usize, widenings: Vec<Widening> },
    Done { source: usize, sha256: String, tally: Tally },
}

/// Carries the jobs of a feed out side by side, and hands the results over in the order of the sources.
pub(super) fn parsed(
    feed: &Feed,
    policies: Arc<Policies>,
) -> impl Stream<Item = Result<Step, LandError>> {
    let side_by_side = std::thread::available_parallelism().map_or(1, usize::from);
    let (send, receive) = channel(1);
    let feed = feed.clone();
    let sources = Arc::clone(&feed.sources);
    let runtime = Handle::current();
    let feeder = blocking(move || feed.run(&runtime, &send));
    let jobs = futures::stream::unfold((receive, Some(feeder)), |(mut receive, feeder)| async {
        if let Some(job) = receive.recv().await {
            return Some((job, (receive, feeder)));
        }
        // A feed that ends without a word may have panicked.
        let ended = feeder?.await;
        let panic = ended.err()?;
        let source = std::io::Error::other(panic);
        let error = LandError::Damaged { location: "the sources".into(), line: 0, source };
        Some((Err(error), (receive, None)))
    });
    jobs.map(move |job| {
        let (policies, sources) = (Arc::clone(&policies), Arc::clone(&sources));
        async move {
            let job = job?;
            let done = blocking(move || {
                carry_out(job, &policies, &|source: usize| sources[source].listed.location.clone())
            });
            done.await.unwrap_or_else(|panic| {
                let source = std::io::Error::other(panic);
                Err(LandError::Damaged { location: "the sources".into(), line: 0, source })
            })
        }
    })
    .buffered(side_by_side)
}

fn carry_out(
    job: Job,
    policies: &Policies,
    location: &dyn Fn(usize) -> String,
) -> Result<Step, LandError> {
    let (source, mut parsed) = match job {
        Job::Delimited { plan, layout, piece } => {
            (piece.source, parse_delimited(&plan, &layout, &piece))
        }
        Job::JsonLines { plan, piece } => (piece.source, parse_json(&plan, &piece)),
        Job::Parquet { plan, rows } => {
            let parsed = parse_parquet(&plan, &rows).map_err(|error| LandError::Parquet {
                location: location(rows.source),
                row: rows.first_row,
                source: error.into(),
            })?;
            (rows.source, parsed)
        }
        Job::Widen { source, widenings } => return Ok(Step::Widen { source, widenings }),
        Job::Done { source, sha256, tally } => return Ok(Step::Done { source, sha256, tally }),
    };
    if parsed.widenings.is_empty() {
        let treated = treat(policies, &parsed.batch);
        parsed.batch = treated.map_err(|source| LandError::Personal { source })?;
    }
    Ok(Step::Parsed { source, parsed })
}

/// Treats the columns of the user; the helpers stay as they are.
fn treat(
    policies: &Policies,
    batch: &RecordBatch,
) -> Result<RecordBatch, Box<dyn std::error::Error + Send + Sync>> {
    let width = batch.num_columns() - 2;
    let user: Vec<usize> = (0..width).collect();
    let treated = policies.apply(&batch.project(&user)?)?;
    let mut columns: Vec<ArrayRef> = treated.columns().to_vec();
    columns.extend(batch.columns()[width..].iter().cloned());
    Ok(RecordBatch::try_new(with_helpers(&treated.schema(), &batch.schema()), columns)?)
}

fn with_helpers(user: &SchemaRef, all: &SchemaRef) -> SchemaRef {
    let helpers = &all.fields()[all.fields().len() - 2..];
    let fields = user.fields().iter().chain(helpers);
    Arc::new(Schema::new(fields.map(|field| Field::clone(field)).collect::<Vec<_>>()))
}

/// The file of rejected rows, begun with the first.
struct Quarantine<'a> {
    destination: &'a Destination,
    path: &'a str,
    upload: Option<Upload>,
    rows: u64,
    finished: bool,
}

impl<'a> Quarantine<'a> {
    fn new(destination: &'a Destination, path: &'a str) -> Self {
        Self { destination, path, upload: None, rows: 0, finished: false }
    }

    async fn put(&mut self, rejects: &[Reject]) -> Result<(), LandError> {
        if rejects.is_empty() {
            return Ok(());
        }
        let mut lines = Vec::new();
        for reject in rejects {
            serde_json::to_writer(&mut lines, reject).expect("a reject has text keys alone");
            lines.push(b'\n');
        }
        self.rows += rejects.len() as u64;
        self.upload.get_or_insert_with(|| self.destination.begin(self.path)).put(lines).await
    }

    async fn finish(&mut self) -> Result<Option<DataFile>, LandError> {
        let Some(upload) = self.upload.take() else { return Ok(None) };
        let (size_bytes, sha256) = upload.finish().await?;
        self.finished = true;
        Ok(Some(DataFile { path: self.path.to_owned(), rows: self.rows, size_bytes, sha256 }))
    }

    async fn abandon(&mut self) {
        if let Some(upload) = self.upload.take() {
            upload.abandon().await;
        }
    }
}

fn sort_failed(source: DataFusionError) -> LandError {
    LandError::Sort { source: Box::new(source) }
}
