//! Sorting more keys than memory holds.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::error::AuditError;

/// What is sorted: a key, a number to order by within the key, and the row that it comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Record {
    pub(crate) key: u128,
    pub(crate) order: i64,
    pub(crate) row: u64,
}

impl Record {
    const BYTES: usize = 32;

    fn to_bytes(self) -> [u8; Self::BYTES] {
        let mut bytes = [0; Self::BYTES];
        bytes[..16].copy_from_slice(&self.key.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.order.to_le_bytes());
        bytes[24..].copy_from_slice(&self.row.to_le_bytes());
        bytes
    }

    fn from_bytes(bytes: &[u8; Self::BYTES]) -> Self {
        let part = |from: usize| {
            let mut part = [0; 8];
            part.copy_from_slice(&bytes[from..from + 8]);
            part
        };
        let mut key = [0; 16];
        key.copy_from_slice(&bytes[..16]);
        Self {
            key: u128::from_le_bytes(key),
            order: i64::from_le_bytes(part(16)),
            row: u64::from_le_bytes(part(24)),
        }
    }
}

/// The memory that all sorted keys of a scan share, and the folder for what does not fit.
#[derive(Debug)]
pub(crate) struct Room {
    bytes: u64,
    used: AtomicU64,
    folder: PathBuf,
    overflow: Mutex<Option<Overflow>>,
}

/// One file for all runs, because a large table has more runs than a process may have open files. It has no name: the system removes it with its handle.
#[derive(Debug)]
struct Overflow {
    file: Arc<File>,
    length: u64,
}

impl Room {
    pub(crate) fn new(bytes: u64, folder: &Path) -> Arc<Self> {
        let (used, overflow) = (AtomicU64::new(0), Mutex::new(None));
        Arc::new(Self { bytes, used, folder: folder.to_owned(), overflow })
    }

    fn takes(&self, records: usize) -> bool {
        let wanted = (records * Record::BYTES) as u64;
        let before = self.used.fetch_add(wanted, Ordering::Relaxed);
        if before + wanted <= self.bytes {
            return true;
        }
        self.used.fetch_sub(wanted, Ordering::Relaxed);
        false
    }

    /// Appends records to the file.
    fn keep(&self, records: &[Record]) -> io::Result<Run> {
        let mut overflow = self.overflow.lock().unwrap_or_else(PoisonError::into_inner);
        let overflow = match &mut *overflow {
            Some(overflow) => overflow,
            none => {
                let file = Arc::new(tempfile::tempfile_in(&self.folder)?);
                none.insert(Overflow { file, length: 0 })
            }
        };
        let start = overflow.length;
        let mut bytes = Vec::with_capacity(Record::BYTES << 10);
        for part in records.chunks(1 << 10) {
            bytes.clear();
            bytes.extend(part.iter().flat_map(|record| record.to_bytes()));
            overflow.file.write_all_at(&bytes, overflow.length)?;
            overflow.length += bytes.len() as u64;
        }
        Ok(Run::Kept { file: Arc::clone(&overflow.file), start, end: overflow.length })
    }

    fn error(&self, source: io::Error) -> AuditError {
        AuditError::Scratch { folder: self.folder.display().to_string(), source }
    }
}

/// Records of one stretch of the table, in order.
enum Run {
    Held(Vec<Record>),
    Kept { file: Arc<File>, start: u64, end: u64 },
}

/// Collects the records of a stretch, then of all.
pub(crate) struct Sorter {
    room: Arc<Room>,
    open: Vec<Record>,
    runs: Vec<Run>,
}

impl Sorter {
    /// Records that one thread collects before it sorts them: 8 MiB.
    const RUN: usize = 1 << 18;

    pub(crate) fn new(room: &Arc<Room>) -> Self {
        Self { room: Arc::clone(room), open: Vec::new(), runs: Vec::new() }
    }

    pub(crate) fn push(&mut self, record: Record) -> Result<(), AuditError> {
        self.open.push(record);
        if self.open.len() == Self::RUN { self.seal() } else { Ok(()) }
    }

    /// Sorts what was collected, and writes it away where memory is short.
    pub(crate) fn seal(&mut self) -> Result<(), AuditError> {
        let mut records = std::mem::take(&mut self.open);
        if records.is_empty() {
            return Ok(());
        }
        records.sort_unstable();
        let run = if self.room.takes(records.len()) {
            records.shrink_to_fit();
            Run::Held(records)
        } else {
            self.room.keep(&records).map_err(|error| self.room.error(error))?
        };
        self.runs.push(run);
        Ok(())
    }

    pub(crate) fn merge(&mut self, later: Self) {
        self.runs.extend(later.runs);
    }

