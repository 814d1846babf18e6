//! Rows that are not landed, as they are written.

use super::destination::Upload;
use super::{DataFile, Destination, LandError};
use crate::read::Reject;

/// The file of rejected rows, begun with the first.
pub(super) struct Quarantine<'a> {
    destination: &'a Destination,
    path: &'a str,
    upload: Option<Upload>,
    rows: u64,
    pub(super) finished: bool,
}

impl<'a> Quarantine<'a> {
    pub(super) fn new(destination: &'a Destination, path: &'a str) -> Self {
        Self { destination, path, upload: None, rows: 0, finished: false }
    }

    pub(super) async fn put(&mut self, rejects: &[Reject]) -> Result<(), LandError> {
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

    pub(super) async fn finish(&mut self) -> Result<Option<DataFile>, LandError> {
        let Some(upload) = self.upload.take() else { return Ok(None) };
        let (size_bytes, sha256) = upload.finish().await?;
        self.finished = true;
        Ok(Some(DataFile { path: self.path.to_owned(), rows: self.rows, size_bytes, sha256 }))
    }

    pub(super) async fn abandon(&mut self) {
        if let Some(upload) = self.upload.take() {
            upload.abandon().await;
        }
    }
}
