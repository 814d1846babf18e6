//! Landing: ten million rows of twelve columns (about 1 GB of CSV), and a thousand files that did not change.
//!
//! Each landing is a process of its own, so that its peak of memory is its own. What it wrote is read back before its time counts:
//! all rows, the sum of a column, and the order within each file.
#![expect(clippy::print_stdout, reason = "one side of the benchmark tells what it did")]

#[path = "../shared/side.rs"]
mod side;
mod telemetry;
mod verify;

use std::ffi::OsString;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use serde_json::json;
use tidemill_benchkit::{Figure, Goal, Options, Report, high_water_bytes};
use tidemill_lake::snapshot::{
    Destination, Earlier, EventTime, Landed, Landing, Manifest, Size, Workspace, land,
};
use tidemill_lake::source::Access;

use side::{SIDE, Side};
use verify::{Expected, verify};

/// The figures: a landing in order, one without, files that did not change.
const FIGURES: [&str; 3] = ["land", "land-as-is", "reland"];
/// The peers: their folders, and their packages.
const PEERS: [(&str, &str); 3] = [("pandas", "pandas"), ("polars", "polars"), ("duckdb", "duckdb")];
/// With peers there are more rounds.
const ROUNDS: usize = 3;
const ROUNDS_WITH_PEERS: usize = 5;
const ROWS: u64 = 10_000_000;
const QUICK_ROWS: u64 = 1_000_000;
/// Half of what may be resident: the rest is the program, the allocator and the pages of the files.
const MEMORY: Size = Size::from_bytes(1 << 30);

#[tokio::main]
async fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    if arguments.next().as_deref() == Some(SIDE) {
        let words: Vec<String> = arguments.collect();
        let [file, folder, order] = words.as_slice() else {
            anyhow::bail!("{SIDE} takes a file, a folder and an order");
        };
        return one(Path::new(file), Path::new(folder), order).await;
    }
    let options = Options::from_arguments()?;
    options.expect_only(&FIGURES)?;
    let folder = tempfile::tempdir()?;
    let mut report = Report::begin(&options, &[concat!("tidemill ", env!("CARGO_PKG_VERSION"))]);
    if options.wants("land") || options.wants("land-as-is") {
        landings(&options, folder.path(), &mut report)?;
    }
    if options.wants("reland") {
        let figure = Figure::new("reland", "1000 files that did not change", "s");
        let rounds = options.rounds.unwrap_or(ROUNDS_WITH_PEERS);
        report.add(&figure.goal(Goal::AtMost(1.0)), unchanged(folder.path(), rounds).await)?;
    }
    report.end()
}

/// Lands the telemetry in turn with peers: A B C, A B C.
fn landings(options: &Options, folder: &Path, report: &mut Report) -> Result<()> {
    let rows = if options.is_quick { QUICK_ROWS } else { ROWS };
    let file = folder.join("telemetry.csv");
    let expected = telemetry::write(&file, rows)?;
    let gigabytes = std::fs::metadata(&file)?.len() as f64 / 1e9;
    let what = format!("{rows} rows x 12, {gigabytes:.2} GB of CSV");
    for (id, order, how) in
        [("land", "sorted", "by day, machine and time"), ("land-as-is", "as-is", "as they come")]
    {
        if !options.wants(id) {
            continue;
        }
        let mut sides = vec![Side::ours()?];
        let peers = options.peers.as_deref().filter(|_| id == "land");
        for (name, package) in peers.iter().flat_map(|_| PEERS) {
            sides.push(Side::peer(peers.unwrap_or(folder), name, package)?);
        }
        let usual = if peers.is_some() { ROUNDS_WITH_PEERS } else { ROUNDS };
        for _ in 0..options.rounds.unwrap_or(usual) {
            for side in &mut sides {
                let lake = folder.join("lake");
                let arguments: [OsString; 3] =
                    [file.clone().into(), lake.clone().into(), order.into()];
                side.round(&arguments, |_| {
                    verify(&lake, &Expected { is_sorted: id == "land", ..expected })
                });
                if lake.exists() {
                    std::fs::remove_dir_all(&lake)?;
                }
            }
        }
        let is_goal = id == "land" && !options.is_quick;
        tell(report, (id, &format!("{what}, {how}")), is_goal, &sides)?;
    }
    Ok(())
}

