//! A real server on this machine, that answers as a test says.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// A request as the server saw it.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    /// Its first line and its headers, in lower case.
    pub(crate) head: Vec<String>,
    pub(crate) body: String,
}

impl Seen {
    /// The value of a header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.iter().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }
}

/// What the server sends back; where that is nothing, it hangs until the client gives up.
pub(crate) type Answer = String;

/// An answer with some headers.
pub(crate) fn answer(status: u16, headers: &[(&str, &str)], body: &str) -> Answer {
    let headers: Vec<String> =
        headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let headers = headers.concat();
    let length = body.len();
    format!(
        "HTTP/1.1 {status} Said\r\n{headers}content-length: {length}\r\nconnection: close\r\n\r\n{body}"
    )
}

/// Answers each request on a thread of its own, for as long as the process lives.
#[derive(Debug)]
pub(crate) struct Server {
    address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Server {
    pub(crate) fn start(judge: impl Fn(&Seen) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port is free");
        let address = listener.local_addr().expect("it is bound");
        let seen = Arc::<Mutex<Vec<Seen>>>::default();
        let (log, judge) = (Arc::clone(&seen), Arc::new(judge));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (log, judge) = (Arc::clone(&log), Arc::clone(&judge));
                std::thread::spawn(move || serve(stream, &log, &*judge));
            }
        });
        Self { address, seen }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// All requests so far.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().expect("nobody panics with it").clone()
    }
}

fn serve(mut stream: TcpStream, log: &Mutex<Vec<Seen>>, judge: &dyn Fn(&Seen) -> Answer) {
    let mut reader = BufReader::new(stream.try_clone().expect("a socket has two ends"));
    let mut head = Vec::new();
    let mut line = String::new();
    while reader.read_line(&mut line).is_ok_and(|length| length > 2) {
        head.push(line.trim_end().to_lowercase());
        line.clear();
    }
    let mut seen = Seen { head, body: String::new() };
    let length =
        seen.head.iter().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    if reader.read_exact(&mut body).is_err() {
        return;
    }
    seen.body = String::from_utf8(body).expect("tests send text");
    log.lock().expect("nobody panics with it").push(seen.clone());
    let answer = judge(&seen);
    if answer.is_empty() {
        // It reads until the client closes its end.
        drop(std::io::copy(&mut reader, &mut std::io::sink()));
    } else {
        drop(stream.write_all(answer.as_bytes()));
    }
}
