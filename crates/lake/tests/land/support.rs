//! A folder of sources, a folder of snapshots, and rows to look at.

use std::path::PathBuf;
use std::sync::Arc;

use datafusion::arrow::record_batch::RecordBatch;
use datafusion::arrow::util::pretty::pretty_format_batches;
use datafusion::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use tempfile::TempDir;
use tidemill_lake::snapshot::{
    Destination, Earlier, EventTime, LandError, Landed, Landing, Manifest, Workspace, land,
};
use tidemill_lake::source::Access;

/// A place to land in, gone at the end of the test.
pub(crate) struct Lake {
    folder: TempDir,
    pub(crate) workspace: Workspace,
    pub(crate) destination: Destination,
}

impl Lake {
    pub(crate) fn new() -> Self {
        let folder = TempDir::new().unwrap();
        std::fs::create_dir(folder.path().join("sources")).unwrap();
        Self::reading(folder.path().join("sources"), folder)
    }

    /// Sources are in a folder that is there already.
    pub(crate) fn of(sources: &std::path::Path) -> Self {
        Self::reading(sources.to_path_buf(), TempDir::new().unwrap())
    }

    fn reading(sources: PathBuf, folder: TempDir) -> Self {
        let workspace = Workspace {
            access: Access::new(sources),
            scratch: folder.path().join("scratch"),
            dataset: "test".into(),
            environment: Arc::new(|_| None),
        };
        let destination = Destination::folder(&folder.path().join("lake")).unwrap();
        Self { folder, workspace, destination }
    }

    pub(crate) fn source(&self, name: &str) -> PathBuf {
        self.workspace.access.root().join(name)
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.source(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }

    pub(crate) async fn land(&self, request: &Landing) -> Result<Manifest, LandError> {
        self.land_after(request, Earlier::default()).await.map(|landed| match landed {
            Landed::Snapshot(manifest) => *manifest,
            Landed::Unchanged => panic!("nothing was there before"),
        })
    }

    pub(crate) async fn land_after(
        &self,
        request: &Landing,
        earlier: Earlier<'_>,
    ) -> Result<Landed, LandError> {
        land(request, earlier, &self.workspace, &self.destination).await
    }

    /// Fails to land, leaves nothing behind, and says what is wrong.
    pub(crate) async fn refused(&self, request: &Landing) -> String {
        let before = self.files();
        let refused = self.land(request).await.unwrap_err();
        assert_eq!(self.files(), before, "{refused}");
        let hint = refused.hint().map(|hint| format!("\nhint: {hint}")).unwrap_or_default();
        let mut causes = String::new();
        let mut cause = std::error::Error::source(&refused);
        while let Some(inner) = cause {
            causes = format!("{causes}: {inner}");
            cause = inner.source();
        }
        format!("failed to {refused}{causes}{hint}")
    }

    /// All files of all snapshots, by name.
    pub(crate) fn files(&self) -> Vec<(String, Vec<u8>)> {
        let root = self.folder.path().join("lake");
        let mut files = Vec::new();
        let mut folders = vec![root.clone()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    let name = path.strip_prefix(&root).unwrap().display().to_string();
                    files.push((name, std::fs::read(path).unwrap()));
                }
            }
        }
        files.sort();
        files
    }

    pub(crate) fn batches(&self, manifest: &Manifest) -> Vec<RecordBatch> {
        let mut batches = Vec::new();
        for file in &manifest.files {
            let file =
                std::fs::File::open(self.folder.path().join("lake").join(&file.path)).unwrap();
            let reader = ParquetRecordBatchReaderBuilder::try_new(file).unwrap().build().unwrap();
            batches.extend(reader.map(Result::unwrap));
        }
        batches
    }

    /// The rows of a snapshot as a table.
    pub(crate) fn table(&self, manifest: &Manifest) -> String {
        pretty_format_batches(&self.batches(manifest)).unwrap().to_string()
    }

    /// The rejected rows: line, reason, detail.
    pub(crate) fn quarantine(&self, manifest: &Manifest) -> Vec<String> {
        let Some(file) = &manifest.quarantine else { return Vec::new() };
        let text =
            std::fs::read_to_string(self.folder.path().join("lake").join(&file.path)).unwrap();
        text.lines()
            .map(|line| {
                let reject: serde_json::Value = serde_json::from_str(line).unwrap();
                let word = |name: &str| reject[name].as_str().unwrap_or("-").to_owned();
                format!(
                    "{}: {} {}: {}",
                    reject["line"],
                    word("reason"),
                    word("column"),
                    word("detail")
                )
            })
            .collect()
    }
}

/// A landing of one pattern.
pub(crate) fn landing(source: &str) -> Landing {
    Landing { sources: vec![source.into()], ..Landing::default() }
}

/// A landing of one pattern with an event time, whose rows may all be rejected.
pub(crate) fn timed(source: &str, column: &str) -> Landing {
    let event_time = EventTime { column: column.into(), ..EventTime::default() };
    Landing { event_time: Some(event_time), most_rejected: Some(1.0), ..landing(source) }
}
