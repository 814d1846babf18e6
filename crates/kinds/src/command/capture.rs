//! What a program prints: all of it, within bounds, as an artefact, and its end as text.

use std::pin::pin;
use std::time::Duration;

use tidemill_task::{ArtifactWriter, Explain, Isolation, TaskContext, TaskError};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio_util::sync::CancellationToken;

/// How much of the end goes into the output of the task.
pub(super) const TAIL_BYTES: usize = 64 << 10;

/// How much goes into the artefact.
const ARTIFACT_BYTES: u64 = 16 << 20;

/// How much is read at once.
const PART_BYTES: usize = 32 << 10;

/// How long a stream is read on after the end of the program: what it started may have left the group, and hold it open.
const LINGER: Duration = Duration::from_secs(1);

/// How much of the end goes into an error.
const LAST_WORDS_LINES: usize = 10;
const LAST_WORDS_BYTES: usize = 2 << 10;

/// Reads one stream of a program to its end.
pub(super) struct Capture<'a> {
    pub(super) context: &'a TaskContext,
    pub(super) port: &'static str,
    pub(super) tail_bytes: usize,
    /// Cancelled at the end of the program.
    pub(super) exited: &'a CancellationToken,
}

/// What a stream came to.
pub(super) struct Captured {
    /// Its end, after a note if something is before it.
    pub(super) tail: String,
}

impl Capture<'_> {
    /// Reads `stream` to its end. However much comes, it is read, so that the program never waits for us.
    pub(super) async fn run(
        self,
        mut stream: impl AsyncRead + Unpin,
    ) -> Result<Captured, TaskError> {
        let mut over = pin!(linger(self.exited));
        let mut buffer = vec![0; PART_BYTES];
        let mut tail = Tail { bytes: Vec::new(), limit: self.tail_bytes, dropped: 0 };
        let mut echo = self.echo();
        let mut log = Log { context: self.context, port: self.port, writer: None, dropped: 0 };
        loop {
            let length = tokio::select! {
                biased;
                length = stream.read(&mut buffer) => length.or_transient("read what it prints")?,
                () = &mut over => 0,
            };
            if length == 0 {
                break;
            }
            self.context.beat();
            if let Some(echo) = &mut echo {
                echo.write_all(&buffer[..length]).await.or_transient("pass on what it prints")?;
                echo.flush().await.or_transient("pass on what it prints")?;
            }
            tail.push(&buffer[..length]);
            log.push(&buffer[..length]).await?;
        }
        log.finish().await?;
        Ok(Captured { tail: tail.into_text() })
    }

    /// What the process of an attempt prints is the attempt's log, which people read while it runs.
    fn echo(&self) -> Option<Box<dyn AsyncWrite + Send + Unpin>> {
        match (self.context.isolation(), self.port) {
            (Isolation::Inline, _) => None,
            (Isolation::Process, "stderr") => Some(Box::new(tokio::io::stderr())),
            (Isolation::Process, _) => Some(Box::new(tokio::io::stdout())),
        }
    }
}

async fn linger(exited: &CancellationToken) {
    exited.cancelled().await;
    // Nothing ends this wait but its deadline.
    drop(tokio::time::timeout(LINGER, std::future::pending::<()>()).await);
}

impl Captured {
    /// The last lines, for an error.
    pub(super) fn last_words(&self) -> String {
        let text = self.tail.trim_end();
        let mut start = text.len().saturating_sub(LAST_WORDS_BYTES);
        while !text.is_char_boundary(start) {
            start += 1;
        }
        let lines: Vec<&str> = text[start..].lines().collect();
        lines[lines.len().saturating_sub(LAST_WORDS_LINES)..].join("\n")
    }
}

/// The end of a stream.
struct Tail {
    bytes: Vec<u8>,
    limit: usize,
    dropped: u64,
}

impl Tail {
    fn push(&mut self, part: &[u8]) {
        self.bytes.extend_from_slice(part);
        // Cutting only at twice the limit moves each byte at most once.
        if self.bytes.len() > 2 * self.limit {
            self.cut();
        }
    }

    fn cut(&mut self) {
        let excess = self.bytes.len().saturating_sub(self.limit);
        self.dropped += excess as u64;
        self.bytes.drain(..excess);
    }

    fn into_text(mut self) -> String {
        self.cut();
        if self.dropped == 0 {
            return String::from_utf8_lossy(&self.bytes).into_owned();
        }
        // The cut may have gone through a character, whose rest says nothing.
        let is_rest = |byte: &&u8| **byte & 0b1100_0000 == 0b1000_0000;
        let rest = self.bytes.iter().take(3).take_while(is_rest).count();
        let text = String::from_utf8_lossy(&self.bytes[rest..]);
        format!("[{} bytes before this are left out]\n{text}", self.dropped + rest as u64)
    }
}

/// The whole stream, as an artefact, from its first byte on.
struct Log<'a> {
    context: &'a TaskContext,
    port: &'static str,
    writer: Option<ArtifactWriter<'a>>,
    dropped: u64,
}

impl Log<'_> {
    async fn push(&mut self, part: &[u8]) -> Result<(), TaskError> {
        let writer = match &mut self.writer {
            Some(writer) => writer,
            empty @ None => {
                let writer = self.context.artifacts().writer(self.port, "text/plain")?;
                empty.insert(writer)
            }
        };
        let room = ARTIFACT_BYTES.saturating_sub(writer.size_bytes());
        let taken = part.len().min(usize::try_from(room).unwrap_or(usize::MAX));
        self.dropped += (part.len() - taken) as u64;
        if taken > 0 {
            writer.write(part[..taken].to_vec()).await?;
        }
        Ok(())
    }

    async fn finish(self) -> Result<(), TaskError> {
        let Some(mut writer) = self.writer else {
            return Ok(());
        };
        if self.dropped > 0 {
            let note = format!("\n[{} bytes after this are left out]\n", self.dropped);
            writer.write(note).await?;
        }
        writer.finish().await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tail_of(text: &str, limit: usize, part_bytes: usize) -> String {
        let mut tail = Tail { bytes: Vec::new(), limit, dropped: 0 };
        text.as_bytes().chunks(part_bytes).for_each(|part| tail.push(part));
        tail.into_text()
    }

    #[test]
    fn a_short_stream_is_kept_as_it_is() {
        assert_eq!(tail_of("a\nb\n", 4, 1), "a\nb\n");
    }

    #[test]
    fn the_end_of_a_long_stream_is_kept_whatever_the_parts() {
        for part_bytes in [1, 3, 7, 100] {
            let expected = "[8 bytes before this are left out]\n89";
            assert_eq!(tail_of("0123456789", 2, part_bytes), expected);
        }
    }

    #[test]
    fn a_character_that_the_cut_goes_through_is_left_out() {
        assert_eq!(tail_of("ab€cd", 4, 2), "[5 bytes before this are left out]\ncd");
    }

    #[test]
    fn last_words_are_the_last_lines() {
        let lines: Vec<String> = (1..=20).map(|line| format!("line {line}")).collect();

        let words = Captured { tail: lines.join("\n") + "\n" }.last_words();

        assert_eq!(words, lines[10..].join("\n"));
    }
}
