//! Reads sources one after the other and deals out what is to be parsed.

use std::io::Read;
use std::sync::{Arc, Mutex};

use datafusion::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use object_store::path::Path;
use object_store::{GetOptions, GetResult, ObjectStore, ObjectStoreExt};
use tempfile::TempDir;
use tokio::runtime::Handle;
use tokio::sync::mpsc::Sender;

use super::settings::EmptyFiles;
use super::{Format, LandError};
use crate::dialect::{
    Delimited, DialectError, Encoding, Hints, Layout, Opening, Splitter, evidence_of, open,
};
use crate::read::{
    ChunkError, Chunker, ObjectBytes, ParquetColumnError, ParquetFile, ParquetRows, Piece, Plan,
    Tally, Widening, decoded, parquet_columns,
};
use crate::source::{Listed, SourceError};

/// One file to be landed.
#[derive(Clone, Debug)]
pub(super) struct Source {
    pub(super) store: Arc<dyn ObjectStore>,
    pub(super) is_local: bool,
    /// What the manifest says of it.
    pub(super) listed: Listed,
    pub(super) path: Path,
    /// What its store changes whenever its content changes.
    pub(super) etag: Option<String>,
    /// The folder of a file that is ours: it is removed with the last of these.
    pub(super) _held: Option<Arc<TempDir>>,
}

/// Something that is to be parsed, or to be known.
#[derive(Debug)]
pub(super) enum Job {
    Delimited {
        plan: Arc<Plan>,
        layout: Arc<Delimited>,
        piece: Piece,
    },
    JsonLines {
        plan: Arc<Plan>,
        piece: Piece,
    },
    Parquet {
        plan: Arc<Plan>,
        rows: ParquetRows,
    },
    /// The source has columns that the plan does not have as they are.
    Widen {
        source: usize,
        widenings: Vec<Widening>,
    },
    /// The source was read to its end.
    Done {
        source: usize,
        sha256: String,
        tally: Tally,
    },
}

impl Job {
    /// The source that it is about, and the line on which it begins.
    pub(super) fn place(&self) -> (usize, u64) {
        match self {
            Self::Delimited { piece, .. } | Self::JsonLines { piece, .. } => {
                (piece.source, piece.first_line)
            }
            Self::Parquet { rows, .. } => (rows.source, rows.first_row),
            Self::Widen { source, .. } | Self::Done { source, .. } => (*source, 1),
        }
    }
}

/// How sources are read in one pass.
#[derive(Clone, Debug)]
pub(super) struct Feed {
    pub(super) sources: Arc<Vec<Source>>,
    pub(super) layout: Layout,
    pub(super) plan: Plan,
    /// How many of the plan's columns each source must have, the first ones; the others were found on the way.
    pub(super) required_columns: usize,
    /// Columns that may be missing.
    pub(super) removed: Vec<String>,
    pub(super) hints: Hints,
    pub(super) times: Vec<String>,
    pub(super) empty_files: EmptyFiles,
    pub(super) longest_record: usize,
    /// How many bytes are parsed at once.
    pub(super) piece_bytes: usize,
}

/// How much is looked at to find the header, and where a new column is seen.
const HEAD_BYTES: usize = 1 << 20;

/// Nobody listens any more.
pub(super) struct Stopped;

type Deal<'a> = &'a dyn Fn(Job) -> Result<(), Stopped>;

/// Why reading ends early.
pub(super) enum Halt {
    Stopped,
    Failed(LandError),
}

impl From<Stopped> for Halt {
    fn from(_: Stopped) -> Self {
        Self::Stopped
    }
}

impl From<LandError> for Halt {
    fn from(error: LandError) -> Self {
        Self::Failed(error)
    }
}

impl Source {
    /// A file of somebody else.
    pub(super) fn file(
        store: Arc<dyn ObjectStore>,
        is_local: bool,
        listed: Listed,
        path: Path,
    ) -> Self {
        let etag = listed.etag.clone();
        Self { store, is_local, listed, path, etag, _held: None }
    }

