//! Memory that plans share.

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use datafusion::error::{DataFusionError, Result};
use datafusion::execution::memory_pool::{
    MemoryConsumer, MemoryLimit, MemoryPool, MemoryReservation,
};

/// A bounded memory of which some is spared for those that cannot go to disk.
///
/// Those that can, such as sorts, share the rest equally. The engine's own fair pool spares nothing: two sorts that fill it leave no
/// room for merging what they sorted, and the plan fails though it could have gone to disk.
#[derive(Debug)]
pub(crate) struct SparingPool {
    bytes: usize,
    spared: usize,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    spillers: usize,
    by_spillers: usize,
    by_others: usize,
}

impl SparingPool {
    /// So many bytes, a quarter of them spared.
    pub(crate) fn new(bytes: usize) -> Self {
        Self { bytes, spared: bytes / 4, taken: Mutex::default() }
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Taken {
    fn by(&mut self, reservation: &MemoryReservation) -> &mut usize {
        if reservation.consumer().can_spill() { &mut self.by_spillers } else { &mut self.by_others }
    }
}

impl MemoryPool for SparingPool {
    fn name(&self) -> &'static str {
        "sparing"
    }

    fn register(&self, consumer: &MemoryConsumer) {
        self.taken().spillers += usize::from(consumer.can_spill());
    }

    fn unregister(&self, consumer: &MemoryConsumer) {
        let mut taken = self.taken();
        taken.spillers = taken.spillers.saturating_sub(usize::from(consumer.can_spill()));
    }

    fn grow(&self, reservation: &MemoryReservation, additional: usize) {
        *self.taken().by(reservation) += additional;
    }

    fn shrink(&self, reservation: &MemoryReservation, shrink: usize) {
        let mut taken = self.taken();
        let by = taken.by(reservation);
        *by = by.saturating_sub(shrink);
    }

    fn try_grow(&self, reservation: &MemoryReservation, additional: usize) -> Result<()> {
        let mut taken = self.taken();
        let left = if reservation.consumer().can_spill() {
            let shared = self.bytes.saturating_sub(self.spared.max(taken.by_others));
            (shared / taken.spillers.max(1)).saturating_sub(reservation.size())
        } else {
            self.bytes.saturating_sub(taken.by_spillers + taken.by_others)
        };
        if additional > left {
            let name = reservation.consumer().name();
            let text = format!(
                "{name} asked for {additional} bytes more, and {left} are left of {}",
                self.bytes
            );
            return Err(DataFusionError::ResourcesExhausted(text));
        }
        *taken.by(reservation) += additional;
        Ok(())
    }

    fn reserved(&self) -> usize {
        let taken = self.taken();
        taken.by_spillers + taken.by_others
    }

    fn memory_limit(&self) -> MemoryLimit {
        MemoryLimit::Finite(self.bytes)
    }
}

impl fmt::Display for SparingPool {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}({} bytes)", self.name(), self.bytes)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn sorts_share_three_quarters_and_leave_the_rest_to_others() {
        let pool: Arc<dyn MemoryPool> = Arc::new(SparingPool::new(400));
        let sort = |name: &str| MemoryConsumer::new(name).with_can_spill(true).register(&pool);
        let (one, other) = (sort("one"), sort("other"));
        let merge = MemoryConsumer::new("merge").register(&pool);

        assert!(one.try_grow(151).is_err());
        assert!(one.try_grow(150).is_ok() && other.try_grow(150).is_ok());
        let refused = merge.try_grow(101).unwrap_err().to_string();
        assert!(
            refused.contains("merge asked for 101 bytes more, and 100 are left of 400"),
            "{refused}"
        );
        assert!(merge.try_grow(100).is_ok());
        assert_eq!(pool.reserved(), 400);
    }

    #[test]
    fn what_was_given_back_can_be_taken_again() {
        let pool: Arc<dyn MemoryPool> = Arc::new(SparingPool::new(400));
        let one = MemoryConsumer::new("one").with_can_spill(true).register(&pool);
        let other = MemoryConsumer::new("other").with_can_spill(true).register(&pool);

        one.try_grow(150).unwrap();
        drop(other);

        assert!(one.try_grow(150).is_ok());
        one.free();
        assert_eq!(pool.reserved(), 0);
    }
}
