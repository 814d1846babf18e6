//! The bytes of an object as a blocking reader: hashed as they come, then unpacked.

use std::fs::File;
use std::io::{self, BufReader, Read};

use bytes::{Buf, Bytes};
use futures::StreamExt;
use futures::stream::BoxStream;
use object_store::{GetResult, GetResultPayload};
use sha2::{Digest, Sha256};
use tokio::runtime::Handle;

/// How a source is packed, by its first bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Compression {
    /// Not at all.
    Plain,
    /// One or more gzip members.
    Gzip,
    /// One or more zstd frames.
    Zstd,
}

impl Compression {
    pub(crate) fn of(head: &[u8]) -> Self {
        match head {
            [0x1F, 0x8B, ..] => Self::Gzip,
            [0x28, 0xB5, 0x2F, 0xFD, ..] => Self::Zstd,
            _ => Self::Plain,
        }
    }
}

/// The bytes of an object in their order. Only for threads that may block.
pub(crate) struct ObjectBytes {
    from: From,
    hash: Sha256,
    size_bytes: u64,
}

enum From {
    File(File),
    Stream { stream: BoxStream<'static, object_store::Result<Bytes>>, rest: Bytes, runtime: Handle },
}

impl ObjectBytes {
    pub(crate) fn of(object: GetResult, runtime: Handle) -> Self {
        let from = match object.payload {
            GetResultPayload::File(file, _) => From::File(file),
            GetResultPayload::Stream(stream) => {
                From::Stream { stream, rest: Bytes::new(), runtime }
            }
        };
        Self { from, hash: Sha256::new(), size_bytes: 0 }
    }

    /// How many bytes were read, and their SHA-256.
    pub(crate) fn finish(self) -> (u64, String) {
        (self.size_bytes, hex(&self.hash.finalize()))
    }
}

impl Read for ObjectBytes {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = match &mut self.from {
            From::File(file) => file.read(into)?,
            From::Stream { stream, rest, runtime } => {
                while rest.is_empty() {
                    match runtime.block_on(stream.next()) {
                        Some(part) => *rest = part.map_err(io::Error::other)?,
                        None => return Ok(0),
                    }
                }
                let count = rest.len().min(into.len());
                rest.copy_to_slice(&mut into[..count]);
                count
            }
        };
        self.hash.update(&into[..count]);
        self.size_bytes += count as u64;
        Ok(count)
    }
}

/// The unpacked bytes of a source whose first bytes are given, and were taken from it already.
pub(crate) fn decoded<'a>(
    head: Vec<u8>,
    object: &'a mut ObjectBytes,
) -> io::Result<Box<dyn Read + 'a>> {
    const BUFFER: usize = 1 << 18;
    let compression = Compression::of(&head);
    let all = Read::chain(io::Cursor::new(head), object);
    Ok(match compression {
        Compression::Plain => Box::new(all),
        Compression::Gzip => {
            Box::new(flate2::bufread::MultiGzDecoder::new(BufReader::with_capacity(BUFFER, all)))
        }
        Compression::Zstd => Box::new(zstd::stream::read::Decoder::new(all)?),
    })
}

/// Bytes in hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        write!(text, "{byte:02x}").expect("a string takes all");
    }
    text
}
