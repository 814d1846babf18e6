//! Hears that tasks are ready, and that work is to stop, over one connection that listens.

use std::convert::Infallible;

use tidemill_dag::ids::WorkerId;
use tidemill_dag::names::PoolName;
use tidemill_store::{Heard, Store, StoreError, Topic};
use tokio::sync::watch;

use super::wake::Wake;
use super::weather::{Weather, pass};

/// Who is told of what is heard.
#[derive(Clone, Debug)]
pub(super) struct Ears {
    pub(super) worker: WorkerId,
    pub(super) pools: Vec<PoolName>,
    /// Told when a task of the pools is ready.
    pub(super) wake: Wake,
    /// Changes when work of this worker is asked to stop.
    pub(super) stop: watch::Sender<u64>,
}

impl Ears {
    /// Passes on what it hears, and that something may have been missed. In bad weather it only waits: polls and renewals
    /// find what it does not hear.
    pub(super) async fn listen(&self, store: &Store) -> Infallible {
        let mut weather = Weather::new("listen to the database");
        loop {
            let Err(error) = self.hear(store, &mut weather).await;
            pass(weather.failed(&error)).await;
        }
    }

    async fn hear(&self, store: &Store, weather: &mut Weather) -> Result<Infallible, StoreError> {
        let mut listener = store.listen(&[Topic::Ready, Topic::Stop]).await?;
        // What was said before it listened is not heard.
        self.tell_all();
        loop {
            let heard = listener.next().await?;
            weather.cleared();
            match heard {
                Heard::Ready(pool) if self.pools.contains(&pool) => self.wake.ready(pool),
                Heard::Stop(worker) if worker == self.worker => self.tell_of_stop(),
                Heard::Reconnected => self.tell_all(),
                Heard::Ready(_) | Heard::Stop(_) | Heard::Changed => {}
            }
        }
    }

    fn tell_all(&self) {
        self.wake.wake();
        self.tell_of_stop();
    }

    fn tell_of_stop(&self) {
        self.stop.send_modify(|count| *count = count.wrapping_add(1));
    }
}
