//! Takes tasks out of the queue, as many as there are slots for, in a task of its own that no shutdown cuts in two.

use std::sync::Arc;

use tidemill_dag::ids::WorkerId;
use tidemill_dag::names::PoolName;
use tidemill_store::{Claim, ClaimRequest, Store, StoreError};
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::holdings::{Holding, Holdings, StopCause};
use super::options::Timing;
use super::wake::{News, Wake};
use super::weather::{Weather, jittered, pass};

/// A claimed task that waits to be started.
#[derive(Clone, Debug)]
pub(crate) struct Taken {
    pub(crate) claim: Arc<Claim>,
    pub(crate) holding: Arc<Holding>,
}

/// Claims until it is told to stop, and closes the feed then.
#[derive(Debug)]
pub(super) struct Claimer {
    pub(super) store: Store,
    pub(super) worker: WorkerId,
    pub(super) pools: Vec<PoolName>,
    pub(super) slots: u32,
    pub(super) timing: Timing,
    pub(super) holdings: Arc<Holdings>,
    pub(super) feed: mpsc::UnboundedSender<Taken>,
    pub(super) wake: Wake,
    pub(super) drain: CancellationToken,
}

/// What is known of a pool. A claim locks the pool's row, so that none is made where nothing waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Queue {
    /// Whether something waits is to be asked.
    Unknown,
    /// Something waited when it was heard of.
    Waits,
    /// Nothing waits until a message says so, or enough time passes.
    Empty,
}

/// The pools of a worker, in the order in which they are served.
#[derive(Debug)]
struct Queues(Vec<(PoolName, Queue)>);

impl Queues {
    fn new(pools: &[PoolName]) -> Self {
        Self(pools.iter().map(|pool| (pool.clone(), Queue::Unknown)).collect())
    }

    fn forget(&mut self) {
        for (_, queue) in &mut self.0 {
            *queue = Queue::Unknown;
        }
    }

    fn hear(&mut self, news: &News) {
        if news.is_unknown {
            self.forget();
        }
        for (pool, queue) in &mut self.0 {
            if news.ready.contains(pool) {
                *queue = Queue::Waits;
            }
        }
    }

    fn that_are(&self, wanted: Queue) -> Vec<PoolName> {
        let those = self.0.iter().filter(|(_, queue)| *queue == wanted);
        those.map(|(pool, _)| pool.clone()).collect()
    }

    fn set(&mut self, pool: &PoolName, now: Queue) {
        for (_, queue) in self.0.iter_mut().filter(|(name, _)| name == pool) {
            *queue = now;
        }
    }
}

impl Claimer {
    /// Claims until it is told to stop. Bad weather only makes it wait.
    pub(super) async fn run(self) {
        let mut weather = Weather::new("claim tasks");
        let mut released = self.holdings.on_released();
        let mut queues = Queues::new(&self.pools);
        while !self.drain.is_cancelled() {
            // What happens from here on is not in the answer to the claim.
            released.mark_unchanged();
            queues.hear(&self.wake.read());
            let idle = match self.claim_all(&mut queues).await {
                Ok(()) => {
                    weather.cleared();
                    jittered(self.timing.idle_poll)
                }
                Err(error) => {
                    queues.forget();
                    weather.failed(&error)
                }
            };
            // In bad weather nobody else wakes it: each try would fail as the one before.
            let may_wake = weather.failures() == 0;
            tokio::select! {
                () = self.drain.cancelled() => {}
                _ = released.changed(), if may_wake => {}
                () = self.wake.heard(), if may_wake => {}
                () = pass(idle) => queues.forget(),
            }
        }
    }

    async fn claim_all(&self, queues: &mut Queues) -> Result<(), StoreError> {
        self.ask(queues).await?;
        for pool in queues.that_are(Queue::Waits) {
            let free_slots = self.slots.saturating_sub(self.holdings.slots());
            if free_slots == 0 || self.drain.is_cancelled() {
                return Ok(());
            }
            // The lease counts from before the question, so that it never seems longer here than it is there.
            let lease_until = Instant::now() + self.timing.lease.0;
            let claims = self.store.claim(&self.request(pool.clone(), free_slots)).await?;
            let taken: u32 = claims.iter().map(|claim| claim.slots).sum();
            if taken < free_slots {
                queues.set(&pool, Queue::Unknown);
            }
            for claim in claims {
                self.pass_on(claim, lease_until);
            }
        }
        Ok(())
    }

    /// Asks where something waits, of all pools of which that is not known, in one statement.
    async fn ask(&self, queues: &mut Queues) -> Result<(), StoreError> {
        let unknown = queues.that_are(Queue::Unknown);
        if unknown.is_empty() {
            return Ok(());
        }
        let waiting = self.store.pools_that_wait(&unknown).await?;
        for pool in &unknown {
            queues.set(pool, if waiting.contains(pool) { Queue::Waits } else { Queue::Empty });
        }
        Ok(())
    }

    fn request(&self, pool: PoolName, free_slots: u32) -> ClaimRequest {
        ClaimRequest {
            worker: self.worker,
            pool,
            limit: free_slots,
            free_slots,
            total_slots: self.slots,
            lease: self.timing.lease,
        }
    }

    fn pass_on(&self, claim: Claim, lease_until: Instant) {
        let held = claim.held();
        let holding = self.holdings.add(held, claim.slots, lease_until);
        if self.drain.is_cancelled() {
            holding.stop(StopCause::HandBack);
        }
        // The feed outlives its claimer.
        self.feed.send(Taken { claim: Arc::new(claim), holding }).ok();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pool(name: &str) -> PoolName {
        name.parse().expect("a name")
    }

    fn queues() -> Queues {
        let mut queues = Queues::new(&[pool("default"), pool("train")]);
        queues.set(&pool("default"), Queue::Empty);
        queues.set(&pool("train"), Queue::Empty);
        queues
    }

    #[test]
    fn a_message_is_about_its_pool_alone() {
        let mut queues = queues();

        queues.hear(&News { ready: [pool("train"), pool("others")].into(), is_unknown: false });

        assert_eq!(queues.that_are(Queue::Waits), [pool("train")]);
        assert_eq!(queues.that_are(Queue::Empty), [pool("default")]);
    }

    #[test]
    fn what_may_have_been_missed_is_asked_of_all_pools() {
        let mut queues = queues();

        queues.hear(&News { ready: [pool("train")].into(), is_unknown: true });

        assert_eq!(queues.that_are(Queue::Unknown), [pool("default")]);
        assert_eq!(queues.that_are(Queue::Waits), [pool("train")]);
    }
}
