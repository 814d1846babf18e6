//! Hears that tasks are ready, over one connection that listens.

use std::convert::Infallible;

use tidemill_dag::names::PoolName;
use tidemill_store::{Heard, Store, StoreError, Topic};

use super::Wake;
use super::weather::{Weather, pass};

/// Wakes the worker when a task of its pools is ready, and when something may have been missed. In bad weather it only
/// waits: polling finds what it does not hear.
pub(super) async fn listen(store: Store, pools: Vec<PoolName>, wake: Wake) -> Infallible {
    let mut weather = Weather::new("listen for ready tasks");
    loop {
        let Err(error) = hear(&store, &pools, &wake, &mut weather).await;
        pass(weather.failed(&error)).await;
    }
}

async fn hear(
    store: &Store,
    pools: &[PoolName],
    wake: &Wake,
    weather: &mut Weather,
) -> Result<Infallible, StoreError> {
    let mut listener = store.listen(&[Topic::Ready]).await?;
    // What was said before it listened is not heard.
    wake.wake();
    loop {
        let heard = listener.next().await?;
        weather.cleared();
        match heard {
            Heard::Ready(pool) if pools.contains(&pool) => wake.wake(),
            Heard::Reconnected => wake.wake(),
            Heard::Ready(_) | Heard::Changed => {}
        }
    }
}
