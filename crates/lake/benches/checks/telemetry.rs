//! Telemetry with planted faults, from a seed.

use std::path::Path;
use std::sync::Arc;

use anyhow::Result;
use datafusion::arrow::array::{
    ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
};
use datafusion::parquet::arrow::ArrowWriter;
use datafusion::parquet::basic::{Compression, ZstdLevel};
use datafusion::parquet::file::properties::WriterProperties;

/// Columns of floats; with time, id, sensor, state, site and count there are 26.
pub(crate) const FLOATS: usize = 20;
/// Every so many rows a float is missing, another is far out, and an id repeats.
const MISSING: usize = 10_007;
const OUTLIER: usize = 50_021;
const REPEATED: usize = 200_003;
/// Rows that are made at once.
const BLOCK: usize = 100_000;

/// The name of a column of floats.
pub(crate) fn float(column: usize) -> String {
    format!("value_{column:02}")
}

/// How many rows were planted that break a check: a missing float, one that is far out, an id that repeats.
pub(crate) fn planted(rows: usize) -> (u64, u64, u64) {
    let every = |distance: usize| rows.div_ceil(distance) as u64;
    // A row that is both keeps the missing value; rows 0 are both.
    (every(MISSING), every(OUTLIER) - every(MISSING * OUTLIER), every(REPEATED))
}

/// A generator of numbers that is the same everywhere (`SplitMix64`: Steele, Lea and Flood, 2014).
struct Seeded(u64);

impl Seeded {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// From 0 up to 1.
    fn share(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// Writes the file.
pub(crate) fn write(file: &Path, rows: usize) -> Result<()> {
    let mut seeded = Seeded(42);
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(3)?))
        .set_max_row_group_row_count(Some(131_072))
        .build();
    let first = block(0..BLOCK.min(rows), &mut seeded)?;
    let mut writer =
        ArrowWriter::try_new(std::fs::File::create(file)?, first.schema(), Some(properties))?;
    writer.write(&first)?;
    for from in (BLOCK..rows).step_by(BLOCK) {
        writer.write(&block(from..(from + BLOCK).min(rows), &mut seeded)?)?;
    }
    writer.close()?;
    Ok(())
}

fn block(rows: std::ops::Range<usize>, seeded: &mut Seeded) -> Result<RecordBatch> {
    let whole = |row: usize| i64::try_from(row).unwrap_or(i64::MAX);
    let texts = |text: &dyn Fn(usize) -> String| -> ArrayRef {
        Arc::new(rows.clone().map(|row| Some(text(row))).collect::<StringArray>())
    };
    let state = |row: usize| ["ok", "ok", "idle", "fault"][row % 4].to_owned();
    let start = 1_767_225_600_000_000;
    let times = rows.clone().map(|row| Some(start + whole(row / 1_000) * 60_000_000));
    let ids = rows.clone().map(|row| Some(if row % REPEATED == 0 { 0 } else { whole(row) }));
    let mut columns: Vec<(String, ArrayRef)> = vec![
        ("ts".to_owned(), Arc::new(times.collect::<TimestampMicrosecondArray>())),
        ("id".to_owned(), Arc::new(ids.collect::<Int64Array>())),
        ("sensor".to_owned(), texts(&|row| format!("sensor-{:04}", row % 1_000))),
        ("state".to_owned(), texts(&state)),
        ("site".to_owned(), texts(&|row| format!("site {}", row % 7))),
        (
            "count".to_owned(),
            Arc::new(rows.clone().map(|row| Some(whole(row % 97))).collect::<Int64Array>()),
        ),
    ];
    for column in 0..FLOATS {
        let values = rows.clone().map(|row| {
            let value = 100.0 * seeded.share();
            match (row % MISSING, row % OUTLIER) {
                (0, _) => None,
                (_, 0) => Some(-value - 1.0),
                _ => Some(value),
            }
        });
        columns.push((float(column), Arc::new(values.collect::<Float64Array>())));
    }
    Ok(RecordBatch::try_from_iter_with_nullable(
        columns.into_iter().map(|(name, array)| (name, array, true)),
    )?)
}
