//! Checks: 51 of them on 1,000,000 rows of 26 columns from a Parquet file, end to end: open, plan, scan, judge, report.
//!
//! The file is made once with a seed; some of its values break a check, and the counts are compared before any time is told. `--rows N` makes it
//! smaller, `--rounds N` measures oftener, `--keep FILE` keeps the file for other programs.
#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use datafusion::arrow::array::{
    ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
};
use datafusion::parquet::arrow::ArrowWriter;
use datafusion::parquet::basic::{Compression, ZstdLevel};
use datafusion::parquet::file::properties::WriterProperties;
use object_store::local::LocalFileSystem;
use serde_json::{Value, json};
use tidemill_lake::quality::{Audit, ChecksFile, Facts, Limits, QualityReport, Table, TableFile};

/// Columns of floats; with time, id, sensor, state, site and count there are 26.
const FLOATS: usize = 20;
/// Every so many rows a float is missing, another is far out, and an id repeats.
const MISSING: usize = 10_007;
const OUTLIER: usize = 50_021;
const REPEATED: usize = 200_003;
/// Rows that are made at once.
const BLOCK: usize = 100_000;

struct Options {
    rows: usize,
    rounds: usize,
    keep: Option<PathBuf>,
}

fn options() -> Result<Options> {
    let mut options = Options { rows: 1_000_000, rounds: 7, keep: None };
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().with_context(|| format!("{argument} needs a value"));
        match argument.as_str() {
            "--rows" => options.rows = value()?.parse()?,
            "--rounds" => options.rounds = value()?.parse()?,
            "--keep" => options.keep = Some(value()?.into()),
            // Cargo says so to every benchmark.
            "--bench" => {}
            other => anyhow::bail!("unexpected argument `{other}`"),
        }
    }
    Ok(options)
}

#[tokio::main]
async fn main() -> Result<()> {
    let options = options()?;
    let folder = tempfile::tempdir()?;
    let file = options.keep.unwrap_or_else(|| folder.path().join("telemetry.parquet"));
    if !file.exists() {
        write(&file, options.rows)?;
    }
    let megabytes = std::fs::metadata(&file)?.len() as f64 / 1e6;
    println!("{} rows x {} columns, {megabytes:.0} MB", options.rows, FLOATS + 6);
    for threads in [1, 2] {
        let mut seconds = Vec::new();
        for _ in 0..options.rounds.max(1) {
            let started = Instant::now();
            let report = audit(&file, threads, folder.path()).await?;
            seconds.push(started.elapsed().as_secs_f64());
            gate(&report, options.rows)?;
        }
        seconds.sort_by(f64::total_cmp);
        println!(
            "51 checks, threads {threads}: median {:.3} s (from {:.3} to {:.3}, {} rounds)",
            seconds[seconds.len() / 2],
            seconds[0],
            seconds[seconds.len() - 1],
            seconds.len(),
        );
    }
    Ok(())
}

async fn audit(file: &Path, threads: usize, scratch: &Path) -> Result<QualityReport> {
    let checks = ChecksFile::read(&checks()).map_err(|mistakes| anyhow::anyhow!("{mistakes:?}"))?;
    let path = object_store::path::Path::from_absolute_path(file)?;
    let listed = TableFile { path, bytes: Some(std::fs::metadata(file)?.len()) };
    let table = Table::open(Arc::new(LocalFileSystem::new()), [listed]).await?;
    let limits = Limits { threads, ..Limits::new(scratch) };
    let audit = Audit::plan(&checks, &table, Facts::default(), limits)
        .map_err(|mistakes| anyhow::anyhow!("{mistakes:?}"))?;
    Ok(audit.run().await?)
}

fn float(column: usize) -> String {
    format!("value_{column:02}")
}

/// 26 + 20 + 5 checks.
fn checks() -> Value {
    let floats: Vec<String> = (0..FLOATS).map(float).collect();
    let others = ["ts", "id", "sensor", "state", "site", "count"].map(str::to_owned);
    let all: Vec<String> = others.into_iter().chain(floats.iter().cloned()).collect();
    json!({
        "time": "ts",
        "entity": ["sensor"],
        "checks": [
            { "check": "not_null", "columns": all },
            { "check": "range", "columns": floats, "with": { "min": 0, "max": 100 } },
            { "check": "unique", "column": "id" },
            { "check": "set", "column": "state", "with": { "values": ["ok", "idle", "fault"] } },
            { "check": "regex", "column": "sensor", "with": { "pattern": "^sensor-[0-9]{4}$" } },
            { "check": "mean", "column": "value_00", "with": { "min": 45, "max": 55 } },
            { "check": "row_count", "with": { "min": 1 } },
        ],
    })
}

/// Every check counts what was planted, or the time means nothing.
fn gate(report: &QualityReport, rows: usize) -> Result<()> {
    ensure!(report.checks.len() == 51, "{} checks", report.checks.len());
    let planted = |every: usize| rows.div_ceil(every) as u64;
    // A row that is both keeps the missing value; rows 0 are both.
    let both = planted(MISSING * OUTLIER);
    for check in &report.checks {
        let expected = match check.check.as_str() {
            "not_null" if check.columns[0].starts_with("value") => Some(planted(MISSING)),
            "range" => Some(planted(OUTLIER) - both),
            "unique" => Some(planted(REPEATED) - 1),
            "mean" | "row_count" => None,
            _ => Some(0),
        };
        ensure!(check.failing == expected, "{}: {}", check.name, check.seen);
    }
    Ok(())
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

fn write(file: &Path, rows: usize) -> Result<()> {
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
