//! Hearing of changes: one connection that listens, so that nobody has to ask all the time.

use sqlx::PgConnection;
use sqlx::postgres::PgListener;
use tidemill_dag::ids::WorkerId;
use tidemill_dag::names::PoolName;

use crate::connect::Store;
use crate::error::{StoreError, reading};
use crate::write::{READY_CHANNEL, STOP_CHANNEL};

/// Where schedulers listen: something changed that they look after.
pub(crate) const CHANGED_CHANNEL: &str = "tidemill_changed";

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
    /// Starts to listen. The connection is taken from the store's pool for as long as the listener lives.
    pub async fn listen(&self, topics: &[Topic]) -> Result<Listener, StoreError> {
        let listening = reading("messages of the database");
        let mut listener = PgListener::connect_with(&self.pool).await.map_err(&listening)?;
        let channels = topics.iter().map(|topic| match topic {
            Topic::Ready => READY_CHANNEL,
            Topic::Changed => CHANGED_CHANNEL,
            Topic::Stop => STOP_CHANNEL,
        });
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
            let heard = match message.channel() {
                CHANGED_CHANNEL => Some(Heard::Changed),
                STOP_CHANNEL => message.payload().parse().ok().map(Heard::Stop),
                _ => PoolName::new(message.payload()).ok().map(Heard::Ready),
            };
            if let Some(heard) = heard {
                return Ok(heard);
            }
        }
    }
}

/// Tells the schedulers to look; they hear it when the transaction commits.
pub(crate) async fn tell_schedulers(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    sqlx::query!("SELECT pg_notify($1, '')", CHANGED_CHANNEL).execute(connection).await?;
    Ok(())
}
