//! Leading: several schedulers may run, and exactly one of them does the work.

use std::time::Duration;

use tidemill_dag::time::Lapse;
use tidemill_store::{Lead, Store, StoreError};
use tokio::time::Instant;
use tracing::{info, warn};

use crate::worker::options::Timing;

/// How leads are held.
#[derive(Clone, Copy, Debug)]
pub struct LeaderOptions {
    /// How long the lead holds without a renewal.
    pub lease: Duration,
    /// How often it is renewed, or asked for.
    pub renew_every: Duration,
    /// How long before its end a leader stops when it could not renew: longer than any of its statements should take.
    pub margin: Duration,
    /// How long a new leader, or one whose database was away, waits before it takes leases back: workers that live must
    /// have had time to renew theirs.
    pub grace: Duration,
}

/// The lease of the lead is not shorter than this: a busy machine would lose it all the time.
const SHORTEST_LEASE: Duration = Duration::from_secs(2);

impl LeaderOptions {
    /// What fits workers with leases of this length: a dead leader costs less than a dead worker.
    pub fn for_leases_of(workers: Lapse) -> Self {
        let lease = (workers.0 / 4).max(SHORTEST_LEASE);
        Self { lease, renew_every: lease / 3, margin: lease * 4 / 15, grace: workers.0 / 3 }
    }
}

impl Default for LeaderOptions {
    /// For workers with the usual leases, of a minute.
    fn default() -> Self {
        Self::for_leases_of(Timing::default().lease)
    }
}

/// Where one scheduler stands among others.
///
/// The present is an argument everywhere, so that tests need not wait for it. It is this machine's own steady clock; the
/// database's decides who leads.
#[derive(Debug)]
pub struct Leader {
    store: Store,
    holder: String,
    options: LeaderOptions,
    held: Option<Held>,
    asked_at: Option<Instant>,
    reap_from: Option<Instant>,
}

/// A lead that is held, as far as this process knows.
#[derive(Clone, Copy, Debug)]
struct Held {
    lead: Lead,
    /// When the renewal that counts was asked for: the lease is at least as long as from here.
    renewed_at: Instant,
}

impl Leader {
    /// Somebody who does not lead yet; `holder` tells people who it is.
    pub const fn new(store: Store, holder: String, options: LeaderOptions) -> Self {
        Self { store, holder, options, held: None, asked_at: None, reap_from: None }
    }

    /// How often [`Self::beat`] must come at least.
    pub const fn renew_every(&self) -> Duration {
        self.options.renew_every
    }

    /// How long the lead holds without a renewal.
    pub const fn lease(&self) -> Duration {
        self.options.lease
    }

    /// The lead, while it is safe to act on it.
    pub fn lead(&self, now: Instant) -> Option<Lead> {
        let held = self.held?;
        let until = held.renewed_at + self.options.lease.saturating_sub(self.options.margin);
        (now < until).then_some(held.lead)
    }

    /// Whether leases of others may be taken back: the grace is over.
    pub fn may_reap(&self, now: Instant) -> bool {
        self.lead(now).is_some() && self.reap_from.is_some_and(|from| now >= from)
    }

    /// Renews the lead or asks for it, when that is due. An error says that the database did not answer.
    pub async fn beat(&mut self, now: Instant) -> Result<(), StoreError> {
        if self.asked_at.is_some_and(|asked| now < asked + self.options.renew_every) {
            return Ok(());
        }
        self.asked_at = Some(now);
        let lease = Lapse(self.options.lease);
        if let Some(held) = self.held {
            match self.store.renew_lead(held.lead, lease).await {
                Ok(()) => {
                    self.held = Some(Held { renewed_at: now, ..held });
                    return Ok(());
                }
                Err(StoreError::NotLeader { .. }) => self.lost(),
                Err(error) => return Err(error),
            }
        }
        if let Some(lead) = self.store.acquire_lead(&self.holder, lease).await? {
            info!(lead.epoch = lead.epoch(), "leads the schedulers");
            self.held = Some(Held { lead, renewed_at: now });
            self.reap_from = Some(now + self.options.grace);
        }
        Ok(())
    }

    /// The lead is over: somebody else may have it.
    pub fn lost(&mut self) {
        if let Some(held) = self.held.take() {
            warn!(lead.epoch = held.lead.epoch(), "leads the schedulers no more");
        }
        self.reap_from = None;
    }

    /// The database was away: workers could not renew either, and get the grace anew.
    pub fn database_was_away(&mut self, now: Instant) {
        self.reap_from = self.held.map(|_| now + self.options.grace);
    }

    /// Gives the lead up, so that another scheduler need not wait for its end.
    pub async fn resign(&mut self) -> Result<(), StoreError> {
        self.reap_from = None;
        match self.held.take() {
            Some(held) => self.store.resign_lead(held.lead).await,
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lead_is_as_patient_as_the_leases_of_workers() {
        let usual = LeaderOptions::default();
        let short = LeaderOptions::for_leases_of(Lapse::seconds(2));

        assert_eq!((usual.lease.as_secs(), usual.renew_every.as_secs()), (15, 5));
        assert_eq!((usual.margin.as_secs(), usual.grace.as_secs()), (4, 20));
        assert_eq!((short.lease.as_secs(), short.grace.as_millis()), (2, 666));
        assert!(short.renew_every + short.margin < short.lease);
    }
}
