//! Jobs of a feed, carried out side by side: parsed, sampled, treated.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray};
use datafusion::arrow::datatypes::{Field, Schema, SchemaRef, UInt64Type};
use datafusion::arrow::record_batch::RecordBatch;
use futures::{Stream, StreamExt};
use tokio::runtime::Handle;
use tokio::sync::mpsc::channel;

use super::LandError;
use super::feed::{Feed, Job, Source};
use crate::blocking::blocking;
use crate::personal::{Candidates, Limit, PersonalDataError, Policies, Reservoir};
use crate::read::{
    Parsed, Tally, Widening, parse_delimited, parse_json, parse_parquet, source_and_line,
};

/// A job that was carried out.
pub(super) enum Step {
    Parsed { source: usize, parsed: Parsed, candidates: Candidates },
    Widen { source: usize, widenings: Vec<Widening> },
    Done { source: usize, sha256: String, tally: Tally },
}

/// Carries the jobs of a feed out side by side, and hands the results over in the order of the sources.
pub(super) fn parsed(
    feed: &Feed,
    policies: Arc<Policies>,
    limit: Arc<Limit>,
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
        let (policies, limit) = (Arc::clone(&policies), Arc::clone(&limit));
        let sources = Arc::clone(&sources);
        async move {
            let job = job?;
            let (source, line) = job.place();
            let location = sources[source].listed.location.clone();
            let done = {
                let location = location.clone();
                blocking(move || carry_out(job, &policies, &limit, &location))
            };
            done.await.unwrap_or_else(|panic| {
                let source = std::io::Error::other(panic);
                Err(LandError::Damaged { location, line, source })
            })
        }
    })
    .buffered(side_by_side)
}

fn carry_out(
    job: Job,
    policies: &Policies,
    limit: &Limit,
    location: &str,
) -> Result<Step, LandError> {
    let (source, mut parsed) = match job {
        Job::Delimited { plan, layout, piece } => {
            (piece.source, parse_delimited(&plan, &layout, &piece))
        }
        Job::JsonLines { plan, piece } => (piece.source, parse_json(&plan, &piece)),
        Job::Parquet { plan, rows } => {
            let parsed = parse_parquet(&plan, &rows).map_err(|error| LandError::Parquet {
                location: location.to_owned(),
                row: rows.first_row,
                source: error.into(),
            })?;
            (rows.source, parsed)
        }
        Job::Widen { source, widenings } => return Ok(Step::Widen { source, widenings }),
        Job::Done { source, sha256, tally } => return Ok(Step::Done { source, sha256, tally }),
    };
    let failed = |source| LandError::Treat { location: location.to_owned(), source };
    let user: Vec<usize> = (0..parsed.batch.num_columns() - 2).collect();
    let rows = parsed.batch.project(&user).map_err(|error| failed(error.into()))?;
    let places = ordinals(&parsed.batch);
    let candidates = Candidates::of(&rows, places, limit).map_err(|error| failed(error.into()))?;
    if parsed.widenings.is_empty() {
        parsed.batch = treat(policies, &rows, &parsed.batch).map_err(failed)?;
    }
    Ok(Step::Parsed { source, parsed, candidates })
}

/// What was found in a sample, with the first row that shows it.
pub(super) fn found(error: PersonalDataError, sample: &Reservoir, sources: &[Source]) -> LandError {
    let PersonalDataError::Untreated { columns } = &error else { return error.into() };
    let findings = columns.iter().flat_map(|column| &column.findings);
    let place = findings.filter_map(|finding| sample.place_of(finding)).min().unwrap_or(1);
    let (source, line) = source_and_line(place);
    let location = sources[source].listed.location.clone();
    LandError::Personal { location, line, source: Box::new(error) }
}

/// The places of the rows of a batch.
fn ordinals(batch: &RecordBatch) -> &[u64] {
    batch.column(batch.num_columns() - 1).as_primitive::<UInt64Type>().values()
}

/// Treats the columns of the user; the helpers stay as they are.
fn treat(
    policies: &Policies,
    user: &RecordBatch,
    batch: &RecordBatch,
) -> Result<RecordBatch, Box<dyn std::error::Error + Send + Sync>> {
    let width = user.num_columns();
    let treated = policies.apply(user)?;
    let mut columns: Vec<ArrayRef> = treated.columns().to_vec();
    columns.extend(batch.columns()[width..].iter().cloned());
    Ok(RecordBatch::try_new(with_helpers(&treated.schema(), &batch.schema()), columns)?)
}

/// The columns of the user with the helpers of a batch behind them.
pub(super) fn with_helpers(user: &SchemaRef, all: &SchemaRef) -> SchemaRef {
    let helpers = &all.fields()[all.fields().len() - 2..];
    let fields = user.fields().iter().chain(helpers);
    Arc::new(Schema::new(fields.map(|field| Field::clone(field)).collect::<Vec<_>>()))
}
