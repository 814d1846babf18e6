//! Chance that repeats: seeds from what a task is, never from when it runs.

use tidemill_dag::names::DagName;
use tidemill_dag::state::TaskPath;
use tidemill_dag::time::DataInterval;

use crate::hash::Hasher;

/// Where a stream of random numbers starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Seed(pub u64);

impl Seed {
    /// The seed of a task: the same in every run and attempt of this task over this interval.
    pub fn of_task(dag: &DagName, path: &TaskPath, interval: DataInterval) -> Self {
        let mut hasher = Hasher::default();
        // Neither names nor paths hold a zero byte, so different tasks hash different texts.
        hasher.update(format!("{dag}\0{path}\0").as_bytes());
        hasher.update(&interval.start.timestamp_micros().to_be_bytes());
        hasher.update(&interval.end.timestamp_micros().to_be_bytes());
        Self::from_hasher(hasher)
    }

    /// A seed for one part of the work, independent of the seeds of other parts.
    #[must_use]
    pub fn derive(self, part: &str) -> Self {
        let mut hasher = Hasher::default();
        hasher.update(&self.0.to_be_bytes());
        hasher.update(part.as_bytes());
        Self::from_hasher(hasher)
    }

    /// The random numbers that start here.
    pub const fn draws(self) -> Draws {
        Draws(self.0)
    }

    fn from_hasher(hasher: Hasher) -> Self {
        let hash = hasher.finish();
        let first = hash.as_bytes().first_chunk().expect("a SHA-256 has 32 bytes");
        Self(u64::from_be_bytes(*first))
    }
}

/// A stream of random numbers: `SplitMix64` (Steele, Lea and Flood, 2014), the same on every machine.
#[derive(Clone, Debug)]
pub struct Draws(u64);

impl Draws {
    /// The next 64 random bits.
    pub const fn next_bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// The next number from 0 up to and without 1, evenly.
    pub const fn next_uniform(&mut self) -> f64 {
        /// The distance between neighbouring results: 2^-53.
        const STEP: f64 = 1.0 / (1u64 << 53) as f64;
        (self.next_bits() >> 11) as f64 * STEP
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seed(dag: &str, path: &str, end_seconds: i64) -> Seed {
        let at = |seconds| chrono::DateTime::from_timestamp(seconds, 0).unwrap();
        let interval = DataInterval { start: at(0), end: at(end_seconds) };
        Seed::of_task(&dag.parse().unwrap(), &path.parse().unwrap(), interval)
    }

    #[test]
    fn the_stream_is_the_one_that_golden_numbers_were_made_with() {
        let mut draws = Seed(1).draws();
        let mut sum_of_twelve = || (0..12).fold(0.0, |sum, _| sum + draws.next_uniform()) - 6.0;

        // From golden/README.md: `ih(1)`.
        let expected =
            [1.424_348_090_515_651_1, -0.618_904_259_878_568_1, -0.590_766_757_136_732_3];
        for value in expected {
            assert_eq!(sum_of_twelve().to_bits(), f64::to_bits(value));
        }
    }

    #[test]
    fn a_seed_depends_on_dag_task_and_interval() {
        let base = seed("nightly", "tune[a]", 60);

        assert_eq!(base, seed("nightly", "tune[a]", 60));
        for other in [
            seed("weekly", "tune[a]", 60),
            seed("nightly", "tune[b]", 60),
            seed("nightly", "tune[a]", 61),
            base.derive("split"),
        ] {
            assert_ne!(base, other);
        }
    }

    /// A seed that changes makes every artefact of every earlier run irreproducible.
    #[test]
    fn the_seed_of_a_task_never_changes_between_releases() {
        assert_eq!(seed("nightly", "tune[a]", 60), Seed(2_032_083_836_860_234_496));
    }
}
