//! Just enough of PostgreSQL's protocol to ask a question over a trusted socket.
//!
//! <https://www.postgresql.org/docs/current/protocol-message-formats.html>

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

/// The user that owns everything in a cluster.
pub(crate) const SUPERUSER: &str = "tidemill";

/// Version 3.0 of the protocol.
const PROTOCOL: u32 = 3 << 16;

/// A message that claims to be longer is not from a PostgreSQL server.
const LONGEST_MESSAGE_BYTES: usize = 256 << 20;

/// The rows of an answer, each value as the server writes it; `None` is `NULL`.
pub type Rows = Vec<Vec<Option<String>>>;

/// Why a connection or a statement failed.
#[derive(Debug, thiserror::Error)]
pub enum WireError {
    /// The connection could not be made, or broke.
    #[error("talk to the server")]
    Io(#[from] io::Error),

    /// The server refused the connection or the statement.
    #[error("{message} (SQLSTATE {code})")]
    Refused {
        /// The five letters of SQLSTATE.
        code: String,
        /// The server's message.
        message: String,
    },

    /// The other side does not speak the protocol, or wants a password.
    #[error("read the server's answer: {what}")]
    Protocol {
        /// What was not as expected.
        what: &'static str,
    },
}

/// One connection to one database.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: UnixStream,
}

impl Connection {
    /// Connects as the superuser. Each read and write of it may take `timeout`.
    pub(crate) fn open(
        socket: &Path,
        database: &str,
        timeout: Duration,
    ) -> Result<Self, WireError> {
        let stream = UnixStream::connect(socket)?;
        stream.set_read_timeout(Some(timeout))?;
        stream.set_write_timeout(Some(timeout))?;
        let mut connection = Self { stream };
        connection.send(None, &greeting(database))?;
        connection.read_until_ready()?;
        Ok(connection)
    }

    /// Runs one or more statements, in one transaction unless they say otherwise.
    pub(crate) fn query(&mut self, sql: &str) -> Result<Rows, WireError> {
        if sql.contains('\0') {
            return Err(WireError::Protocol { what: "a statement cannot contain a zero byte" });
        }
        self.send(Some(b'Q'), &[sql.as_bytes(), b"\0"].concat())?;
        self.read_until_ready()
    }

    fn send(&mut self, tag: Option<u8>, body: &[u8]) -> Result<(), WireError> {
        let length = u32::try_from(body.len() + 4)
            .map_err(|_| WireError::Protocol { what: "the statement is too long" })?;
        let mut message: Vec<u8> = tag.into_iter().collect();
        message.extend(length.to_be_bytes());
        message.extend(body);
        Ok(self.stream.write_all(&message)?)
    }

    /// Reads all messages up to `ReadyForQuery`; an error among them wins over the rows.
    fn read_until_ready(&mut self) -> Result<Rows, WireError> {
        let mut rows = Rows::new();
        let mut refusal = None;
        loop {
            let (tag, body) = self.read_message()?;
            match tag {
                b'D' => rows.push(parse_row(&body).ok_or(GARBLED)?),
                b'E' => {
                    let error = parse_refusal(&body);
                    // A refused connection is closed without `ReadyForQuery`.
                    if error.is_fatal {
                        return Err(error.into());
                    }
                    refusal = Some(error);
                }
                b'R' if body != [0; 4] => {
                    return Err(WireError::Protocol { what: "it wants a password" });
                }
                b'Z' => return refusal.map_or(Ok(rows), |error| Err(error.into())),
                _ => {}
            }
        }
    }

    fn read_message(&mut self) -> Result<(u8, Vec<u8>), WireError> {
        let mut header = [0; 5];
        self.stream.read_exact(&mut header)?;
        let [tag, length @ ..] = header;
        let length = usize::try_from(u32::from_be_bytes(length)).map_err(|_| GARBLED)?;
        if !(4..LONGEST_MESSAGE_BYTES).contains(&length) {
            return Err(GARBLED);
        }
        let mut body = vec![0; length - 4];
        self.stream.read_exact(&mut body)?;
        Ok((tag, body))
    }
}

const GARBLED: WireError = WireError::Protocol { what: "it is no message of the protocol" };

impl Drop for Connection {
    fn drop(&mut self) {
        // `Terminate`; without it the server would log a broken connection.
        self.send(Some(b'X'), &[]).ok();
    }
}

fn greeting(database: &str) -> Vec<u8> {
    let mut body = PROTOCOL.to_be_bytes().to_vec();
    let settings =
        [("user", SUPERUSER), ("database", database), ("application_name", "tidemill-postgres")];
    for (name, value) in settings {
        body.extend([name.as_bytes(), b"\0", value.as_bytes(), b"\0"].concat());
    }
    body.push(0);
    body
}

/// Reads a `DataRow`: a 16-bit count, then each value with its 32-bit length, -1 for `NULL`.
fn parse_row(mut body: &[u8]) -> Option<Vec<Option<String>>> {
    let count = u16::from_be_bytes(*body.split_off(..2)?.as_array()?);
    let mut row = Vec::new();
    for _ in 0..count {
        let length = i32::from_be_bytes(*body.split_off(..4)?.as_array()?);
        let value = match usize::try_from(length) {
            Ok(length) => Some(String::from_utf8_lossy(body.split_off(..length)?).into_owned()),
            Err(_null) => None,
        };
        row.push(value);
    }
    Some(row)
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Refusal {
    code: String,
    message: String,
    is_fatal: bool,
}

/// Reads an `ErrorResponse`: fields of one letter and a text, each ended by a zero byte.
fn parse_refusal(body: &[u8]) -> Refusal {
    let mut refusal = Refusal::default();
    for field in body.split(|byte| *byte == 0) {
        let Some((letter, text)) = field.split_first() else { continue };
        let text = String::from_utf8_lossy(text).into_owned();
        match letter {
            b'C' => refusal.code = text,
            b'M' => refusal.message = text,
            // The severity that is never translated.
            b'V' => refusal.is_fatal = matches!(text.as_str(), "FATAL" | "PANIC"),
            _ => {}
        }
    }
    refusal
}

impl From<Refusal> for WireError {
    fn from(refusal: Refusal) -> Self {
        Self::Refused { code: refusal.code, message: refusal.message }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn row_with_a_null_is_read() {
        let body = b"\x00\x02\x00\x00\x00\x02ab\xff\xff\xff\xff";

        assert_eq!(parse_row(body), Some(vec![Some("ab".into()), None]));
    }

    #[test]
    fn truncated_row_is_refused() {
        assert_eq!(parse_row(b"\x00\x02\x00\x00\x00\x02a"), None);
        assert_eq!(parse_row(b"\x00"), None);
    }

    #[test]
    fn refusal_carries_code_and_message() {
        let refusal = parse_refusal(b"SFATAL\0VFATAL\0C57P03\0Mstarting up\0\0");

        let expected =
            Refusal { code: "57P03".into(), message: "starting up".into(), is_fatal: true };
        assert_eq!(refusal, expected);
    }

    #[test]
    fn stranger_on_the_socket_is_no_server() {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("socket");
        let listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        let stranger = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").unwrap();
        });

        let refused = Connection::open(&socket, "postgres", Duration::from_secs(5)).unwrap_err();

        stranger.join().unwrap();
        assert!(matches!(refused, WireError::Protocol { .. }), "{refused:?}");
    }
}
