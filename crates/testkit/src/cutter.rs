//! A stand-in for the server that cuts a connection at any statement: before the server hears of it, or before the client
//! hears what came of it. So a crash of either side between any two statements can be played.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::Context;
use sqlx::ConnectOptions;
use sqlx::postgres::{PgConnectOptions, PgSslMode};
use tidemill_store::{Clock, Store, StoreOptions};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::task::JoinHandle;

use crate::database::TestDatabase;

/// On which side of a statement a connection is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// The server never hears of it.
    Before,
    /// The server has carried it out, and nobody hears of that.
    After,
}

/// Passes everything on to a test's database, until it is told to cut.
#[derive(Debug)]
pub struct Cutter {
    options: PgConnectOptions,
    orders: Arc<Mutex<Orders>>,
    accepts: JoinHandle<()>,
}

#[derive(Debug, Default)]
struct Orders {
    /// How many statements still pass, and what happens to the next one.
    next: Option<(u32, Cut)>,
    has_cut: bool,
}

impl TestDatabase {
    /// Puts a stand-in before the database.
    pub async fn behind_a_cutter(&self) -> anyhow::Result<Cutter> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.context("listen for a test")?;
        let address: SocketAddr = listener.local_addr().context("find our own address")?;
        let server = self.options();
        let options = server.clone().host("127.0.0.1").port(address.port());
        // Its statements are read.
        let options = options.ssl_mode(PgSslMode::Disable);
        let orders = Arc::new(Mutex::new(Orders::default()));
        let given = Arc::clone(&orders);
        let accepts = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (server, orders) = (server.clone(), Arc::clone(&given));
                // A connection that breaks is what tests are about.
                tokio::spawn(async move { serve(client, &server, &orders).await.ok() });
            }
        });
        Ok(Cutter { options, orders, accepts })
    }
}

impl Cutter {
    /// A store whose connections can be cut.
    pub async fn store(&self, clock: Clock) -> anyhow::Result<Store> {
        let mut url = self.options.to_url_lossy();
        // The socket of the server would be taken before the host.
        let others: Vec<(String, String)> = url
            .query_pairs()
            .filter(|(name, _)| name != "host")
            .map(|(name, value)| (name.into_owned(), value.into_owned()))
            .collect();
        url.query_pairs_mut().clear().extend_pairs(others);
        url.set_host(Some("127.0.0.1")).context("name the stand-in")?;
        let options = StoreOptions::new(url).with_clock(clock).with_connections(1);
        Store::connect(options).await.context("connect through the stand-in")
    }

    /// Lets so many statements pass from now on, and cuts the connection of the next.
    pub fn cut_after(&self, statements: u32, cut: Cut) {
        *self.orders() = Orders { next: Some((statements, cut)), has_cut: false };
    }

    /// Whether it has cut since it was told to; from now on everything passes.
    pub fn has_cut(&self) -> bool {
        let mut orders = self.orders();
        orders.next = None;
        orders.has_cut
    }

    fn orders(&self) -> MutexGuard<'_, Orders> {
        self.orders.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Cutter {
    fn drop(&mut self) {
        self.accepts.abort();
    }
}

/// What happens to the statement that comes now.
fn fate(orders: &Mutex<Orders>) -> Option<Cut> {
    let mut orders = orders.lock().unwrap_or_else(PoisonError::into_inner);
    match orders.next {
        Some((0, cut)) => {
            *orders = Orders { next: None, has_cut: true };
            Some(cut)
        }
        Some((left, cut)) => {
            orders.next = Some((left - 1, cut));
            None
        }
        None => None,
    }
}

async fn serve(
    client: TcpStream,
    server: &PgConnectOptions,
    orders: &Mutex<Orders>,
) -> std::io::Result<()> {
    if let Some(folder) = server.get_socket() {
        let socket = folder.join(format!(".s.PGSQL.{}", server.get_port()));
        return pass(client, UnixStream::connect(socket).await?, orders).await;
    }
    let address = (server.get_host(), server.get_port());
    pass(client, TcpStream::connect(address).await?, orders).await
}

/// One side speaks, then the other: the client until a statement is whole, then the server until it is ready for the next
/// (PostgreSQL manual, section 55.2).
async fn pass(
    mut client: TcpStream,
    mut server: impl AsyncRead + AsyncWrite + Unpin,
    orders: &Mutex<Orders>,
) -> std::io::Result<()> {
    client.set_nodelay(true)?;
    // The first message has no sign of its sort.
    let length = client.read_u32().await?;
    server.write_u32(length).await?;
    server.write_all(&body(&mut client, length).await?).await?;
    answer(&mut server, Some(&mut client)).await?;
    loop {
        let (sort, message) = message(&mut client).await?;
        let is_whole = matches!(sort, b'S' | b'Q');
        let fate = if is_whole { fate(orders) } else { None };
        if fate == Some(Cut::Before) {
            return Ok(());
        }
        server.write_all(&message).await?;
        if fate == Some(Cut::After) {
            return answer(&mut server, None).await;
        }
        if is_whole {
            answer(&mut server, Some(&mut client)).await?;
        }
    }
}

/// Passes on what the server says, until it is ready.
async fn answer(
    server: &mut (impl AsyncRead + Unpin),
    mut client: Option<&mut TcpStream>,
) -> std::io::Result<()> {
    loop {
        let (sort, message) = message(server).await?;
        if let Some(client) = client.as_deref_mut() {
            client.write_all(&message).await?;
        }
        if sort == b'Z' {
            return Ok(());
        }
    }
}

/// A message with its sort: that, the length of the rest, the rest.
async fn message(from: &mut (impl AsyncRead + Unpin)) -> std::io::Result<(u8, Vec<u8>)> {
    let sort = from.read_u8().await?;
    let length = from.read_u32().await?;
    let mut whole = vec![sort];
    whole.extend(length.to_be_bytes());
    whole.extend(body(from, length).await?);
    Ok((sort, whole))
}

/// What follows a length, which counts itself.
async fn body(from: &mut (impl AsyncRead + Unpin), length: u32) -> std::io::Result<Vec<u8>> {
    let mut body = vec![0; length.saturating_sub(4) as usize];
    from.read_exact(&mut body).await?;
    Ok(body)
}
