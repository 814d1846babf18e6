//! The same work by the frames of Python, in turn with ours: each is a process that has read the table and waits to be told.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use tidemill_benchkit::{Figure, Goal, Report};
use tidemill_features::panel::Panel;
use tidemill_features::run::{Features, Limits};

use crate::fidelity::error_after;
use crate::oracle;
use crate::speed::{Stage, check, count, write_source};

/// What is measured, with the packages that it is made of.
const PEERS: [(&str, &[&str]); 3] = [
    ("mlforecast[polars]", &["mlforecast", "polars"]),
    ("polars", &["polars"]),
    ("pandas", &["pandas"]),
];

/// One process.
struct Peer {
    who: String,
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Peer {
    fn start(environments: &Path, name: &str, packages: &[&str], table: &Path) -> Result<Self> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/benches/peers/frames");
        let pinned = std::fs::read_to_string(folder.join("requirements.txt"))?;
        let version = |package: &&str| {
            pinned
                .lines()
                .find_map(|line| line.strip_prefix(package)?.strip_prefix("=="))
                .unwrap_or("?")
        };
        let versions: Vec<&str> = packages.iter().map(version).collect();
        let mut child = Command::new(environments.join("frames/bin/python"))
            .arg("-B")
            .arg(folder.join("bench.py"))
            .args([name, &table.display().to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("start the frames of Python; is their private environment there?")?;
        let input = child.stdin.take().context("its input is piped")?;
        let output = BufReader::new(child.stdout.take().context("its output is piped")?);
        let mut peer = Self { who: format!("{name} {}", versions.join("+")), child, input, output };
        peer.ask(&json!({ "do": "warm" })).with_context(|| format!("warm up `{name}`"))?;
        Ok(peer)
    }

    fn ask(&mut self, request: &Value) -> Result<Value> {
        writeln!(self.input, "{request}")?;
        self.input.flush()?;
        let mut line = String::new();
        self.output.read_line(&mut line)?;
        serde_json::from_str(&line).context("read what the peer says")
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // What went wrong while it ended is of no interest: its figures are there, or not.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// Peers must agree with us to this: their windows drift a little.
const AGREEMENT: f64 = 1e-6;

pub(crate) fn speed(environments: &Path, stage: &mut Stage<'_>, report: &mut Report) -> Result<()> {
    let Stage { rounds, is_quick, panel, program, features } = stage;
    let rounds = (*rounds).max(5);
    let folder = tempfile::tempdir()?;
    let table = folder.path().join("table.parquet");
    write_source(panel, &table)?;
    let mut sides: Vec<(Peer, Result<Vec<f64>>)> = Vec::new();
    // Pandas takes half a minute for a pass.
    for (name, packages) in PEERS.into_iter().filter(|(name, _)| !*is_quick || *name != "pandas") {
        sides.push((Peer::start(environments, name, packages, &table)?, Ok(Vec::new())));
    }
    let mut ours = Vec::new();
    for round in 0..rounds {
        let started = Instant::now();
        program.transform_into(panel, Limits::default(), features)?;
        ours.push(started.elapsed().as_secs_f64());
        for (peer, samples) in &mut sides {
            // The slowest takes half a minute: three rounds of it say enough.
            if peer.who.starts_with("pandas") && round >= 3 {
                continue;
            }
            if let Ok(seconds) = samples {
                match one_round(peer, panel, features) {
                    Ok(second) => seconds.push(second),
                    Err(error) => *samples = Err(error),
                }
            }
        }
    }
    let case =
        format!("{} x {}: in turn with peers", count(panel.rows()), count(panel.entities().len()));
    let ours = check(panel, features).map(|()| ours);
    let ours = report.add(&Figure::new("L1", &case, "s"), ours)?;
    for (peer, samples) in sides {
        let spread = report.add(&Figure::new("L1", &case, "s").of(&peer.who), samples)?;
        if let (Some(ours), Some(theirs)) = (ours, spread) {
            let mut figure = Figure::new("L1", format!("{case}: {} over ours", peer.who), "x");
            if peer.who.starts_with("mlforecast") {
                figure = figure.goal(Goal::AtLeast(4.0));
            }
            report.add(&figure, Ok(vec![theirs.median / ours.median]))?;
        }
    }
    Ok(())
}

/// One pass of a peer; some of its rows must be ours.
fn one_round(peer: &mut Peer, panel: &Panel, features: &Features) -> Result<f64> {
    let rows: Vec<usize> =
        (0..200).map(|place| place * (panel.rows() / 200) + 7 * place % 97).collect();
    let answer = peer.ask(&json!({ "do": "features", "rows": rows }))?;
    let seconds = answer["seconds"].as_f64().with_context(|| format!("it says {answer}"))?;
    let found: Vec<Vec<Option<f64>>> =
        serde_json::from_value(answer["values"].clone()).context("read its rows")?;
    ensure!(found.len() == features.columns.len(), "it has {} features", found.len());
    for (values, (column, name)) in found.iter().zip(features.columns.iter().zip(&features.names)) {
        for (row, value) in rows.iter().zip(values) {
            let error = oracle::relative_error(value.unwrap_or(f64::NAN), column[*row]);
            ensure!(
                error <= AGREEMENT,
                "`{name}` of row {row} is {value:?}, ours is {}",
                column[*row]
            );
        }
    }
    Ok(seconds)
}

/// The error of each peer's rolling standard deviation after the spike.
pub(crate) fn fidelity(environments: &Path, panel: &Panel) -> Result<Vec<(String, f64)>> {
    let folder = tempfile::tempdir()?;
    let table = folder.path().join("table.parquet");
    write_source(panel, &table)?;
    let values = &panel.columns()[0].values;
    let mut errors = Vec::new();
    for (name, packages) in PEERS {
        let mut peer = Peer::start(environments, name, packages, &table)?;
        let mut worst = 0.0_f64;
        let rows: Vec<usize> = (0..panel.rows()).collect();
        let answer = peer.ask(&json!({ "do": "features", "rows": rows }))?;
        let found: Vec<Vec<Option<f64>>> =
            serde_json::from_value(answer["values"].clone()).context("read its rows")?;
        for (window, place) in [(5, 5), (30, 9), (120, 13)] {
            let std: Vec<f64> =
                found[place].iter().map(|value| value.unwrap_or(f64::NAN)).collect();
            worst = worst.max(error_after(values, &std, window));
        }
        errors.push((peer.who.clone(), worst));
    }
    Ok(errors)
}
