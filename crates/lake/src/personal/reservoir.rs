//! A fair sample of all rows of a landing, whatever the order in which they come.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use datafusion::arrow::array::{RecordBatch, UInt64Array};
use datafusion::arrow::compute::take_record_batch;
use datafusion::arrow::error::ArrowError;

use super::text::Texts;
use super::{Finding, Sampler, detectors};

/// A sample of the rows whose places have the least hashes.
///
/// Which rows these are depends on the places alone, so neither threads nor the cutting into batches show in what is found.
#[derive(Debug, Default)]
pub(crate) struct Reservoir {
    /// Batches of one row each, by the hash of its place and the place.
    kept: BTreeMap<(u64, u64), RecordBatch>,
}

/// Rows of a batch that may be among those of the reservoir.
#[derive(Debug)]
pub(crate) struct Candidates {
    rows: RecordBatch,
    hashes: Vec<(u64, u64)>,
}

/// How many rows are held, and the hash from which on no row is among the least any more; it only falls.
#[derive(Debug)]
pub(crate) struct Limit {
    most: usize,
    hash: AtomicU64,
}

impl Limit {
    /// Two thousand rows, and fewer where they are wide.
    pub(crate) fn for_rows_of(columns: usize, bytes: usize) -> Self {
        const ROWS: usize = 2_000;
        const MOST_CELLS: usize = 500_000;
        const MOST_BYTES: usize = 32 << 20;
        let most = ROWS.min(MOST_CELLS / columns.max(1)).min(MOST_BYTES / bytes.max(1));
        Self { most: most.max(1), hash: AtomicU64::new(u64::MAX) }
    }
}

/// SplitMix64 (G. Steele, D. Lea, C. Flood, "Fast splittable pseudorandom number generators", 2014) of a place.
fn hash(place: u64) -> u64 {
    let mut mixed = place.wrapping_add(0x9E37_79B9_7F4A_7C15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}

impl Candidates {
    /// The rows of a batch with the least hashes, given the places of all.
    pub(crate) fn of(
        batch: &RecordBatch,
        places: &[u64],
        limit: &Limit,
    ) -> Result<Self, ArrowError> {
        let below = limit.hash.load(Ordering::Relaxed);
        let hashes = places.iter().enumerate().map(|(row, place)| (hash(*place), *place, row));
        let mut least: Vec<_> = hashes.filter(|(hash, ..)| *hash <= below).collect();
        if least.len() > limit.most {
            least.select_nth_unstable(limit.most);
            least.truncate(limit.most);
        }
        let rows = UInt64Array::from_iter_values(least.iter().map(|(.., row)| *row as u64));
        Ok(Self {
            rows: take_record_batch(batch, &rows)?,
            hashes: least.into_iter().map(|(hash, place, _)| (hash, place)).collect(),
        })
    }
}

impl Reservoir {
    /// Takes rows in, and lets go of those that are not among the least any more.
    pub(crate) fn take(&mut self, candidates: &Candidates, limit: &Limit) {
        for (row, hash) in candidates.hashes.iter().enumerate() {
            let is_full = self.kept.len() >= limit.most;
            if is_full && self.kept.last_key_value().is_some_and(|(worst, _)| worst < hash) {
                continue;
            }
            self.kept.insert(*hash, candidates.rows.slice(row, 1));
            if self.kept.len() > limit.most {
                self.kept.pop_last();
            }
        }
        if self.kept.len() >= limit.most
            && let Some(((worst, _), _)) = self.kept.last_key_value()
        {
            limit.hash.store(*worst, Ordering::Relaxed);
        }
    }

    /// The values of the rows, for detectors to look at.
    pub(crate) fn samples(&self) -> Result<Sampler, ArrowError> {
        let mut sampler = Sampler::default();
        for row in self.kept.values() {
            sampler.observe(row, 1)?;
        }
        Ok(sampler)
    }

    /// The place of the first row that shows a find.
    pub(crate) fn place_of(&self, finding: &Finding) -> Option<u64> {
        let detector = detectors().iter().find(|known| known.name() == finding.detector)?;
        let shows = |row: &RecordBatch| {
            let texts = Texts::of(row.column_by_name(&finding.column)?)?;
            let value = texts.get(0).ok()??;
            detector.weigh(value.trim())
        };
        let places = self.kept.iter().filter(|(_, row)| shows(row).is_some());
        places.map(|((_, place), _)| *place).min()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use datafusion::arrow::array::{ArrayRef, StringArray};
    use proptest::prelude::*;

    use super::*;

    fn batch(places: &[u64]) -> RecordBatch {
        let texts: StringArray = places.iter().map(|place| Some(place.to_string())).collect();
        RecordBatch::try_from_iter([("text", Arc::new(texts) as ArrayRef)]).unwrap()
    }

    fn sample(pieces: &[Vec<u64>]) -> Vec<String> {
        let (mut reservoir, limit) = (Reservoir::default(), Limit::for_rows_of(1, 8));
        for places in pieces {
            let candidates = Candidates::of(&batch(places), places, &limit).unwrap();
            reservoir.take(&candidates, &limit);
        }
        let sampler = reservoir.samples().unwrap();
        sampler.samples()[0].values().map(|(value, _)| value.to_owned()).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(16))]
        #[test]
        fn the_sample_is_the_same_however_rows_are_cut(rows in 1_u64..6_000, piece in 1_usize..3_000) {
            let all: Vec<u64> = (0..rows).collect();
            let mut pieces: Vec<Vec<u64>> = all.chunks(piece).map(<[u64]>::to_vec).collect();

            let whole = sample(&[all]);
            let cut = sample(&pieces);
            pieces.reverse();

            prop_assert_eq!(whole.len() as u64, rows.min(2_000));
            prop_assert_eq!(&cut, &whole);
            prop_assert_eq!(sample(&pieces), whole);
        }
    }

    #[test]
    fn rows_come_from_everywhere() {
        let places: Vec<u64> = (0..100_000).collect();

        let sampled = sample(&[places]);

        let late = sampled.iter().filter(|place| place.parse::<u64>().unwrap() >= 50_000).count();
        assert!((900..1_100).contains(&late), "{late} of {}", sampled.len());
    }
}
