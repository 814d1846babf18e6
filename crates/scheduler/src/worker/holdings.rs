//! What a worker holds: attempts, the slots that they take, how long their leases hold, and why they must stop.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tidemill_store::Held;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// Why an attempt must stop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum StopCause {
    /// Somebody asked for it.
    Cancelled,
    /// It took longer than it may; the words say which limit.
    TimedOut(String),
    /// The worker stops, and another one may take it.
    HandBack,
    /// Its lease could not be renewed in time: another worker may have it.
    Fenced,
    /// Another worker may have it for certain.
    Lost,
}

impl StopCause {
    /// Whether the work may belong to somebody else: nothing of it counts, and there is nothing to wait for.
    pub(crate) const fn is_loss(&self) -> bool {
        match self {
            Self::Fenced | Self::Lost => true,
            Self::Cancelled | Self::TimedOut(_) | Self::HandBack => false,
        }
    }
}

/// One attempt that a worker holds.
#[derive(Debug)]
pub(crate) struct Holding {
    pub(crate) held: Held,
    slots: u32,
    lease_until: watch::Sender<Instant>,
    cause: Mutex<Option<StopCause>>,
    is_over: AtomicBool,
    kill_grace: Mutex<Duration>,
    /// Cancelled when the attempt is asked to stop.
    pub(crate) asked: CancellationToken,
    /// Cancelled when it is made to stop.
    pub(crate) made: CancellationToken,
}

impl Holding {
    fn new(held: Held, slots: u32, lease_until: Instant) -> Self {
        Self {
            held,
            slots,
            lease_until: watch::Sender::new(lease_until),
            cause: Mutex::default(),
            is_over: AtomicBool::new(false),
            kill_grace: Mutex::default(),
            asked: CancellationToken::new(),
            made: CancellationToken::new(),
        }
    }

    /// Asks the attempt to stop; a loss makes it stop at once. The first cause stands, but for a loss.
    pub(crate) fn stop(&self, cause: StopCause) {
        let is_loss = cause.is_loss();
        let mut standing = lock(&self.cause);
        if standing.is_none() || (is_loss && !standing.as_ref().is_some_and(StopCause::is_loss)) {
            *standing = Some(cause);
        }
        drop(standing);
        self.asked.cancel();
        if is_loss {
            self.made.cancel();
        }
    }

    /// Why it must stop, if it must.
    pub(crate) fn cause(&self) -> Option<StopCause> {
        lock(&self.cause).clone()
    }

    /// Says how long the attempt has to stop by itself.
    pub(crate) fn set_kill_grace(&self, grace: Duration) {
        *lock(&self.kill_grace) = grace;
    }

    /// How long the attempt has to stop by itself.
    pub(crate) fn kill_grace(&self) -> Duration {
        *lock(&self.kill_grace)
    }

    /// The work is over; what is left is to tell the store.
    pub(crate) fn set_over(&self) {
        self.is_over.store(true, Ordering::SeqCst);
    }

    /// Whether there is work that a stop could end.
    pub(crate) fn is_working(&self) -> bool {
        !self.is_over.load(Ordering::SeqCst) && !self.cause().is_some_and(|cause| cause.is_loss())
    }

    /// Until when the lease holds, on this machine's own steady clock, counted from before it was asked for.
    pub(crate) fn lease_until(&self) -> Instant {
        *self.lease_until.borrow()
    }

    /// Changes when the lease is renewed.
    pub(crate) fn on_renewed(&self) -> watch::Receiver<Instant> {
        self.lease_until.subscribe()
    }

    pub(crate) fn extend(&self, until: Instant) {
        self.lease_until.send_replace(until);
    }
}

/// All that a worker holds.
#[derive(Debug)]
pub(crate) struct Holdings {
    held: Mutex<BTreeMap<Held, Arc<Holding>>>,
    /// Counts what was taken and what was released, for those who wait for either.
    taken: watch::Sender<u64>,
    released: watch::Sender<u64>,
}

impl Default for Holdings {
    fn default() -> Self {
        Self {
            held: Mutex::default(),
            taken: watch::Sender::new(0),
            released: watch::Sender::new(0),
        }
    }
}

impl Holdings {
    /// Adds an attempt.
    pub(crate) fn add(&self, held: Held, slots: u32, lease_until: Instant) -> Arc<Holding> {
        let holding = Arc::new(Holding::new(held, slots, lease_until));
        lock(&self.held).insert(held, Arc::clone(&holding));
        self.taken.send_modify(|count| *count += 1);
        holding
    }

    /// Removes an attempt: its slots are free.
    pub(crate) fn release(&self, held: Held) {
        lock(&self.held).remove(&held);
        self.released.send_modify(|count| *count += 1);
    }

    /// All attempts.
    pub(crate) fn all(&self) -> Vec<Arc<Holding>> {
        lock(&self.held).values().cloned().collect()
    }

    /// The longest time that one of them has to stop by itself.
    pub(crate) fn longest_kill_grace(&self) -> Duration {
        lock(&self.held).values().map(|holding| holding.kill_grace()).max().unwrap_or_default()
    }

    /// The slots that they take.
    pub(crate) fn slots(&self) -> u32 {
        lock(&self.held).values().map(|holding| holding.slots).sum()
    }

    /// Whether there are none.
    pub(crate) fn is_empty(&self) -> bool {
        lock(&self.held).is_empty()
    }

    /// Changes when something is taken.
    pub(crate) fn on_taken(&self) -> watch::Receiver<u64> {
        self.taken.subscribe()
    }

    /// Changes when something is released.
    pub(crate) fn on_released(&self) -> watch::Receiver<u64> {
        self.released.subscribe()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use tidemill_dag::ids::{RunId, TaskId};
    use tidemill_dag::state::Attempt;

    use super::*;

    fn holding() -> Holding {
        let held = Held { run: RunId::generate(), task: TaskId::generate(), attempt: Attempt(1) };
        Holding::new(held, 2, Instant::now())
    }

    #[test]
    fn the_first_cause_stands() {
        let holding = holding();

        holding.stop(StopCause::Cancelled);
        holding.stop(StopCause::HandBack);

        assert_eq!(holding.cause(), Some(StopCause::Cancelled));
        assert!(holding.asked.is_cancelled() && !holding.made.is_cancelled());
    }

    #[test]
    fn a_loss_comes_before_every_other_cause_and_waits_for_nothing() {
        let holding = holding();

        holding.stop(StopCause::Cancelled);
        holding.stop(StopCause::Fenced);

        assert_eq!(holding.cause(), Some(StopCause::Fenced));
        assert!(holding.made.is_cancelled() && !holding.is_working());
    }

    #[test]
    fn slots_are_counted_from_what_is_held() {
        let holdings = Holdings::default();
        let released = holdings.on_released();
        let held = Held { run: RunId::generate(), task: TaskId::generate(), attempt: Attempt(1) };

        holdings.add(held, 3, Instant::now());
        assert_eq!(holdings.slots(), 3);
        holdings.release(held);

        assert_eq!(holdings.slots(), 0);
        assert!(released.has_changed().unwrap());
    }
}
