//! The life of a worker: starting, running, draining, stopped.

use std::sync::Arc;
use std::time::Duration;

use apalis::prelude::{Data, Monitor, ParallelizeExt, WorkerBuilder};
use tidemill_store::WorkerState;
use tokio::sync::mpsc;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::timeout;
use tracing::{debug, info, warn};

use super::Worker;
use super::backend::Feed;
use super::claimer::{Claimer, Taken};
use super::holdings::StopCause;
use super::options::{Shutdown, WorkerError};
use super::weather::{Weather, chain, pass};
use crate::attempt::Bench;

/// How long a stopping worker tries to tell what it must; the rest is in the spool.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// How long a claim that is under way is waited for.
const CLAIM_ENDS: Duration = Duration::from_secs(1);

impl Worker {
    /// Works until it is told to stop.
    ///
    /// When it drains it takes nothing new, finishes what it can within its grace, gives back the rest, and renews what
    /// it holds all the while.
    pub async fn run(self, shutdown: Shutdown) -> Result<(), WorkerError> {
        let mut words = JoinSet::new();
        self.repeat_reports();
        self.say(WorkerState::Running, &mut words);
        let (feed, taken) = mpsc::unbounded_channel();
        let mut claimer = tokio::spawn(self.claimer(feed, &shutdown).run());
        let mut work =
            tokio::spawn(drive(self.options.name.clone(), Arc::clone(&self.bench), taken));
        let ended = tokio::select! {
            ended = &mut work => Some(ended),
            () = shutdown.drain.cancelled() => None,
            () = shutdown.at_once.cancelled() => None,
        };
        let ended = if let Some(ended) = ended {
            ended
        } else {
            // Both signals end the claims.
            shutdown.drain.cancel();
            if !self.bench.holdings.is_empty() {
                self.say(WorkerState::Draining, &mut words);
            }
            self.drain(&shutdown, &mut claimer, &mut work).await
        };
        claimer.abort();
        words.shutdown().await;
        self.leave().await;
        ended.map_err(|source| WorkerError::Runtime { source })
    }

    fn claimer(&self, feed: mpsc::UnboundedSender<Taken>, shutdown: &Shutdown) -> Claimer {
        Claimer {
            store: self.store.clone(),
            worker: self.id,
            pools: self.options.pools.clone(),
            slots: self.options.slots,
            timing: self.options.timing,
            holdings: Arc::clone(&self.bench.holdings),
            feed,
            wake: self.wake.clone(),
            drain: shutdown.drain.clone(),
        }
    }

    /// Tells what this worker's predecessors on this machine did not come to tell.
    fn repeat_reports(&self) {
        let reports = self.spool.reports().unwrap_or_else(|error| {
            warn!(%error, "could not read what earlier workers left to report");
            Vec::new()
        });
        for report in reports {
            info!(run.id = %report.held.run, "reporting the end of {} for an earlier worker", report.held.task);
            let reporter = self.bench.reporter.clone();
            tokio::spawn(async move { reporter.tell(report).await });
        }
    }

    /// Says where the worker stands: news for people, which no work waits for.
    fn say(&self, state: WorkerState, words: &mut JoinSet<()>) {
        let (store, id) = (self.store.clone(), self.id);
        words.spawn(async move {
            let mut weather = Weather::new("say where the worker stands");
            while let Err(error) = store.set_worker_state(id, state).await {
                if !error.may_pass() {
                    debug!("could not say where the worker stands: {}", chain(&error));
                    return;
                }
                pass(weather.failed(&error)).await;
            }
        });
    }

    /// Lets the work end by itself within the grace, then ends it.
    async fn drain(
        &self,
        shutdown: &Shutdown,
        claimer: &mut JoinHandle<()>,
        work: &mut JoinHandle<()>,
    ) -> Result<(), tokio::task::JoinError> {
        info!(worker.id = %self.id, "draining: nothing new is taken");
        let timing = self.options.timing;
        tokio::select! {
            ended = &mut *work => return ended,
            () = pass(timing.grace) => {}
            () = shutdown.at_once.cancelled() => {}
        }
        // A claim that is under way must not take again what is given back now.
        timeout(CLAIM_ENDS, claimer).await.ok();
        self.stop_all(shutdown.at_once.is_cancelled());
        let ending = async {
            tokio::select! {
                ended = &mut *work => Some(ended),
                () = shutdown.at_once.cancelled() => None,
            }
        };
        // An attempt has its own grace to stop, and what came of it is told then.
        let kill_grace = self.bench.holdings.longest_kill_grace().max(timing.kill_grace);
        if let Ok(Some(ended)) = timeout(kill_grace + LAST_WORDS, ending).await {
            return ended;
        }
        self.stop_all(true);
        match timeout(LAST_WORDS, &mut *work).await {
            Ok(ended) => ended,
            Err(_elapsed) => {
                warn!("stopping with work that did not end, or that could not be told");
                work.abort();
                Ok(())
            }
        }
    }

    fn stop_all(&self, is_at_once: bool) {
        for holding in self.bench.holdings.all() {
            holding.stop(StopCause::HandBack);
            if is_at_once {
                holding.made.cancel();
            }
        }
    }

    async fn leave(self) {
        let said = self.store.set_worker_state(self.id, WorkerState::Stopped);
        match timeout(LAST_WORDS, said).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => debug!("could not say goodbye: {}", chain(&error)),
            Err(elapsed) => debug!("could not say goodbye: {elapsed}"),
        }
        let Self { bench, spool, keeper, .. } = self;
        keeper.end().await;
        drop(bench);
        if let Ok(spool) = Arc::try_unwrap(spool) {
            spool.close();
        }
    }
}

/// Runs what comes from the feed until the feed is closed and all of it is over.
///
/// apalis drives it: it takes tasks from the backend, hands them to the layers, counts them, and ends when there are
/// none. Each runs in a task of its own, so that nothing that happens to apalis' loop happens to the work.
async fn drive(name: String, bench: Arc<Bench>, taken: mpsc::UnboundedReceiver<Taken>) {
    let feed = Feed::new(taken);
    let monitor = Monitor::new()
        .register(move |_restarts| {
            WorkerBuilder::new(name.as_str())
                .backend(feed.clone())
                .data(Arc::clone(&bench))
                .parallelize(tokio::spawn)
                .build(carry_out)
        })
        .should_restart(|_, error| {
            warn!("the worker's loop begins anew: {error}");
            true
        });
    if let Err(error) = monitor.run().await {
        warn!("the worker's loop ended: {error}");
    }
}

async fn carry_out(taken: Taken, bench: Data<Arc<Bench>>) {
    bench.carry_out(&taken).await;
}
