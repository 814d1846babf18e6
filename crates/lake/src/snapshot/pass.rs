//! One pass over all sources: read, parse, treat, sort, write.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use datafusion::arrow::datatypes::SchemaRef;
use datafusion::arrow::error::ArrowError;
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::error::DataFusionError;
use futures::{StreamExt, TryStreamExt};

use super::doubled::DoubledRows;
use super::feed::Feed;
use super::files::FileWriter;
use super::quarantine::Quarantine;
use super::settings::EmptyFiles;
use super::sort::{Bounds, Intake, sorter};
use super::steps::{Step, found, parsed, with_helpers};
use super::{DataFile, Destination, LandError, Partition};
use crate::personal::{Limit, PersonalData, PersonalDataReport, Policies, Reservoir};
use crate::read::{ORDINAL, PARTITION, Parsed, Reject, Tally, Widening};

/// All that a pass needs.
pub(super) struct Pass<'a> {
    pub(super) feed: Feed,
    pub(super) policies: Arc<Policies>,
    /// What is said about personal data.
    pub(super) personal: &'a PersonalData,
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
    /// What was found in a sample of all rows.
    pub(super) personal: PersonalDataReport,
}

/// What is left after all rows were given to the sorter.
struct Consumed {
    sources: Vec<(String, Tally)>,
    quarantine: Option<DataFile>,
    shared: Tally,
    personal: PersonalDataReport,
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
                    personal: consumed.personal,
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
        let mut progress = Progress::new(self.feed.sources.len(), self.policies.report());
        let limit = Limit::for_rows_of(self.feed.plan.columns.len(), self.bounds.row_bytes);
        let (mut sample, limit) = (Reservoir::default(), Arc::new(limit));
        let policies = Arc::clone(&self.policies);
        let mut parsed = std::pin::pin!(parsed(&self.feed, policies, Arc::clone(&limit)));
        while let Some(step) = parsed.next().await {
            let step = match step {
                Ok(step) => step,
                Err(error) => {
                    intake.fail().await;
                    return Err(error);
                }
            };
            if let Step::Parsed { candidates, .. } = &step {
                sample.take(candidates, &limit);
            }
            let taken = match self.assess(&sample, &mut progress, false) {
                Ok(()) => self.take(step, &mut progress, (quarantine, &mut doubled)).await,
                Err(error) => Err(error),
            };
            match taken {
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
        let finished = match self.assess(&sample, &mut progress, true) {
            Ok(()) => self.finish(&mut progress, doubled, quarantine).await,
            Err(error) => Err(error),
        };
        match finished {
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
            Step::Parsed { source, parsed, .. } => {
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

    /// Looks for personal data in the rows so far: at the end, and before that whenever there are four times as many.
    fn assess(
        &self,
        sample: &Reservoir,
        progress: &mut Progress,
        has_ended: bool,
    ) -> Result<(), LandError> {
        if !has_ended && progress.read < progress.assess_at {
            return Ok(());
        }
        progress.assess_at = progress.read.max(1 << 14) * 4;
        let failed = |source: ArrowError| sort_failed(source.into());
        let samples = sample.samples().map_err(failed)?;
        let assessed = self.policies.assess(self.personal, &samples);
        progress.personal = assessed.map_err(|error| found(error, sample, &self.feed.sources))?;
        Ok(())
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
    personal: PersonalDataReport,
    /// After how many rows personal data is looked for again.
    assess_at: u64,
}

impl Progress {
    fn new(sources: usize, personal: &PersonalDataReport) -> Self {
        Self {
            personal: personal.clone(),
            assess_at: 1 << 16,
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
        let Self { sources, shared, personal, widenings, .. } = self;
        Consumed { sources, quarantine, shared, personal, widenings }
    }
}

fn sort_failed(source: DataFusionError) -> LandError {
    LandError::Sort { source: Box::new(source) }
}
