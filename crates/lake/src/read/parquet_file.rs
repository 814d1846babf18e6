//! A Parquet file in an object store, read in windows.

use std::collections::VecDeque;
use std::io::{self, Cursor, Read};
use std::ops::Range;
use std::sync::{Arc, Mutex};

use bytes::{Bytes, BytesMut};
use datafusion::parquet::errors::{ParquetError, Result};
use datafusion::parquet::file::reader::{ChunkReader, Length};
use object_store::path::Path;
use object_store::{GetOptions, GetRange, ObjectStore};
use tokio::runtime::Handle;

/// How much is fetched at once, and how many such windows are kept: columns are read side by side.
const WINDOW_BYTES: u64 = 1 << 20;
const MOST_WINDOWS: usize = 64;

/// A Parquet file in an object store. Only for threads that may block.
#[derive(Debug)]
pub(crate) struct ParquetFile {
    pub(crate) store: Arc<dyn ObjectStore>,
    pub(crate) path: Path,
    pub(crate) etag: Option<String>,
    pub(crate) size_bytes: u64,
    pub(crate) runtime: Handle,
    pub(crate) windows: Mutex<VecDeque<(u64, Bytes)>>,
}

impl ParquetFile {
    fn window(&self, number: u64) -> Result<Bytes> {
        let mut windows =
            self.windows.lock().map_err(|_| ParquetError::General("a reader panicked".into()))?;
        if let Some((_, bytes)) = windows.iter().find(|(known, _)| *known == number) {
            return Ok(bytes.clone());
        }
        let start = number * WINDOW_BYTES;
        let bytes = self.fetch(start..(start + WINDOW_BYTES).min(self.size_bytes))?;
        if windows.len() == MOST_WINDOWS {
            windows.pop_front();
        }
        windows.push_back((number, bytes.clone()));
        Ok(bytes)
    }

    fn fetch(&self, range: Range<u64>) -> Result<Bytes> {
        let options = GetOptions {
            if_match: self.etag.clone(),
            range: Some(GetRange::Bounded(range)),
            ..GetOptions::default()
        };
        let fetched = self
            .runtime
            .block_on(async { self.store.get_opts(&self.path, options).await?.bytes().await });
        fetched.map_err(|error| ParquetError::External(error.into()))
    }
}

impl Length for ParquetFile {
    fn len(&self) -> u64 {
        self.size_bytes
    }
}

impl ChunkReader for ParquetFile {
    type T = Box<dyn Read>;

    fn get_read(&self, start: u64) -> Result<Box<dyn Read>> {
        let number = start / WINDOW_BYTES;
        let window = self.window(number)?;
        let from = usize::try_from(start % WINDOW_BYTES).unwrap_or(usize::MAX).min(window.len());
        let mut bytes = BytesMut::from(&window[from..]);
        // What is read through this is the header of a page, which may reach into the next window.
        if (number + 1) * WINDOW_BYTES < self.size_bytes && bytes.len() < 1 << 16 {
            bytes.extend_from_slice(&self.window(number + 1)?);
        }
        Ok(Box::new(Cursor::new(bytes.freeze())))
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes> {
        let end = start + length as u64;
        if end > self.size_bytes {
            let cut_off = io::Error::from(io::ErrorKind::UnexpectedEof);
            return Err(ParquetError::External(cut_off.into()));
        }
        if length as u64 > WINDOW_BYTES {
            return self.fetch(start..end);
        }
        let mut bytes = BytesMut::with_capacity(length);
        let mut at = start;
        while at < end {
            let number = at / WINDOW_BYTES;
            let window = self.window(number)?;
            let from = at - number * WINDOW_BYTES;
            let to = (end - number * WINDOW_BYTES).min(window.len() as u64);
            let range = usize::try_from(from).unwrap_or(0)..usize::try_from(to).unwrap_or(0);
            bytes.extend_from_slice(&window[range]);
            at = number * WINDOW_BYTES + to;
        }
        Ok(bytes.freeze())
    }
}