    /// All records in order. In memory they are sorted once more, which takes the runs as they are; with files they are merged while reading.
    pub(crate) fn finish(mut self) -> Sorted {
        let held = self.runs.iter().all(|run| matches!(run, Run::Held(_)));
        if held && self.runs.len() > 1 {
            let mut all = Vec::new();
            for run in self.runs.drain(..) {
                if let Run::Held(mut records) = run {
                    all.append(&mut records);
                }
            }
            all.sort();
            self.runs = vec![Run::Held(all)];
        }
        Sorted { room: self.room, runs: self.runs }
    }
}

/// Records in order, to be walked through any number of times.
pub(crate) struct Sorted {
    room: Arc<Room>,
    runs: Vec<Run>,
}

impl Sorted {
    pub(crate) fn each(&self, mut see: impl FnMut(Record)) -> Result<(), AuditError> {
        if let [Run::Held(records)] = self.runs.as_slice() {
            records.iter().copied().for_each(see);
            return Ok(());
        }
        self.merged(&mut see).map_err(|error| self.room.error(error))
    }

    fn merged(&self, see: &mut dyn FnMut(Record)) -> io::Result<()> {
        let mut cursors = Vec::with_capacity(self.runs.len());
        let mut heads = BinaryHeap::with_capacity(self.runs.len());
        for run in &self.runs {
            let mut cursor = match run {
                Run::Held(records) => Cursor::Held(records.iter()),
                Run::Kept { file, start, end } => {
                    Cursor::Kept { file, next: *start, end: *end, read: Vec::new().into_iter() }
                }
            };
            if let Some(record) = cursor.next()? {
                heads.push(Reverse((record, cursors.len())));
            }
            cursors.push(cursor);
        }
        while let Some(Reverse((record, index))) = heads.pop() {
            see(record);
            if let Some(next) = cursors[index].next()? {
                heads.push(Reverse((next, index)));
            }
        }
        Ok(())
    }
}

enum Cursor<'a> {
    Held(std::slice::Iter<'a, Record>),
    Kept { file: &'a File, next: u64, end: u64, read: std::vec::IntoIter<Record> },
}

impl Cursor<'_> {
    /// Bytes that are read at once: a thousand runs together take 16 MiB.
    const CHUNK: u64 = 16 << 10;

    fn next(&mut self) -> io::Result<Option<Record>> {
        match self {
            Self::Held(records) => Ok(records.next().copied()),
            Self::Kept { file, next, end, read } => {
                if read.len() == 0 && next < end {
                    let length = Self::CHUNK.min(*end - *next);
                    let mut bytes = vec![0; usize::try_from(length).unwrap_or(usize::MAX)];
                    file.read_exact_at(&mut bytes, *next)?;
                    *next += length;
                    let (records, _) = bytes.as_chunks::<{ Record::BYTES }>();
                    *read = records.iter().map(Record::from_bytes).collect::<Vec<_>>().into_iter();
                }
                Ok(read.next())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn walk(bytes: u64, stretches: &[Vec<(u8, i8)>]) -> Vec<Record> {
        let folder = tempfile::tempdir().unwrap();
        let room = Room::new(bytes, folder.path());
        let mut all = Sorter::new(&room);
        let mut row = 0;
        for stretch in stretches {
            let mut one = Sorter::new(&room);
            for (key, order) in stretch {
                one.push(Record { key: u128::from(*key), order: i64::from(*order), row }).unwrap();
                row += 1;
            }
            one.seal().unwrap();
            all.merge(one);
        }
        let sorted = all.finish();
        let mut seen = Vec::new();
        sorted.each(|record| seen.push(record)).unwrap();
        let mut again = Vec::new();
        sorted.each(|record| again.push(record)).unwrap();
        assert_eq!(seen, again, "a second walk sees the same");
        seen
    }

    proptest! {
        #[test]
        fn records_come_out_in_order_whether_they_fit_or_not(
            stretches in proptest::collection::vec(proptest::collection::vec(any::<(u8, i8)>(), 0..40), 0..6),
            bytes in prop_oneof![Just(0_u64), Just(1_000), Just(u64::MAX / 2)],
        ) {
            let seen = walk(bytes, &stretches);

            let mut expected = seen.clone();
            expected.sort_unstable();
            prop_assert_eq!(seen.len(), stretches.iter().map(Vec::len).sum::<usize>());
            prop_assert_eq!(seen, expected);
        }
    }

    #[test]
    fn a_scratch_folder_that_is_not_there_is_named() {
        let room = Room::new(0, Path::new("/nowhere/at/all"));
        let mut sorter = Sorter::new(&room);
        sorter.push(Record { key: 1, order: 1, row: 1 }).unwrap();

        let error = sorter.seal().unwrap_err();

        assert_eq!(error.to_string(), "keep sorted keys in the scratch folder `/nowhere/at/all`");
    }
}
