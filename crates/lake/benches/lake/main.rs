//! Landing: ten million rows of twelve columns (about 1 GB of CSV), and a thousand files that did not change.
//!
//! `--rows N` makes it smaller, `--memory SIZE` bounds it otherwise, `--keep DIR` keeps the made file for other programs.
#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

mod telemetry;

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use tidemill_lake::snapshot::{
    Destination, Earlier, EventTime, Landed, Landing, Manifest, Size, Workspace, land,
};
use tidemill_lake::source::Access;

struct Options {
    rows: u64,
    memory: Size,
    keep: Option<std::path::PathBuf>,
}

fn options() -> Result<Options> {
    let mut options = Options { rows: 10_000_000, memory: Size::from_bytes(1 << 30), keep: None };
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().with_context(|| format!("{argument} needs a value"));
        match argument.as_str() {
            "--rows" => options.rows = value()?.parse()?,
            "--memory" => options.memory = value()?.parse()?,
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
    let sources = options.keep.clone().unwrap_or_else(|| folder.path().join("sources"));
    std::fs::create_dir_all(&sources)?;
    let file = sources.join(format!("telemetry-{}.csv", options.rows));
    if !file.exists() {
        telemetry::write(&file, options.rows)?;
    }
    println!(
        "{} rows x 12 columns, {:.2} GB",
        options.rows,
        gigabytes(std::fs::metadata(&file)?.len())
    );
    for (case, entity, event_time) in [
        ("as they come", false, false),
        ("by time", false, true),
        ("by entity and time", true, true),
    ] {
        let mut request = Landing {
            sources: vec![file.display().to_string()],
            memory: Some(options.memory),
            ..Landing::default()
        };
        if event_time {
            request.event_time = Some(EventTime { column: "at".into(), ..EventTime::default() });
        }
        if entity {
            request.entity = vec!["machine".into()];
        }
        one(case, &request, (&sources, folder.path()), options.rows).await?;
    }
    unchanged(folder.path()).await
}

async fn one(
    case: &str,
    request: &Landing,
    (sources, folder): (&Path, &Path),
    rows: u64,
) -> Result<()> {
    let started = Instant::now();
    let manifest = landed(request, Earlier::default(), (sources, folder)).await?;
    let seconds = started.elapsed().as_secs_f64();
    let manifest = manifest.context("the snapshot is new")?;
    ensure!(manifest.rows == rows, "{} rows of {rows}", manifest.rows);
    ensure!(manifest.tally.rows_rejected() == 0, "rows are rejected");
    println!(
        "land {case}: {seconds:.2} s, {:.0} rows/s, {} files, {:.2} GB, peak {:.2} GB resident",
        rows as f64 / seconds,
        manifest.files.len(),
        gigabytes(manifest.size_bytes),
        gigabytes(peak_resident_bytes()?),
    );
    std::fs::remove_dir_all(folder.join("lake"))?;
    Ok(())
}

async fn landed(
    request: &Landing,
    earlier: Earlier<'_>,
    (sources, folder): (&Path, &Path),
) -> Result<Option<Manifest>> {
    let workspace = Workspace {
        access: Access::new(sources),
        scratch: folder.join("scratch"),
        dataset: "bench".into(),
        environment: Arc::new(|_| None),
    };
    let destination = Destination::folder(&folder.join("lake"))?;
    Ok(match land(request, earlier, &workspace, &destination).await? {
        Landed::Snapshot(manifest) => Some(*manifest),
        Landed::Unchanged => None,
    })
}

/// A thousand files that are landed once and then found unchanged.
async fn unchanged(folder: &Path) -> Result<()> {
    let sources = folder.join("many");
    std::fs::create_dir_all(&sources)?;
    for file in 0..1000 {
        let text = format!("at,value\n2025-01-01T00:00:00Z,{file}\n2025-01-01T00:01:00Z,{file}\n");
        std::fs::write(sources.join(format!("{file:04}.csv")), text)?;
    }
    let event_time = Some(EventTime { column: "at".into(), ..EventTime::default() });
    let request = Landing { sources: vec!["*.csv".into()], event_time, ..Landing::default() };
    let started = Instant::now();
    let first = landed(&request, Earlier::default(), (&sources, folder)).await?;
    let first = first.context("the snapshot is new")?;
    let landing = started.elapsed();
    let started = Instant::now();
    let earlier = Earlier { same_interval: Some(&first), latest: Some(&first) };
    let again = landed(&request, earlier, (&sources, folder)).await?;
    ensure!(again.is_none(), "nothing changed");
    println!(
        "1000 files: {:.3} s to land, {:.3} s to find unchanged",
        landing.as_secs_f64(),
        started.elapsed().as_secs_f64()
    );
    Ok(())
}

fn gigabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e9
}

/// The most memory that this process held so far.
fn peak_resident_bytes() -> Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kibibytes: u64 = line
        .and_then(|line| line.trim().strip_suffix("kB"))
        .context("the kernel tells the peak")?
        .trim()
        .parse()?;
    Ok(kibibytes * 1024)
}