    /// Opens the file, if it is still the one that was listed.
    pub(super) async fn open(&self) -> Result<GetResult, LandError> {
        let options = GetOptions { if_match: self.etag.clone(), ..GetOptions::default() };
        match self.store.get_opts(&self.path, options).await {
            Ok(object) => Ok(object),
            Err(
                object_store::Error::Precondition { .. } | object_store::Error::NotModified { .. },
            ) => Err(LandError::Changed { location: self.listed.location.clone() }),
            Err(error) => Err(SourceError::of(&self.listed.location, error).into()),
        }
    }

    /// The file as one of Parquet.
    pub(super) fn parquet(&self, runtime: &Handle) -> ParquetFile {
        ParquetFile {
            store: Arc::clone(&self.store),
            path: self.path.clone(),
            etag: self.etag.clone(),
            size_bytes: self.listed.size_bytes,
            runtime: runtime.clone(),
            windows: Mutex::default(),
        }
    }

    /// Makes sure that what was read is what was listed.
    async fn confirm(&self, size_bytes: u64) -> Result<(), LandError> {
        let changed = || LandError::Changed { location: self.listed.location.clone() };
        if size_bytes != self.listed.size_bytes {
            return Err(changed());
        }
        if self.is_local {
            let now = self.store.head(&self.path).await.map_err(|_| changed())?;
            if now.e_tag != self.etag {
                return Err(changed());
            }
        }
        Ok(())
    }
}

impl Feed {
    /// Reads all sources. Only for threads that may block.
    pub(super) fn run(self, runtime: &Handle, send: &Sender<Result<Job, LandError>>) {
        let deal = |job| send.blocking_send(Ok(job)).map_err(|_| Stopped);
        for source in 0..self.sources.len() {
            match self.read(source, runtime, &deal) {
                Ok(()) => {}
                Err(Halt::Stopped) => return,
                Err(Halt::Failed(error)) => {
                    // If nobody listens, somebody else has failed already.
                    send.blocking_send(Err(error)).unwrap_or_default();
                    return;
                }
            }
        }
    }

    fn read(&self, at: usize, runtime: &Handle, deal: Deal<'_>) -> Result<(), Halt> {
        let source = &self.sources[at];
        let object = runtime.block_on(source.open())?;
        let mut bytes = ObjectBytes::of(object, runtime.clone());
        let mut tally = Tally::default();
        match &self.layout {
            Layout::Parquet => {
                std::io::copy(&mut bytes, &mut std::io::sink())
                    .map_err(|error| self.fault(at, ChunkError::Read { line: 1, source: error }))?;
                self.read_parquet(at, runtime, deal)?;
            }
            Layout::Delimited(layout) => {
                self.read_text(at, Some(layout), &mut bytes, (&mut tally, deal))?;
            }
            Layout::JsonLines => self.read_text(at, None, &mut bytes, (&mut tally, deal))?,
        }
        let (size_bytes, sha256) = bytes.finish();
        runtime.block_on(source.confirm(size_bytes))?;
        deal(Job::Done { source: at, sha256, tally })?;
        Ok(())
    }

