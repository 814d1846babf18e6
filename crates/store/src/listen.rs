//! Hearing of changes: one connection that listens, so that nobody has to ask all the time.

use std::time::Duration;

use sqlx::PgConnection;
use sqlx::postgres::{PgConnectOptions, PgListener, PgPoolOptions};
use tidemill_dag::ids::WorkerId;
use tidemill_dag::names::PoolName;

use crate::connect::Store;
use crate::error::{StoreError, reading};
use crate::write::{READY_CHANNEL, STOP_CHANNEL};

/// How long the connection of a listener may take.
const LISTEN_TIMEOUT: Duration = Duration::from_secs(10);

/// Where schedulers listen: something changed that they look after. Channels belong to the whole database, so that each
/// schema has its own: the number of the schema follows.
pub(crate) const CHANGED_CHANNEL: &str = "tidemill_changed_";

/// What was heard. A hint only: whoever hears it looks, and whoever hears nothing looks now and then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// A task of this pool became ready.
    Ready(PoolName),
    /// Something changed that schedulers look after: a run ended, a notice waits, a backfill goes on.
    Changed,
    /// An attempt that this worker runs is asked to stop.
    Stop(WorkerId),
    /// The connection was lost and is there again: anything may have been missed.
    Reconnected,
}

/// What a [`Listener`] listens to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Topic {
    /// [`Heard::Ready`].
    Ready,
    /// [`Heard::Changed`].
    Changed,
    /// [`Heard::Stop`].
    Stop,
}

/// A connection of its own that listens.
#[derive(Debug)]
pub struct Listener(PgListener);

impl Store {
    /// Starts to listen, over a connection of its own: were it one of the store's, a process with several listeners
    /// could have none left to work with.
    pub async fn listen(&self, topics: &[Topic]) -> Result<Listener, StoreError> {
        let listening = reading("messages of the database");
        let connect = PgConnectOptions::clone(&self.pool.connect_options());
        let alone = PgPoolOptions::new().max_connections(1).max_lifetime(None).idle_timeout(None);
        let alone = alone.acquire_timeout(LISTEN_TIMEOUT).connect_lazy_with(connect);
        let mut listener = PgListener::connect_with(&alone).await.map_err(&listening)?;
        let schema = sqlx::query_scalar!(
            r#"SELECT quote_ident(current_schema())::regnamespace::oid::text AS "schema!""#
        );
        let schema = schema.fetch_one(&mut listener).await.map_err(&listening)?;
        let channels: Vec<String> = topics
            .iter()
            .map(|topic| match topic {
                Topic::Ready => format!("{READY_CHANNEL}{schema}"),
                Topic::Changed => format!("{CHANGED_CHANNEL}{schema}"),
                Topic::Stop => format!("{STOP_CHANNEL}{schema}"),
            })
            .collect();
        let channels = channels.iter().map(String::as_str);
        listener.listen_all(channels).await.map_err(&listening)?;
        Ok(Listener(listener))
    }
}

impl Listener {
    /// Waits for the next message; a connection that was lost is made again.
    ///
    /// It may be dropped while it waits: nothing is lost. An error says that the database is away; ask again later.
    pub async fn next(&mut self) -> Result<Heard, StoreError> {
        loop {
            let heard = self.0.try_recv().await.map_err(reading("messages of the database"))?;
            let Some(message) = heard else { return Ok(Heard::Reconnected) };
            // Another program may use a channel's name; what is no pool or worker of ours is not for us.
            let (channel, payload) = (message.channel(), message.payload());
            let heard = if channel.starts_with(CHANGED_CHANNEL) {
                Some(Heard::Changed)
            } else if channel.starts_with(STOP_CHANNEL) {
                payload.parse().ok().map(Heard::Stop)
            } else {
                PoolName::new(payload).ok().map(Heard::Ready)
            };
            if let Some(heard) = heard {
                return Ok(heard);
            }
        }
    }
}

/// Tells the schedulers to look; they hear it when the transaction commits.
pub(crate) async fn tell_schedulers(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "SELECT pg_notify($1 || quote_ident(current_schema())::regnamespace::oid::text, '')",
        CHANGED_CHANNEL
    )
    .execute(connection)
    .await?;
    Ok(())
}
