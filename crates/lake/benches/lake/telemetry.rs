//! Telemetry of a thousand machines, minute by minute, from a seed.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use anyhow::Result;
use chrono::DateTime;

use crate::verify::Expected;

/// SplitMix64 (G. Steele, D. Lea, C. Flood, "Fast splittable pseudorandom number generators", 2014).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number between 0 and 1.
    fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// Writes rows in the order of time, then of machines; what must be there when they are landed.
pub(crate) fn write(path: &Path, rows: u64) -> Result<Expected> {
    const MACHINES: u64 = 1000;
    let mut random = Random(42);
    let mut file = BufWriter::with_capacity(1 << 20, File::create(path)?);
    writeln!(
        file,
        "at,machine,power,power_min,power_max,temperature,flow,pressure,vibration,speed,starts,state"
    )?;
    let mut sum = 0.0;
    for row in 0..rows {
        let minute = i64::try_from(row / MACHINES)?;
        let at = DateTime::from_timestamp(1_735_689_600 + minute * 60, 0).unwrap_or_default();
        // As it is written, so that the sum is that of the file.
        let power = (500_000.0 + 300_000.0 * random.unit()).round() / 10_000.0;
        sum += power;
        let state = ["running", "idle", "stopped", "fault"][usize::try_from(random.next() % 4)?];
        writeln!(
            file,
            "{},machine-{:04},{power:.4},{:.4},{:.4},{:.3},{:.5},{:.4},{:.6},{},{},{state}",
            at.format("%Y-%m-%dT%H:%M:%SZ"),
            row % MACHINES,
            power - random.unit(),
            power + random.unit(),
            20.0 + 60.0 * random.unit(),
            3.0 * random.unit(),
            1.0 + 9.0 * random.unit(),
            random.unit(),
            random.next() % 3000,
            random.next() % 50,
        )?;
    }
    file.flush()?;
    Ok(Expected { rows, power: sum, is_sorted: false })
}