fn tell(
    report: &mut Report,
    (id, case): (&'static str, &str),
    is_goal: bool,
    sides: &[Side],
) -> Result<()> {
    let mut ours = None;
    for (place, side) in sides.iter().enumerate() {
        let is_ours = place == 0;
        let goal = |figure: Figure, most| {
            if is_ours && is_goal { figure.goal(Goal::AtMost(most)) } else { figure }
        };
        let figure = goal(Figure::new(id, case, "s"), 20.0);
        let spread = side.tell(report, &figure, "wall_s")?;
        match (ours, spread) {
            (Some(ours), Some(spread)) => {
                report.note(&format!("{:.2} times ours", spread.median / ours));
            }
            (None, Some(spread)) if is_ours => ours = Some(spread.median),
            (_, None) | (None, Some(_)) => {}
        }
        let figure = goal(Figure::new(id, format!("{case}: peak memory"), "MB"), 1500.0);
        side.tell(report, &figure, "peak_mb")?;
    }
    Ok(())
}

/// One landing, in a process of its own.
async fn one(file: &Path, folder: &Path, order: &str) -> Result<()> {
    let mut request = Landing {
        sources: vec![file.display().to_string()],
        memory: Some(MEMORY),
        ..Landing::default()
    };
    if order == "sorted" {
        request.event_time = Some(EventTime { column: "at".into(), ..EventTime::default() });
        request.entity = vec!["machine".into()];
    }
    let sources = file.parent().context("the file lies in a folder")?;
    let started = Instant::now();
    let manifest = landed(&request, Earlier::default(), (sources, folder)).await?;
    let wall_s = started.elapsed().as_secs_f64();
    let manifest = manifest.context("the snapshot is new")?;
    ensure!(manifest.tally.rows_rejected() == 0, "rows are rejected");
    let peak_mb = high_water_bytes(std::process::id()) as f64 / 1e6;
    println!("{}", json!({ "wall_s": wall_s, "peak_mb": peak_mb }));
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
async fn unchanged(folder: &Path, rounds: usize) -> Result<Vec<f64>> {
    let sources = folder.join("many");
    std::fs::create_dir_all(&sources)?;
    for file in 0..1000 {
        let text = format!("at,value\n2025-01-01T00:00:00Z,{file}\n2025-01-01T00:01:00Z,{file}\n");
        std::fs::write(sources.join(format!("{file:04}.csv")), text)?;
    }
    let event_time = Some(EventTime { column: "at".into(), ..EventTime::default() });
    let request = Landing { sources: vec!["*.csv".into()], event_time, ..Landing::default() };
    let first = landed(&request, Earlier::default(), (&sources, folder)).await?;
    let first = first.context("the snapshot is new")?;
    ensure!(first.rows == 2000 && first.sources.len() == 1000, "{} rows", first.rows);
    let mut seconds = Vec::new();
    for _ in 0..rounds {
        let started = Instant::now();
        let earlier = Earlier { same_interval: Some(&first), latest: Some(&first) };
        let again = landed(&request, earlier, (&sources, folder)).await?;
        seconds.push(started.elapsed().as_secs_f64());
        ensure!(again.is_none(), "nothing changed");
    }
    // What does change is seen, or the speed means nothing.
    std::fs::write(
        sources.join("0500.csv"),
        "at,value\n2025-01-01T00:00:00Z,1\n2025-01-01T00:01:00Z,2\n",
    )?;
    let earlier = Earlier { same_interval: Some(&first), latest: Some(&first) };
    let other = landed(&request, earlier, (&sources, folder)).await?;
    ensure!(other.is_some(), "one file changed, and nobody saw it");
    Ok(seconds)
}
