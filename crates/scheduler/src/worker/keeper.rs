//! Keeps what a worker holds: renews leases, hears requests to stop, and ends work whose lease runs out. It hears for the
//! whole worker that tasks are ready, too.
//!
//! It has a thread, a runtime and connections of its own, so that neither a kind that computes in the worker's runtime
//! nor a pool of connections that is in use delays a renewal. It goes on while the worker drains.

use std::sync::Arc;
use std::time::Duration;

use tidemill_store::{Held, Renewed, Store, StoreError, StoreOptions};
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::{CancellationToken, DropGuard};
use tracing::{debug, warn};

use super::ears::Ears;
use super::holdings::{Holdings, StopCause};
use super::options::{Timing, WorkerError};
use super::weather::{Weather, pass};

/// One connection renews, one listens, one reads requests to stop.
const CONNECTIONS: u32 = 3;

/// How long the end of the thread is waited for.
const LINGER: Duration = Duration::from_secs(1);

/// A thread that keeps what a worker holds, until this is dropped.
#[derive(Debug)]
pub(super) struct Keeper {
    ends_when_dropped: DropGuard,
    over: oneshot::Receiver<()>,
}

/// What the thread works with.
#[derive(Clone, Debug)]
pub(super) struct Kept {
    pub(super) ears: Ears,
    pub(super) holdings: Arc<Holdings>,
    pub(super) timing: Timing,
}

impl Keeper {
    /// Connects, and starts to keep.
    pub(super) async fn start(options: StoreOptions, kept: Kept) -> Result<Self, WorkerError> {
        let failed = |source| WorkerError::Keeper { source };
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(failed)?;
        let ended = CancellationToken::new();
        let ends_when_dropped = ended.clone().drop_guard();
        let (tell, told) = oneshot::channel();
        let (say_over, over) = oneshot::channel();
        let work = async move {
            match Store::connect(options.with_connections(CONNECTIONS)).await {
                Ok(store) => {
                    // Who started it may have given up meanwhile.
                    if tell.send(Ok(())).is_ok() {
                        kept.keep(&store, &ended).await;
                    }
                    timeout(LINGER, store.close()).await.ok();
                }
                Err(error) => drop(tell.send(Err(error))),
            }
            say_over.send(()).ok();
        };
        std::thread::Builder::new()
            .name("tidemill-keeper".to_owned())
            .spawn(move || runtime.block_on(work))
            .map_err(failed)?;
        match told.await {
            Ok(connected) => connected?,
            Err(_gone) => {
                return Err(failed(std::io::Error::other("the thread ended before it began")));
            }
        }
        Ok(Self { ends_when_dropped, over })
    }

    /// Ends the thread, and gives its connections back.
    pub(super) async fn end(self) {
        drop(self.ends_when_dropped);
        timeout(LINGER, self.over).await.ok();
    }
}

impl Kept {
    async fn keep(&self, store: &Store, ended: &CancellationToken) {
        tokio::select! {
            () = ended.cancelled() => {}
            () = self.renew(store) => {}
            () = self.fence() => {}
            never = self.ears.listen(store) => match never {},
            () = self.hear(store) => {}
        }
    }

    /// Renews all leases, again and again.
    async fn renew(&self, store: &Store) {
        let mut weather = Weather::new("renew leases");
        loop {
            let asked_at = Instant::now();
            let held: Vec<Held> = self.holdings.all().iter().map(|holding| holding.held).collect();
            let renewal = store.renew(self.ears.worker, &held, self.timing.lease);
            // A connection that hangs is given up as long as the next one can still be in time.
            let next = match timeout(self.timing.heartbeat, renewal).await {
                Ok(Ok(renewed)) => {
                    weather.cleared();
                    self.settle(&held, &renewed, asked_at);
                    self.timing.heartbeat
                }
                Ok(Err(error)) => weather.failed(&error).min(self.timing.heartbeat),
                Err(elapsed) => weather.failed(&elapsed).min(self.timing.heartbeat),
            };
            pass(next).await;
        }
    }

    fn settle(&self, held: &[Held], renewed: &Renewed, asked_at: Instant) {
        let until = asked_at + self.timing.lease.0;
        for holding in self.holdings.all() {
            if renewed.lost.contains(&holding.held) {
                // The end of an attempt that is being told is no loss: the store judges that.
                if holding.is_working() {
                    let Held { run: _, task, attempt } = holding.held;
                    warn!(task.attempt = attempt.0, "lost the lease of {task}: ending the work");
                    holding.stop(StopCause::Lost);
                }
            } else if held.contains(&holding.held) {
                holding.extend(until);
            }
            if renewed.cancel_requested.contains(&holding.held) {
                holding.stop(StopCause::Cancelled);
            }
        }
    }

    /// Ends work whose lease could not be renewed in time.
    async fn fence(&self) {
        let mut taken = self.holdings.on_taken();
        loop {
            taken.mark_unchanged();
            let now = Instant::now();
            let mut next = None;
            for holding in self.holdings.all().iter().filter(|holding| holding.is_working()) {
                let until = holding.lease_until();
                let due = until.checked_sub(self.timing.margin).unwrap_or(until);
                if due <= now {
                    let Held { run: _, task, attempt } = holding.held;
                    warn!(
                        task.attempt = attempt.0,
                        "could not renew the lease of {task} in time: ending the work"
                    );
                    holding.stop(StopCause::Fenced);
                } else {
                    next = Some(next.map_or(due, |next: Instant| next.min(due)));
                }
            }
            tokio::select! {
                _ = taken.changed() => {}
                () = sleep_until(next.unwrap_or(now)), if next.is_some() => {}
            }
        }
    }

    /// Passes requests to stop on when a message tells of them; what no message tells of, the next renewal does.
    async fn hear(&self, store: &Store) {
        let mut asked = self.ears.stop.subscribe();
        let mut taken = self.holdings.on_taken();
        let mut is_all_held = true;
        loop {
            tokio::select! {
                _ = asked.changed() => {}
                // It was asked to stop in the moment between its claim and its place among what is held.
                _ = taken.changed(), if !is_all_held => {}
            }
            taken.mark_unchanged();
            is_all_held = self.pass_on_requests(store).await.unwrap_or_else(|error| {
                debug!(%error, "could not look for requests to stop, the next renewal does");
                true
            });
        }
    }

    /// Says whether all that is asked to stop is held.
    async fn pass_on_requests(&self, store: &Store) -> Result<bool, StoreError> {
        let requests = store.cancel_requests(self.ears.worker).await?;
        let mut passed_on = 0;
        for holding in self.holdings.all() {
            if requests.contains(&holding.held) {
                holding.stop(StopCause::Cancelled);
                passed_on += 1;
            }
        }
        Ok(passed_on == requests.len())
    }
}
