//! What a process prints, on its way to the object store while it runs.

use std::pin::pin;
use std::time::Duration;

use bytes::BytesMut;
use tidemill_task::TaskLog;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::weather::pass;

/// How much is written at once, at the latest.
const PART_BYTES: usize = 64 << 10;
/// How long something printed waits to be written.
const PART_EVERY: Duration = Duration::from_secs(1);
/// How much of a log is kept: a program that prints for ever fills no disk.
const MOST_BYTES: usize = 64 << 20;
/// How much is read at once.
const READ_BYTES: usize = 16 << 10;
/// How much of the end goes into errors.
const LAST_WORDS_BYTES: usize = 2 << 10;
/// How long a part may take to be written.
const WRITE_TIMEOUT: Duration = Duration::from_secs(30);
/// How long pipes are read that something holds open after the end of the process group.
const LINGER: Duration = Duration::from_secs(1);

/// Keeps what comes from both streams, in the order of its coming, until both are closed, or the process has exited for
/// a while. Gives the last words.
pub(super) async fn keep(
    mut stdout: impl AsyncRead + Unpin,
    mut stderr: impl AsyncRead + Unpin,
    log: TaskLog,
    exited: CancellationToken,
) -> String {
    let mut over = pin!(async {
        exited.cancelled().await;
        pass(LINGER).await;
    });
    let mut kept = Kept::new(log);
    let (mut out, mut err) = (BytesMut::new(), BytesMut::new());
    let (mut is_out_open, mut is_err_open) = (true, true);
    while is_out_open || is_err_open {
        out.reserve(READ_BYTES);
        err.reserve(READ_BYTES);
        let due = kept.due_at;
        tokio::select! {
            biased;
            read = stdout.read_buf(&mut out), if is_out_open => {
                is_out_open = read.is_ok_and(|length| length > 0);
                kept.push(&out.split());
            }
            read = stderr.read_buf(&mut err), if is_err_open => {
                is_err_open = read.is_ok_and(|length| length > 0);
                kept.push(&err.split());
            }
            () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => {}
            () = &mut over => break,
        }
        if kept.is_due() {
            kept.write().await;
        }
    }
    kept.finish().await
}

/// What was read, and how much of it is written.
struct Kept {
    log: TaskLog,
    part: Vec<u8>,
    /// When the part must be written.
    due_at: Option<Instant>,
    parts: u32,
    room: usize,
    dropped: usize,
    has_failed: bool,
    last_words: Vec<u8>,
}

impl Kept {
    fn new(log: TaskLog) -> Self {
        Self {
            log,
            part: Vec::new(),
            due_at: None,
            parts: 0,
            room: MOST_BYTES,
            dropped: 0,
            has_failed: false,
            last_words: Vec::new(),
        }
    }

    fn push(&mut self, bytes: &[u8]) {
        let taken = bytes.len().min(self.room);
        self.room -= taken;
        self.dropped += bytes.len() - taken;
        self.part.extend_from_slice(&bytes[..taken]);
        if !self.part.is_empty() && self.due_at.is_none() {
            self.due_at = Some(Instant::now() + PART_EVERY);
        }
        self.last_words.extend_from_slice(bytes);
        if self.last_words.len() > 2 * LAST_WORDS_BYTES {
            self.last_words.drain(..self.last_words.len() - LAST_WORDS_BYTES);
        }
    }

    fn is_due(&self) -> bool {
        self.part.len() >= PART_BYTES || self.due_at.is_some_and(|due| due <= Instant::now())
    }

    async fn write(&mut self) {
        self.due_at = None;
        let part = std::mem::take(&mut self.part);
        if part.is_empty() {
            return;
        }
        match timeout(WRITE_TIMEOUT, self.log.write(self.parts, part)).await {
            Ok(Ok(())) => self.parts += 1,
            // The work matters more than its log; one warning is enough.
            Ok(Err(error)) => self.warn(&error),
            Err(elapsed) => self.warn(&elapsed),
        }
    }

    fn warn(&mut self, error: &dyn std::error::Error) {
        if !self.has_failed {
            warn!("a part of a task's log is missing: {}", super::weather::chain(error));
        }
        self.has_failed = true;
    }

    async fn finish(mut self) -> String {
        if self.dropped > 0 {
            let note = format!("\n[{} bytes after this are left out]\n", self.dropped);
            self.part.extend_from_slice(note.as_bytes());
        }
        self.write().await;
        let start = self.last_words.len().saturating_sub(LAST_WORDS_BYTES);
        String::from_utf8_lossy(&self.last_words[start..]).into_owned()
    }
}