    fn read_text(
        &self,
        at: usize,
        layout: Option<&Delimited>,
        bytes: &mut ObjectBytes,
        (tally, deal): (&mut Tally, Deal<'_>),
    ) -> Result<(), Halt> {
        let damaged = |source| self.fault(at, ChunkError::Read { line: 1, source });
        let first = first_bytes(bytes).map_err(damaged)?;
        let text = decoded(first, bytes).map_err(damaged)?;
        let mut chunker = Chunker::new(text, self.piece_bytes, self.longest_record);
        let Some(plan) = self.open_text(at, layout, &mut chunker, (tally, deal))? else {
            // What was not read yet still counts for the hash.
            while chunker.next(at, NO_QUOTES).map_err(|error| self.fault(at, error))?.is_some() {}
            return Ok(());
        };
        let plan = Arc::new(plan);
        let layout = layout.map(|layout| Arc::new(layout.clone()));
        let splitter = layout
            .as_ref()
            .map_or(NO_QUOTES, |layout| Splitter::new(layout.delimiter, layout.quote));
        while let Some(piece) = chunker.next(at, splitter).map_err(|error| self.fault(at, error))? {
            let plan = Arc::clone(&plan);
            deal(match &layout {
                Some(layout) => Job::Delimited { plan, layout: Arc::clone(layout), piece },
                None => Job::JsonLines { plan, piece },
            })?;
        }
        Ok(())
    }

    /// Reads what comes before the first row. Nothing where the source has no rows, or columns that must be known first.
    fn open_text<R: Read>(
        &self,
        at: usize,
        layout: Option<&Delimited>,
        chunker: &mut Chunker<R>,
        (tally, deal): (&mut Tally, Deal<'_>),
    ) -> Result<Option<Plan>, Halt> {
        let (head, _) = chunker.head(HEAD_BYTES).map_err(|error| self.fault(at, error))?;
        let checked = crate::dialect::refuse_what_is_no_text(head);
        let opened = checked.and_then(|()| {
            layout
                .map(|layout| (opening(head, layout), layout))
                .map_or(Ok(None), |(opening, layout)| Ok(Some((opening?, layout))))
        });
        let opened = match (opened, self.empty_files) {
            (Ok(opened), _) => opened,
            (Err(DialectError::Empty), EmptyFiles::Allow) => {
                tally.preamble_lines = memchr::memchr_iter(b'\n', head).count() as u64;
                tally.lines = tally.preamble_lines;
                return Ok(None);
            }
            (Err(problem), _) => return Err(self.fault(at, ChunkError::Dialect(problem)).into()),
        };
        let Some((opening, layout)) = opened else { return Ok(Some(self.plan.clone())) };
        tally.marks += u64::from(opening.has_mark);
        tally.preamble_lines += opening.preamble_lines;
        tally.header_lines += opening.header_lines;
        tally.lines += opening.preamble_lines + opening.header_lines;
        let mut plan = self.plan.clone();
        plan.delimited = Some(layout.clone());
        plan.header.clone_from(&opening.header);
        let plan = match plan.for_names(&opening.names) {
            Ok(plan) => plan,
            Err(unknown) => {
                let seen = evidence_of(&head[opening.body..], layout, &opening.names);
                let added = seen.into_iter().filter(|(name, _)| unknown.contains(name));
                let boxed =
                    |(name, evidence)| Widening::Added { name, evidence: Box::new(evidence) };
                deal(Job::Widen { source: at, widenings: added.map(boxed).collect() })?;
                return Ok(None);
            }
        };
        self.require(at, &plan)?;
        chunker.skip(opening.body);
        Ok(Some(plan))
    }

    /// Refuses a source that lacks columns which it must have.
    fn require(&self, at: usize, plan: &Plan) -> Result<(), LandError> {
        let is_lacking = |column: &&usize| {
            **column < self.required_columns && !self.removed.contains(&plan.columns[**column].name)
        };
        let lacking: Vec<_> = plan.missing.iter().filter(is_lacking).collect();
        if lacking.is_empty() {
            return Ok(());
        }
        let removed = |column: &&usize| super::ColumnChange::Removed {
            name: plan.columns[**column].name.clone(),
            kind: plan.columns[**column].kind.word().into(),
        };
        let changes = lacking.iter().map(removed).collect();
        Err(LandError::Schema { location: self.sources[at].listed.location.clone(), changes })
    }

    fn read_parquet(&self, at: usize, runtime: &Handle, deal: Deal<'_>) -> Result<(), Halt> {
        let source = &self.sources[at];
        let location = || source.listed.location.clone();
        let unreadable = |row: u64, error: Box<dyn std::error::Error + Send + Sync>| {
            LandError::Parquet { location: location(), row, source: error }
        };
        let builder = ParquetRecordBatchReaderBuilder::try_new(source.parquet(runtime))
            .map_err(|error| unreadable(0, error.into()))?;
        let times: Vec<&str> = self.times.iter().map(String::as_str).collect();
        let described = parquet_columns(builder.schema(), &self.hints, &times);
        let described = described.map_err(|error| match error {
            ParquetColumnError::Dialect(problem) => {
                LandError::Dialect { location: location(), problem }
            }
            error @ ParquetColumnError::Type { .. } => unreadable(0, error.into()),
        })?;
        let mut widenings = Vec::new();
        for column in &described {
            let known = self.plan.columns.iter().find(|known| known.name == column.name);
            let fits = known.is_some_and(|known| {
                known.kind.widened(&column.kind).as_ref() == Some(&known.kind)
            });
            if !fits {
                widenings.push(Widening::Described(column.clone()));
            }
        }
        if !widenings.is_empty() {
            deal(Job::Widen { source: at, widenings })?;
            return Ok(());
        }
        let names: Vec<String> = described.into_iter().map(|column| column.name).collect();
        let plan = self.plan.clone().for_names(&names).expect("unknown columns were dealt with");
        self.require(at, &plan)?;
        let plan = Arc::new(plan);
        let batches = builder
            .with_batch_size(1 << 15)
            .build()
            .map_err(|error| unreadable(0, error.into()))?;
        let mut first_row = 1;
        for batch in batches {
            let batch = batch.map_err(|error| unreadable(first_row, error.into()))?;
            let count = batch.num_rows() as u64;
            let rows = ParquetRows { source: at, first_row, batch };
            deal(Job::Parquet { plan: Arc::clone(&plan), rows })?;
            first_row += count;
        }
        Ok(())
    }

    fn fault(&self, at: usize, error: ChunkError) -> LandError {
        fault(&self.sources[at].listed.location, error)
    }
}

/// Texts without quotes: their records are their lines.
pub(super) const NO_QUOTES: Splitter = Splitter { delimiter: b'\n', quote: None };

/// Says where a text cannot be read.
pub(super) fn fault(location: &str, error: ChunkError) -> LandError {
    let location = location.to_owned();
    match error {
        ChunkError::Read { line, source } => LandError::Damaged { location, line, source },
        ChunkError::Dialect(problem) => LandError::Dialect { location, problem },
        ChunkError::TooLong { line, limit_bytes } => {
            LandError::LongRow { location, line, limit_bytes }
        }
    }
}

fn opening(head: &[u8], layout: &Delimited) -> Result<Opening, DialectError> {
    match layout.encoding {
        Encoding::Utf8 => open(head, layout),
        // One byte is one character, so places are the same once names are decoded.
        Encoding::Latin1 => {
            let mut opening = open(head, layout)?;
            let decoded = open(&layout.encoding.decode(head), layout)?;
            opening.names = decoded.names;
            opening.header = decoded.header;
            Ok(opening)
        }
    }
}

/// The first bytes of an object, by which its format and its compression are known.
pub(super) fn first_bytes(bytes: &mut ObjectBytes) -> std::io::Result<Vec<u8>> {
    let mut first = Vec::new();
    bytes.take(8).read_to_end(&mut first)?;
    Ok(first)
}

/// The format that the first bytes of a text or a file speak for.
pub(super) fn format_of(raw: &[u8], text: &[u8]) -> Format {
    if raw.starts_with(b"PAR1") {
        return Format::Parquet;
    }
    let text = text.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(text);
    if text.trim_ascii_start().starts_with(b"{") { Format::JsonLines } else { Format::Delimited }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::{Access, list};

    async fn listed(folder: &std::path::Path) -> Source {
        let place = list("a.csv", &Access::new(folder)).await.unwrap();
        let (listed, path) = place.files[0].clone();
        Source::file(place.store, place.is_local, listed, path)
    }

    #[tokio::test]
    async fn a_file_that_changed_since_it_was_listed_is_not_opened() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("a.csv"), "at\n1\n").unwrap();
        let source = listed(folder.path()).await;
        std::fs::write(folder.path().join("a.csv"), "at\n1\n2\n").unwrap();

        let refused = source.open().await.unwrap_err();

        assert_eq!(refused.to_string(), "read a.csv: it changed while it was read");
    }

    #[tokio::test]
    async fn a_file_that_changes_after_it_was_opened_is_not_confirmed() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("a.csv"), "at\n1\n").unwrap();
        let source = listed(folder.path()).await;
        let opened = source.open().await.unwrap();
        let size_bytes = opened.meta.size;
        source.confirm(size_bytes).await.unwrap();
        std::fs::write(folder.path().join("a.csv"), "at\n1\n2\n").unwrap();

        let refused = source.confirm(size_bytes).await.unwrap_err();
        let short = source.confirm(3).await.unwrap_err();

        assert_eq!(refused.to_string(), "read a.csv: it changed while it was read");
        assert_eq!(short.to_string(), refused.to_string());
    }
}
