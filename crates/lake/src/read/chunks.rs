//! Cuts a text into pieces of whole records.

use std::io::{self, Read};

use crate::dialect::{DialectError, Splitter, complete_records};

/// A stretch of whole records.
#[derive(Debug)]
pub(crate) struct Piece {
    /// Which source it is of, by its place in the list.
    pub(crate) source: usize,
    /// The line on which it begins, from 1.
    pub(crate) first_line: u64,
    pub(crate) bytes: Vec<u8>,
    /// Whether the source ends with it.
    pub(crate) is_last: bool,
}

/// Why a text cannot be cut.
#[derive(Debug)]
pub(crate) enum ChunkError {
    /// The bytes cannot be read or unpacked; they end on this line.
    Read {
        line: u64,
        source: io::Error,
    },
    Dialect(DialectError),
    /// A record takes more memory than all of them may.
    TooLong {
        line: u64,
        limit_bytes: usize,
    },
}

/// How many bytes at the end of a text stay together, so that a footer is seen whole.
const FOOTER_BYTES: usize = 1 << 16;

/// Reads a text and cuts it.
pub(crate) struct Chunker<R> {
    read: R,
    buffer: Vec<u8>,
    has_ended: bool,
    next_line: u64,
    piece_bytes: usize,
    longest_record: usize,
}

impl<R: Read> Chunker<R> {
    pub(crate) fn new(read: R, piece_bytes: usize, longest_record: usize) -> Self {
        let buffer = Vec::new();
        Self { read, buffer, has_ended: false, next_line: 1, piece_bytes, longest_record }
    }

    /// The first bytes, at least as many as given unless there are fewer, and whether these are all.
    pub(crate) fn head(&mut self, least: usize) -> Result<(&[u8], bool), ChunkError> {
        self.fill(least)?;
        Ok((&self.buffer, self.has_ended))
    }

    /// Leaves out the bytes before the first row.
    pub(crate) fn skip(&mut self, bytes: usize) {
        self.next_line += count_lines(&self.buffer[..bytes]);
        self.buffer.drain(..bytes);
    }

    /// The next piece; nothing after the last one.
    pub(crate) fn next(
        &mut self,
        source: usize,
        splitter: Splitter,
    ) -> Result<Option<Piece>, ChunkError> {
        let mut wanted = self.piece_bytes;
        loop {
            self.fill(wanted + FOOTER_BYTES)?;
            if self.has_ended && self.buffer.len() <= wanted + FOOTER_BYTES {
                return self.last(source, splitter);
            }
            let whole = complete_records(splitter, &self.buffer[..wanted]);
            if whole.end > 0 {
                let rest = self.buffer.split_off(whole.end);
                let bytes = std::mem::replace(&mut self.buffer, rest);
                return Ok(Some(self.piece(source, bytes, false)));
            }
            if wanted >= self.longest_record {
                let line = self.next_line;
                return Err(match whole.open_quote {
                    Some(at) => ChunkError::Dialect(DialectError::OpenQuote {
                        line: line + count_lines(&self.buffer[..at]),
                    }),
                    None => ChunkError::TooLong { line, limit_bytes: self.longest_record },
                });
            }
            wanted = (wanted * 2).min(self.longest_record);
        }
    }

    /// All that is left. A quote that is open at its end would swallow rows, so it is no mere fault of one row.
    fn last(&mut self, source: usize, splitter: Splitter) -> Result<Option<Piece>, ChunkError> {
        if self.buffer.is_empty() {
            return Ok(None);
        }
        self.buffer.push(b'\n');
        let open_quote = complete_records(splitter, &self.buffer).open_quote;
        self.buffer.pop();
        if let Some(at) = open_quote {
            let line = self.next_line + count_lines(&self.buffer[..at]);
            return Err(ChunkError::Dialect(DialectError::OpenQuote { line }));
        }
        let bytes = std::mem::take(&mut self.buffer);
        Ok(Some(self.piece(source, bytes, true)))
    }

    fn piece(&mut self, source: usize, bytes: Vec<u8>, is_last: bool) -> Piece {
        let first_line = self.next_line;
        self.next_line += count_lines(&bytes);
        Piece { source, first_line, bytes, is_last }
    }

    fn fill(&mut self, least: usize) -> Result<(), ChunkError> {
        const STEP: usize = 1 << 20;
        while self.buffer.len() < least && !self.has_ended {
            let before = self.buffer.len();
            let step = STEP.min(least - before).max(1 << 13);
            self.buffer.resize(before + step, 0);
            let count = loop {
                match self.read.read(&mut self.buffer[before..]) {
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    other => break other,
                }
            };
            self.buffer.truncate(before + *count.as_ref().unwrap_or(&0));
            match count {
                Ok(0) => self.has_ended = true,
                Ok(_) => {}
                Err(source) => {
                    let line = self.next_line + count_lines(&self.buffer);
                    return Err(ChunkError::Read { line, source });
                }
            }
        }
        Ok(())
    }
}

pub(crate) fn count_lines(bytes: &[u8]) -> u64 {
    memchr::memchr_iter(b'\n', bytes).count() as u64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const COMMAS: Splitter = Splitter { delimiter: b',', quote: Some(b'"') };

    fn pieces(text: &[u8], piece_bytes: usize) -> Vec<Piece> {
        let mut chunker = Chunker::new(text, piece_bytes, 1 << 20);
        std::iter::from_fn(|| chunker.next(0, COMMAS).unwrap()).collect()
    }

    #[test]
    fn pieces_are_whole_records_and_know_their_line() {
        let text = "a,\"x\ny\"\nb,2\n".repeat(20_000).into_bytes();

        let pieces = pieces(&text, 1000);

        assert!(pieces.len() > 100);
        let mut line = 1;
        for piece in &pieces {
            assert_eq!(piece.first_line, line);
            assert!(piece.bytes.starts_with(b"a") || piece.bytes.starts_with(b"b"));
            line += count_lines(&piece.bytes);
        }
        assert_eq!(pieces.iter().flat_map(|piece| piece.bytes.clone()).collect::<Vec<_>>(), text);
    }

    #[test]
    fn a_quote_that_ends_the_text_is_closed() {
        assert_eq!(pieces(b"a,\"b\"", 100)[0].bytes, b"a,\"b\"");
    }

    #[test]
    fn a_quote_that_is_never_closed_is_found_on_its_line() {
        let mut text = b"a,1\nb,2\nc,\"open\n".to_vec();
        text.extend(b"d,3\n".repeat(400_000));
        let mut chunker = Chunker::new(text.as_slice(), 8, 1 << 20);
        let first = chunker.next(0, COMMAS).unwrap().unwrap();
        assert_eq!(first.bytes, b"a,1\nb,2\n");

        let refused = chunker.next(0, COMMAS).unwrap_err();

        assert!(matches!(refused, ChunkError::Dialect(DialectError::OpenQuote { line: 3 })));
    }

    proptest! {
        #[test]
        fn nothing_is_lost_wherever_pieces_are_cut(rows in 1usize..200, piece_bytes in 16usize..200) {
            let text: Vec<u8> = (0..rows).flat_map(|row| format!("{row},\"{}\n\"\"\"\n", row * 7).into_bytes())
                .chain(std::iter::repeat_n(b'x', FOOTER_BYTES)).collect();

            let joined: Vec<u8> = pieces(&text, piece_bytes).into_iter().flat_map(|piece| piece.bytes).collect();

            prop_assert_eq!(joined, text);
        }
    }
}
