//! The scheduler: keeps the DAGs of the repository, makes runs of ticks and backfills, takes leases back, watches
//! deadlines and delivers messages, as long as it leads.

use std::sync::Arc;
use std::time::Duration;

use tidemill_store::{
    Agenda, Heard, Lead, Listener, NewDagVersion, Present, Store, StoreError, Topic,
};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until, timeout, timeout_at};
use tokio_util::sync::CancellationToken;
use tracing::{debug, error, info, warn};

use crate::deadline;
use crate::deliver::{Sinks, deliver_due};
use crate::housekeeping::Housekeeping;
use crate::leader::{Leader, LeaderOptions};
use crate::scheduler_source::{DagSource, Repository, SourceError};
use crate::tidying::Tidying;
use crate::worker::weather::{chain, fraction, random};

/// How often the repository is looked at.
const LOAD_EVERY: Duration = Duration::from_secs(5);
/// How often the store is held against a repository that did not change: somebody else may have put a version.
const SYNC_EVERY: Duration = Duration::from_mins(1);
/// How often deadlines are looked at.
const WATCH_EVERY: Duration = Duration::from_secs(20);
/// The longest wait between two rounds, less up to a quarter of it.
const POLL: Duration = Duration::from_secs(2);
/// The longest wait after rounds that failed.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// How long after a message others are gathered before a round begins.
const GATHER: Duration = Duration::from_millis(20);
/// How long the end of a scheduler may take: giving the lead up, and a delivery that is under way.
const GOODBYE: Duration = Duration::from_secs(5);

/// What a scheduler is for.
#[derive(Clone, Debug)]
pub struct SchedulerOptions {
    /// The name that people know it by.
    pub name: String,
    /// How it leads.
    pub leader: LeaderOptions,
    /// Drops what is old; without it, everything is kept.
    pub housekeeping: Option<Housekeeping>,
}

/// What one round did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Round {
    /// Whether this scheduler led.
    pub has_led: bool,
    /// Runs that were opened.
    pub opened: usize,
    /// Parts that failed; the others were done all the same.
    pub failures: usize,
    /// How long until the next tick.
    pub next_tick_in: Option<Duration>,
}

/// Makes runs happen when they should. Any number of them may run; one leads.
pub struct Scheduler {
    store: Store,
    source: Arc<dyn DagSource>,
    sinks: Sinks,
    leader: Leader,
    repository: Option<Repository>,
    loaded_at: Option<Instant>,
    synced: Option<(Lead, Instant)>,
    watched_at: Option<Instant>,
    delivery: Option<JoinHandle<Result<usize, StoreError>>>,
    tidying: Tidying,
}

impl std::fmt::Debug for Scheduler {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Scheduler").field("leader", &self.leader).finish_non_exhaustive()
    }
}

impl Scheduler {
    /// A scheduler that has done nothing yet.
    pub fn new(
        store: Store,
        source: Arc<dyn DagSource>,
        sinks: Sinks,
        options: SchedulerOptions,
    ) -> Self {
        let leader = Leader::new(store.clone(), options.name, options.leader);
        let tidying = Tidying::new(store.clone(), options.housekeeping);
        Self {
            store,
            source,
            sinks,
            leader,
            repository: None,
            loaded_at: None,
            synced: None,
            watched_at: None,
            delivery: None,
            tidying,
        }
    }

    /// Schedules until it is told to stop. A database that is away is weather: it goes on when it is back.
    pub async fn run(mut self, shutdown: CancellationToken) {
        let mut ears: Option<Listener> = None;
        let mut bad_rounds = 0;
        // The lead is renewed in rounds.
        let longest = POLL.min(self.leader.renew_every());
        let longest_pause = LONGEST_PAUSE.min(self.leader.lease() * 2);
        while !shutdown.is_cancelled() {
            let round = self.round(&mut ears).await;
            let pause = match round {
                Ok(round) if round.failures == 0 => {
                    bad_rounds = 0;
                    round.next_tick_in.map_or(longest, |next| next.min(longest))
                }
                Ok(_) | Err(_) => {
                    bad_rounds += 1;
                    longest.saturating_mul(1 << bad_rounds.min(4)).min(longest_pause)
                }
            };
            let until = Instant::now() + jittered(pause);
            tokio::select! {
                () = shutdown.cancelled() => {}
                () = wait(&mut ears, until, bad_rounds == 0) => {}
            }
        }
        self.say_goodbye().await;
    }

