//! Finds out what the first source is.

use datafusion::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use object_store::{GetResult, ObjectStoreExt};
use tokio::runtime::Handle;

use super::feed::{Source, fault, first_bytes, format_of};
use super::{Format, LandError};
use crate::blocking::blocking;
use crate::dialect::{Dialect, DialectError, Hints, Layout, Sample, Sniffed, sniff};
use crate::read::{
    ChunkError, Chunker, Compression, ObjectBytes, ParquetColumnError, decoded, parquet_columns,
    sniff_json,
};

/// How much of a source is looked at: its beginning, and its end where that can be had.
const HEAD_BYTES: usize = 4 << 20;
const TAIL_BYTES: u64 = 1 << 20;

/// What is known before the first look.
#[derive(Clone, Debug)]
pub(super) struct Known {
    pub(super) format: Option<Format>,
    pub(super) hints: Hints,
    pub(super) times: Vec<String>,
}

/// Finds the dialect of a source.
pub(super) async fn discover(source: &Source, known: &Known) -> Result<Sniffed, LandError> {
    let object = source.open().await?;
    let size = source.listed.size_bytes;
    let mut tail = Vec::new();
    if size > HEAD_BYTES as u64 + TAIL_BYTES {
        let range = size - TAIL_BYTES..size;
        // Not every store hands out ranges; the tail only makes the sample better.
        tail = source.store.get_range(&source.path, range).await.unwrap_or_default().to_vec();
    }
    let (task_source, task_known, runtime) = (source.clone(), known.clone(), Handle::current());
    let looked = blocking(move || {
        let looked =
            look(object, runtime.clone(), &tail, (&task_source.listed.location, &task_known))?;
        match looked {
            Some(sniffed) => Ok(sniffed),
            None => describe(&task_source, &task_known, &runtime),
        }
    });
    looked.await.unwrap_or_else(|panic| {
        let location = source.listed.location.clone();
        Err(LandError::Damaged { location, line: 1, source: std::io::Error::other(panic) })
    })
}

/// Looks at a text; nothing if it is Parquet.
fn look(
    object: GetResult,
    runtime: Handle,
    tail: &[u8],
    (location, known): (&str, &Known),
) -> Result<Option<Sniffed>, LandError> {
    let mut bytes = ObjectBytes::of(object, runtime);
    let damaged = |source| fault(location, ChunkError::Read { line: 1, source });
    let first = first_bytes(&mut bytes).map_err(damaged)?;
    if known.format.unwrap_or_else(|| format_of(&first, b"")) == Format::Parquet {
        return Ok(None);
    }
    let raw = first.clone();
    let mut chunker =
        Chunker::new(decoded(first, &mut bytes).map_err(damaged)?, HEAD_BYTES, HEAD_BYTES);
    let (head, is_whole) = chunker.head(HEAD_BYTES).map_err(|error| fault(location, error))?;
    let tail = if is_whole || Compression::of(&raw) != Compression::Plain { &[] } else { tail };
    let sample = Sample { head, is_whole, tail };
    let times: Vec<&str> = known.times.iter().map(String::as_str).collect();
    let sniffed = match known.format.unwrap_or_else(|| format_of(&raw, head)) {
        Format::JsonLines => sniff_json(&sample, &known.hints, &times),
        Format::Delimited | Format::Parquet => sniff(&sample, &known.hints, &times),
    };
    sniffed.map(Some).map_err(|problem| fault(location, ChunkError::Dialect(problem)))
}

fn describe(source: &Source, known: &Known, runtime: &Handle) -> Result<Sniffed, LandError> {
    let location = || source.listed.location.clone();
    let unreadable = |error: Box<dyn std::error::Error + Send + Sync>| LandError::Parquet {
        location: location(),
        row: 0,
        source: error,
    };
    if source.listed.size_bytes == 0 {
        return Err(LandError::Dialect { location: location(), problem: DialectError::Empty });
    }
    let builder = ParquetRecordBatchReaderBuilder::try_new(source.parquet(runtime))
        .map_err(|error| unreadable(error.into()))?;
    let times: Vec<&str> = known.times.iter().map(String::as_str).collect();
    let columns = parquet_columns(builder.schema(), &known.hints, &times);
    let columns = columns.map_err(|error| match error {
        ParquetColumnError::Dialect(problem) => {
            LandError::Dialect { location: location(), problem }
        }
        error @ ParquetColumnError::Type { .. } => unreadable(error.into()),
    })?;
    Ok(Sniffed { dialect: Dialect { layout: Layout::Parquet, columns }, notes: Vec::new() })
}
