//! Chance that repeats.

use crate::digest::Hasher;

/// Where a stream of random numbers starts; it comes from what a task is, never from a clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Seed(pub u64);

impl Seed {
    /// A seed for one part of the work, independent of the seeds of other parts.
    ///
    /// # Panics
    /// Never: a SHA-256 has more than 8 bytes.
    #[must_use]
    pub fn derive(self, part: &str) -> Self {
        let mut hasher = Hasher::default();
        hasher.number(self.0);
        hasher.text(part);
        let digest = hasher.finish();
        Self(u64::from_be_bytes(*digest.0.first_chunk().expect("a SHA-256 has 32 bytes")))
    }

    /// The random numbers that start here.
    pub const fn draws(self) -> Draws {
        Draws(self.0)
    }
}

/// A stream of random numbers: `SplitMix64` (Steele, Lea and Flood, 2014), the same on every machine.
#[derive(Clone, Debug)]
pub struct Draws(u64);

impl Draws {
    /// The next 64 random bits.
    pub const fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// The next number from 0 up to and without 1, evenly.
    pub const fn uniform(&mut self) -> f64 {
        /// The distance between neighbouring results: 2^-53.
        const STEP: f64 = 1.0 / (1u64 << 53) as f64;
        (self.bits() >> 11) as f64 * STEP
    }

    /// About a standard normal number: twelve even ones, less six (Irwin and Hall).
    pub fn normal(&mut self) -> f64 {
        (0..12).fold(0.0, |sum, _| sum + self.uniform()) - 6.0
    }

    /// The next index below `count`, evenly but for less than one in 2^64 / `count`.
    ///
    /// # Panics
    /// Never: the upper half of the product is below the count.
    pub fn below(&mut self, count: usize) -> usize {
        let wide = u128::from(self.bits()) * count as u128;
        usize::try_from(wide >> 64).expect("the upper half is below the count")
    }

    /// Puts items in random order (Fisher and Yates).
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_are_those_of_the_golden_generator() {
        let mut draws = Seed(1).draws();
        let first: Vec<f64> = (0..3).map(|_| draws.normal()).collect();

        assert_eq!(
            first,
            [1.424_348_090_515_651_1, -0.618_904_259_878_568_1, -0.590_766_757_136_732_3]
        );
        assert_eq!(Seed(3).draws().normal().to_bits(), 0.166_025_254_755_457_93_f64.to_bits());
    }

    #[test]
    fn parts_have_seeds_of_their_own() {
        assert_ne!(Seed(1).derive("a"), Seed(1).derive("b"));
        assert_ne!(Seed(1).derive("a"), Seed(2).derive("a"));
        assert_eq!(Seed(1).derive("a"), Seed(1).derive("a"));
    }

    #[test]
    fn a_shuffle_keeps_all_items() {
        let mut items: Vec<usize> = (0..100).collect();
        Seed(7).draws().shuffle(&mut items);
        assert!(items.windows(2).any(|pair| pair[0] > pair[1]));
        items.sort_unstable();
        assert_eq!(items, (0..100).collect::<Vec<_>>());
    }
}