    async fn round(&mut self, ears: &mut Option<Listener>) -> Result<Round, StoreError> {
        let outcome = self.listen_and_step(ears).await;
        if let Err(error) = &outcome {
            if error.may_pass() {
                warn!("the database is away or busy: {}", chain(error));
                self.leader.database_was_away(Instant::now());
            } else {
                error!("failed to schedule: {}", chain(error));
            }
        }
        outcome
    }

    async fn listen_and_step(&mut self, ears: &mut Option<Listener>) -> Result<Round, StoreError> {
        if ears.is_none() {
            *ears = Some(self.store.listen(&[Topic::Changed]).await?);
        }
        self.step(Instant::now()).await
    }

    /// One round: keeps or asks for the lead, and as the leader does what there is to do.
    ///
    /// What fails for one DAG or backfill is logged and counted, and stops nothing else. An error is that of the database,
    /// or of the whole.
    pub async fn step(&mut self, now: Instant) -> Result<Round, StoreError> {
        self.leader.beat(now).await?;
        let Some(lead) = self.leader.lead(now) else { return Ok(Round::default()) };
        match self.lead(lead, now).await {
            Err(StoreError::NotLeader { .. }) => {
                self.leader.lost();
                Ok(Round::default())
            }
            other => other,
        }
    }

    async fn lead(&mut self, lead: Lead, now: Instant) -> Result<Round, StoreError> {
        let mut round = Round { has_led: true, ..Round::default() };
        self.sync(lead, now, &mut round).await?;
        let agenda = self.store.agenda().await?;
        for dag in &agenda.ticking {
            let ticked = self.store.tick(lead, dag).await;
            let ticked = tolerate(ticked, "tick", dag, &mut round)?.unwrap_or_default();
            round.opened += ticked.opened;
        }
        for dag in &agenda.reacting {
            let opened = self.store.run_after_datasets(lead, dag).await;
            let opened = tolerate(opened, "run", dag, &mut round)?.unwrap_or_default();
            round.opened += opened;
        }
        for backfill in &agenda.backfills {
            let advanced = self.store.advance_backfill(lead, *backfill).await;
            let advanced = tolerate(advanced, "advance", backfill, &mut round)?.unwrap_or_default();
            round.opened += advanced.opened;
        }
        if agenda.has_expired_leases && self.leader.may_reap(now) {
            let swept = self.store.sweep().await;
            tolerate(swept, "take back", &"expired leases", &mut round)?;
        }
        if !agenda.strays.is_empty() {
            let cancelled = self.store.cancel_strays(&agenda.strays).await;
            tolerate(cancelled, "cancel", &"runs whose trigger was cancelled", &mut round)?;
        }
        if agenda.has_open_deadlines && is_due(self.watched_at, WATCH_EVERY, now) {
            self.watched_at = Some(now);
            let watched = deadline::watch(&self.store, lead).await;
            tolerate(watched, "watch", &"deadlines", &mut round)?;
        }
        self.deliver(&agenda, &mut round).await;
        round.failures += usize::from(!self.tidying.step(lead, now).await);
        round.next_tick_in = agenda.next_tick_in();
        Ok(round)
    }

    /// Reads the repository now and then, and makes the store's DAGs the same.
    async fn sync(
        &mut self,
        lead: Lead,
        now: Instant,
        round: &mut Round,
    ) -> Result<(), StoreError> {
        let mut has_changed = false;
        if is_due(self.loaded_at, LOAD_EVERY, now) {
            self.loaded_at = Some(now);
            match self.load().await {
                Ok(Some(repository)) => {
                    has_changed = true;
                    self.repository = Some(repository);
                }
                Ok(None) => {}
                Err(error) => {
                    round.failures += 1;
                    error!("failed to {}", chain(&error));
                }
            }
        }
        let is_fresh = self.synced.is_some_and(|(by, at)| by == lead && now < at + SYNC_EVERY);
        let Some(repository) = self.repository.as_ref().filter(|_| has_changed || !is_fresh) else {
            return Ok(());
        };
        let versions = repository.dags.iter().map(|dag| NewDagVersion {
            spec: &dag.spec,
            hash: &dag.hash,
            source: &dag.path,
        });
        let present = Present { dags: versions.collect(), broken: repository.broken.clone() };
        let synced = self.store.sync_dags(lead, &present).await?;
        self.synced = Some((lead, now));
        if !synced.is_empty() {
            let counts = (synced.added.len(), synced.changed.len(), synced.removed.len());
            info!("DAGs: {} added, {} changed, {} removed", counts.0, counts.1, counts.2);
        }
        Ok(())
    }

