//! Takes tasks out of the queue, as many as there are slots for, in a task of its own that no shutdown cuts in two.

use std::sync::Arc;

use tidemill_dag::ids::WorkerId;
use tidemill_dag::names::PoolName;
use tidemill_dag::time::Lapse;
use tidemill_store::{Claim, ClaimRequest, Store, StoreError};
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::holdings::{Holding, Holdings, StopCause};
use super::options::Timing;
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
    /// Changes when there may be something to take.
    pub(super) wake: watch::Receiver<u64>,
    pub(super) drain: CancellationToken,
}

impl Claimer {
    /// Claims until it is told to stop. Bad weather only makes it wait.
    pub(super) async fn run(mut self) {
        let mut weather = Weather::new("claim tasks");
        let mut released = self.holdings.on_released();
        while !self.drain.is_cancelled() {
            // What happens from here on is not in the answer to the claim.
            released.mark_unchanged();
            self.wake.mark_unchanged();
            let idle = match self.claim_all().await {
                Ok(()) => {
                    weather.cleared();
                    // Each pool is a transaction: more pools are looked at less often, as messages wake us anyway.
                    let pools = u32::try_from(self.pools.len()).unwrap_or(u32::MAX);
                    jittered(self.timing.idle_poll.saturating_mul(pools.max(1)))
                }
                Err(error) => weather.failed(&error),
            };
            // In bad weather nobody else wakes it: each try would fail as the one before.
            let may_wake = weather.failures() == 0;
            tokio::select! {
                () = self.drain.cancelled() => {}
                _ = released.changed(), if may_wake => {}
                _ = self.wake.changed(), if may_wake => {}
                () = pass(idle) => {}
            }
        }
    }

    async fn claim_all(&self) -> Result<(), StoreError> {
        for pool in &self.pools {
            let free_slots = self.slots.saturating_sub(self.holdings.slots());
            if free_slots == 0 || self.drain.is_cancelled() {
                return Ok(());
            }
            // The lease counts from before the question, so that it never seems longer here than it is there.
            let lease_until = Instant::now() + self.timing.lease.0;
            let request = self.request(pool, free_slots, self.timing.lease);
            for claim in self.store.claim(&request).await? {
                self.pass_on(claim, lease_until);
            }
        }
        Ok(())
    }

    fn request(&self, pool: &PoolName, free_slots: u32, lease: Lapse) -> ClaimRequest {
        ClaimRequest {
            worker: self.worker,
            pool: pool.clone(),
            limit: free_slots,
            free_slots,
            total_slots: self.slots,
            lease,
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
