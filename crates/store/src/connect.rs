//! The store itself: a pool of connections, a clock, and the versions that it has read.

use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{ConnectOptions, Connection, PgPool, Postgres, Transaction};

use crate::clock::Clock;
use crate::error::StoreError;
use crate::versions::VersionCache;

/// How long the first connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a statement waits for a connection of the pool.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(30);

/// Server settings of every connection: no statement and no forgotten transaction waits for ever. A process that is
/// frozen between two statements of a claim holds the lock of its pool, so that such a transaction must end soon; none of
/// ours waits for anything but the database. Statements are short, and to compile them takes longer than to run them: plans
/// over many months look dear enough for the server to try. Plans are made once for a connection: over many months, making one
/// takes longer than what it plans, and the server would make it anew each time. A plan that is made while a month is small must not
/// read all of it when it is large, so that what has an index is read by it.
const SETTINGS: [(&str, &str); 5] = [
    ("statement_timeout", "60s"),
    ("idle_in_transaction_session_timeout", "5s"),
    ("jit", "off"),
    ("plan_cache_mode", "force_generic_plan"),
    ("enable_seqscan", "off"),
];

/// How to reach a database.
#[derive(Clone, Debug)]
pub struct StoreOptions {
    /// The URL, `postgres://…`.
    pub url: String,
    /// The schema to live in, made by [`Store::migrate`]; `None` is the connection's own default.
    pub schema: Option<String>,
    /// The most connections at once.
    pub connections: u32,
    /// Whose clock counts.
    pub clock: Clock,
}

impl StoreOptions {
    /// A database, its default schema and its own clock.
    pub fn new(url: impl Into<String>) -> Self {
        Self { url: url.into(), schema: None, connections: 8, clock: Clock::Database }
    }

    /// Lives in a schema of its own.
    #[must_use]
    pub fn in_schema(mut self, schema: impl Into<String>) -> Self {
        self.schema = Some(schema.into());
        self
    }

    /// Takes another clock.
    #[must_use]
    pub fn with_clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Takes another number of connections.
    #[must_use]
    pub const fn with_connections(mut self, connections: u32) -> Self {
        self.connections = connections;
        self
    }
}

/// The database, and all that the program may do with it. Clones share its connections.
#[derive(Clone, Debug)]
pub struct Store {
    pub(crate) pool: PgPool,
    pub(crate) clock: Clock,
    pub(crate) schema: Option<Arc<str>>,
    pub(crate) versions: Arc<VersionCache>,
}

impl Store {
    /// Connects to a database, whatever its migrations.
    ///
    /// The first connection is made at once, so that a database that is away is
    /// [`StoreError::Unreachable`] here and not later.
    pub async fn connect(options: StoreOptions) -> Result<Self, StoreError> {
        let connect = connect_options(&options)?;
        let server = server_of(&connect);
        let reach = async { connect.connect().await?.close().await };
        match tokio::time::timeout(CONNECT_TIMEOUT, reach).await {
            Ok(Ok(())) => {}
            Ok(Err(source)) => return Err(StoreError::Unreachable { server, source }),
            Err(_elapsed) => {
                return Err(StoreError::NoAnswer { server, seconds: CONNECT_TIMEOUT.as_secs() });
            }
        }
        let pool = PgPoolOptions::new()
            .max_connections(options.connections)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .connect_lazy_with(connect);
        Ok(Self {
            pool,
            clock: options.clock,
            schema: options.schema.map(Into::into),
            versions: Arc::default(),
        })
    }

    /// Closes all connections, after the statements that run.
    pub async fn close(&self) {
        self.pool.close().await;
    }

    pub(crate) async fn begin(&self) -> Result<Transaction<'static, Postgres>, sqlx::Error> {
        self.pool.begin().await
    }

    /// Begins to read lists: a filter that is not given must not cost the index of one that is, so their plans are made for
    /// their values.
    pub(crate) async fn begin_list(&self) -> Result<Transaction<'static, Postgres>, sqlx::Error> {
        self.pool.begin_with("BEGIN READ ONLY; SET LOCAL plan_cache_mode = force_custom_plan").await
    }
}

fn connect_options(options: &StoreOptions) -> Result<PgConnectOptions, StoreError> {
    let parsed = PgConnectOptions::from_str(&options.url)
        .map_err(|source| StoreError::BadUrl { source })?
        .application_name(&application_name(options.schema.as_deref()))
        .options(SETTINGS);
    let Some(schema) = &options.schema else {
        return Ok(parsed);
    };
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    let starts_well = schema.starts_with(|first: char| first.is_ascii_lowercase());
    if !starts_well || schema.len() > 63 || !schema.bytes().all(is_plain) {
        return Err(StoreError::BadSchema { schema: schema.clone() });
    }
    Ok(parsed.options([("search_path", schema)]))
}

/// What `pg_stat_activity` shows; programs of another schema are told apart. The server keeps 63 bytes.
fn application_name(schema: Option<&str>) -> String {
    let mut name =
        schema.map_or_else(|| "tidemill".to_owned(), |schema| format!("tidemill {schema}"));
    name.truncate(63);
    name
}

/// The server as people know it, without user and password.
fn server_of(options: &PgConnectOptions) -> String {
    let database = options.get_database().unwrap_or("postgres");
    let place = options
        .get_socket()
        .map_or_else(|| options.get_host().to_owned(), |socket| socket.display().to_string());
    format!("{place}:{}/{database}", options.get_port())
}