    async fn load(&self) -> Result<Option<Repository>, SourceError> {
        let source = Arc::clone(&self.source);
        #[expect(
            clippy::disallowed_methods,
            reason = "files are read outside of any task, where there is no context"
        )]
        let loaded = tokio::task::spawn_blocking(move || source.load()).await;
        loaded.unwrap_or_else(|panic| Err(SourceError(panic.into())))
    }

    /// Delivers beside the rounds: a slow webhook holds up nothing else.
    async fn deliver(&mut self, agenda: &Agenda, round: &mut Round) {
        if self.delivery.as_ref().is_some_and(JoinHandle::is_finished)
            && let Some(ended) = self.delivery.take()
        {
            match ended.await {
                Ok(Ok(arrived)) => debug!("delivered {arrived} messages"),
                Ok(Err(error)) => {
                    round.failures += 1;
                    error!("failed to deliver: {}", chain(&error));
                }
                Err(error) => {
                    round.failures += 1;
                    error!("failed to deliver: {error}");
                }
            }
        }
        if agenda.has_due_notices && self.delivery.is_none() {
            let (store, sinks) = (self.store.clone(), self.sinks.clone());
            self.delivery = Some(tokio::spawn(async move { deliver_due(&store, &sinks).await }));
        }
    }

    /// Ends what is under way, and lets another scheduler lead at once.
    pub async fn say_goodbye(mut self) {
        self.tidying.stop();
        if let Some(mut delivery) = self.delivery.take()
            && timeout(GOODBYE, &mut delivery).await.is_err()
        {
            // What it took is due again when its lease is over.
            delivery.abort();
        }
        match timeout(GOODBYE, self.leader.resign()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => warn!("failed to give the lead up: {}", chain(&error)),
            Err(_elapsed) => warn!("failed to give the lead up: the database did not answer"),
        }
    }
}

/// Logs and counts what fails for one part alone. What fails for all, or the lead itself, ends the round.
fn tolerate<T>(
    result: Result<T, StoreError>,
    verb: &str,
    what: &(impl std::fmt::Display + ?Sized),
    round: &mut Round,
) -> Result<Option<T>, StoreError> {
    match result {
        Ok(done) => Ok(Some(done)),
        // Others changed the same run all the time: the next round tries again.
        Err(StoreError::Contended { .. }) => Ok(None),
        Err(error) if error.may_pass() || matches!(error, StoreError::NotLeader { .. }) => {
            Err(error)
        }
        Err(error) => {
            round.failures += 1;
            error!("failed to {verb} {what}: {}", chain(&error));
            Ok(None)
        }
    }
}

/// Waits until it is time, or until somebody says that something changed.
async fn wait(ears: &mut Option<Listener>, until: Instant, may_be_woken: bool) {
    let Some(listener) = ears.as_mut().filter(|_| may_be_woken) else {
        sleep_until(until).await;
        return;
    };
    match timeout_at(until, listener.next()).await {
        Err(_elapsed) => {}
        Ok(Ok(Heard::Changed | Heard::Ready(_) | Heard::Stop(_) | Heard::Reconnected)) => {
            let gathered = Instant::now() + GATHER;
            while let Ok(Ok(_)) = timeout_at(gathered, listener.next()).await {}
        }
        Ok(Err(error)) => {
            debug!("failed to listen: {}", chain(&error));
            *ears = None;
            sleep_until(until).await;
        }
    }
}

fn is_due(last: Option<Instant>, every: Duration, now: Instant) -> bool {
    last.is_none_or(|last| now >= last + every)
}

/// Up to a quarter less, so that many processes do not ask at the same instant.
fn jittered(pause: Duration) -> Duration {
    pause.mul_f64(1.0 - fraction(random()) / 4.0)
}
