//! How many slots a task takes: what it declares, and what its need of memory taught.

/// The slots of a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slots {
    /// What the DAG says: it never takes fewer.
    pub declared: u32,
    /// What it takes.
    pub taken: u32,
    /// The memory, in bytes, for which it takes more than it declares, where that is known.
    pub learnt_from: Option<u64>,
}

/// What slots stand for in a pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SlotSize {
    /// The memory that one slot stands for, in bytes; without it only a death for want of memory teaches anything.
    pub memory_bytes: Option<u64>,
    /// The most slots that one task can have.
    pub most: u32,
}

/// An attempt that ended for want of memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shortage {
    /// The most memory that it was seen to hold: what it wanted was more.
    pub peak_bytes: Option<u64>,
    /// What slots stand for in its pool.
    pub size: SlotSize,
}

impl Slots {
    /// What the DAG says; nothing runs without a slot.
    pub const fn declared(declared: u32) -> Self {
        let declared = if declared == 0 { 1 } else { declared };
        Self { declared, taken: declared, learnt_from: None }
    }

    /// What the next attempt takes after one that ended for want of memory: twice as many, or as many as pay for a
    /// quarter more than it held. Never fewer than before, and no more than there are.
    #[must_use]
    pub fn after(self, shortage: Shortage) -> Self {
        let Shortage { peak_bytes, size } = shortage;
        let with_room = peak_bytes.map(|peak| peak.saturating_add(peak.div_ceil(4)));
        let by_peak = with_room.zip(size.memory_bytes).map(|(peak, slot)| paid_by(peak, slot));
        let wanted = self.taken.saturating_mul(2).max(by_peak.unwrap_or(0));
        let taken = wanted.min(size.most).max(self.taken);
        Self { taken, learnt_from: peak_bytes.or(self.learnt_from), ..self }
    }

    /// What a first attempt takes where attempts of earlier runs held this much at their peak.
    #[must_use]
    pub fn learnt(self, peak_bytes: u64, size: SlotSize) -> Self {
        let Some(slot) = size.memory_bytes else { return self };
        let taken = paid_by(peak_bytes, slot).min(size.most);
        if taken <= self.taken {
            return self;
        }
        Self { taken, learnt_from: Some(peak_bytes), ..self }
    }
}

/// The slots that pay for this much memory.
fn paid_by(bytes: u64, slot: u64) -> u32 {
    u32::try_from(bytes.div_ceil(slot.max(1))).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const GIB: u64 = 1 << 30;

    fn short_of(peak_bytes: Option<u64>, memory_bytes: Option<u64>, most: u32) -> Shortage {
        Shortage { peak_bytes, size: SlotSize { memory_bytes, most } }
    }

    #[test]
    fn without_a_size_of_slots_the_next_attempt_takes_twice_as_many() {
        let next = Slots::declared(2).after(short_of(Some(GIB), None, 8));

        assert_eq!(next, Slots { declared: 2, taken: 4, learnt_from: Some(GIB) });
    }

    #[test]
    fn the_next_attempt_takes_what_pays_for_a_quarter_more_than_it_held() {
        // 5 GiB and a quarter are 6.25 slots of 1 GiB.
        let next = Slots::declared(2).after(short_of(Some(5 * GIB), Some(GIB), 64));

        assert_eq!(next.taken, 7);
    }

    #[test]
    fn no_task_takes_more_than_there_are_or_fewer_than_before() {
        assert_eq!(Slots::declared(6).after(short_of(None, None, 8)).taken, 8);
        assert_eq!(Slots::declared(8).after(short_of(None, None, 8)).taken, 8);
        assert_eq!(Slots::declared(8).after(short_of(None, None, 4)).taken, 8);
    }

    #[test]
    fn a_first_attempt_takes_what_earlier_ones_held() {
        let size = SlotSize { memory_bytes: Some(GIB), most: 8 };
        let one = Slots::declared(1);

        let learnt = one.learnt(3 * GIB + 1, size);

        assert_eq!(learnt, Slots { declared: 1, taken: 4, learnt_from: Some(3 * GIB + 1) });
        assert_eq!(one.learnt(GIB, size), one);
        assert_eq!(one.learnt(99 * GIB, size).taken, 8);
        assert_eq!(Slots::declared(6).learnt(3 * GIB, size), Slots::declared(6));
        assert_eq!(one.learnt(9 * GIB, SlotSize { memory_bytes: None, most: 8 }), one);
    }

    proptest! {
        #[test]
        fn what_is_declared_is_the_least(
            declared in 1..1024u32,
            peak in proptest::option::of(any::<u64>()),
            slot in proptest::option::of(any::<u64>()),
            most in 0..2048u32,
        ) {
            let size = SlotSize { memory_bytes: slot, most };
            let slots = Slots::declared(declared);

            let after = slots.after(Shortage { peak_bytes: peak, size });

            prop_assert!(after.taken >= declared && after.taken <= declared.max(most));
            prop_assert!(slots.learnt(peak.unwrap_or(0), size).taken >= declared);
        }
    }
}
