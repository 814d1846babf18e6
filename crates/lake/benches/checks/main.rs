//! W6: 51 checks on 1,000,000 rows of 26 columns from a Parquet file, end to end: open, plan, scan, judge, report.
//!
//! The file is made from a seed; some of its values break a check, and what each side counts is compared with what was planted before
//! any time is told. Each round is a process of its own; what it takes to start it and to load its libraries does not count.
#![expect(clippy::print_stdout, reason = "one side of the benchmark tells what it did")]

#[path = "../shared/side.rs"]
mod side;
mod telemetry;

use std::ffi::OsString;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use object_store::local::LocalFileSystem;
use serde_json::{Value, json};
use tidemill_benchkit::{Figure, Goal, Options, Report, high_water_bytes};
use tidemill_lake::quality::{Audit, ChecksFile, Facts, Limits, QualityReport, Table, TableFile};

use side::{SIDE, Side};
use telemetry::{FLOATS, float, planted};

/// The peers: their folders, and their packages.
const PEERS: [(&str, &str); 2] =
    [("great_expectations", "great_expectations"), ("pandera", "pandera")];
const ROUNDS: usize = 7;
const ROWS: usize = 1_000_000;
const QUICK_ROWS: usize = 100_000;

#[tokio::main]
async fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    if arguments.next().as_deref() == Some(SIDE) {
        let file = arguments.next().with_context(|| format!("{SIDE} takes a file"))?;
        return one(Path::new(&file)).await;
    }
    let options = Options::from_arguments()?;
    options.expect_only(&["W6"])?;
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("telemetry.parquet");
    let rows = if options.is_quick { QUICK_ROWS } else { ROWS };
    telemetry::write(&file, rows)?;
    let mut report = Report::begin(&options, &[concat!("tidemill ", env!("CARGO_PKG_VERSION"))]);
    let mut sides = vec![Side::ours()?];
    if let Some(environments) = &options.peers {
        for (name, package) in PEERS {
            sides.push(Side::peer(environments, name, package)?);
        }
    }
    let arguments: [OsString; 1] = [file.into()];
    for _ in 0..options.rounds.unwrap_or(ROUNDS) {
        for (place, side) in sides.iter_mut().enumerate() {
            side.round(&arguments, |said| gate(said, rows, place == 0));
        }
    }
    tell(&mut report, rows, &sides)?;
    report.end()
}

fn tell(report: &mut Report, rows: usize, sides: &[Side]) -> Result<()> {
    let case = format!("51 checks on {rows} rows x 26 from Parquet");
    let mut ours = None;
    for (place, side) in sides.iter().enumerate() {
        let figure = Figure::new("W6", &case, "s");
        let is_ours = place == 0 && rows == ROWS;
        let figure = if is_ours { figure.goal(Goal::AtMost(0.5)) } else { figure };
        let spread = side.tell(report, &figure, "wall_s")?;
        match (ours, spread) {
            (None, Some(spread)) if place == 0 => ours = Some(spread.median),
            (Some(ours), Some(spread)) => {
                report.note(&format!("{:.1} times ours", spread.median / ours));
            }
            (_, None) | (None, Some(_)) => {}
        }
        if place > 0 {
            let figure = Figure::new("W6", format!("{case}: loading its libraries"), "s");
            side.tell(report, &figure, "import_s")?;
        }
        let figure = Figure::new("W6", format!("{case}: peak memory"), "MB");
        side.tell(report, &figure, "peak_mb")?;
    }
    Ok(())
}

/// One audit, in a process of its own.
async fn one(file: &Path) -> Result<()> {
    let started = Instant::now();
    let report = audit(file).await?;
    let wall_s = started.elapsed().as_secs_f64();
    let failing = report.checks.iter().map(|check| {
        let column = check.columns.first().cloned().unwrap_or_default();
        // A check of the table as a whole counts no rows.
        let is_passed =
            check.failing.is_none() && check.verdict == tidemill_lake::quality::Verdict::Passed;
        json!([check.check, column, check.failing.unwrap_or(u64::from(!is_passed))])
    });
    let failing: Vec<Value> = failing.collect();
    let peak_mb = high_water_bytes(std::process::id()) as f64 / 1e6;
    println!("{}", json!({ "wall_s": wall_s, "peak_mb": peak_mb, "failing": failing }));
    Ok(())
}

async fn audit(file: &Path) -> Result<QualityReport> {
    let checks = ChecksFile::read(&checks()).map_err(|mistakes| anyhow::anyhow!("{mistakes:?}"))?;
    let path = object_store::path::Path::from_absolute_path(file)?;
    let listed = TableFile { path, bytes: Some(std::fs::metadata(file)?.len()) };
    let table = Table::open(Arc::new(LocalFileSystem::new()), [listed]).await?;
    let limits = Limits::new(file.parent().context("the file lies in a folder")?);
    let audit = Audit::plan(&checks, &table, Facts::default(), limits)
        .map_err(|mistakes| anyhow::anyhow!("{mistakes:?}"))?;
    Ok(audit.run().await?)
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
fn gate(said: &Value, rows: usize, is_ours: bool) -> Result<()> {
    let failing: Vec<(String, String, u64)> =
        serde_json::from_value(said["failing"].clone()).context("read what failed")?;
    ensure!(failing.len() == 51, "{} checks", failing.len());
    let (missing, outlying, repeated) = planted(rows);
    for (check, column, count) in failing {
        let expected = match check.as_str() {
            "not_null" if column.starts_with("value") => missing,
            "range" => outlying,
            // Peers count the first one of those that repeat, too.
            "unique" => repeated - u64::from(is_ours),
            _ => 0,
        };
        ensure!(count == expected, "{check} of `{column}` counts {count} instead of {expected}");
    }
    Ok(())
}
