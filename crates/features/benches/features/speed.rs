//! L1: 17 features of five shapes of tables.

use std::hint::black_box;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use tidemill_benchkit::{Figure, Goal, Options, Report, high_water_bytes};
use tidemill_features::files::{ReadColumns, read_parquet, write_parquet};
use tidemill_features::panel::{GridRule, Intake, Panel};
use tidemill_features::run::{Features, Limits, Program};
use tidemill_features::time::Span;

use crate::data::{self, MINUTE};
use crate::{oracle, peers};

const ROUNDS: usize = 7;

struct Shape {
    rows: usize,
    entities: usize,
    seconds: Option<f64>,
    gigabytes: Option<f64>,
}

const SHAPES: [Shape; 4] = [
    Shape { rows: 1_000_000, entities: 100, seconds: None, gigabytes: None },
    Shape { rows: 10_000_000, entities: 10, seconds: None, gigabytes: None },
    Shape { rows: 10_000_000, entities: 100_000, seconds: None, gigabytes: None },
    Shape { rows: 10_000_000, entities: 1_000, seconds: Some(0.25), gigabytes: Some(2.0) },
];

pub(crate) fn measure(options: &Options, report: &mut Report) -> Result<()> {
    let rounds = options.rounds.unwrap_or(ROUNDS);
    for shape in &SHAPES {
        if options.is_quick && shape.rows > 1_000_000 && shape.seconds.is_none() {
            continue;
        }
        forget_peak();
        let panel = data::panel(shape.rows, shape.entities)?;
        data::with_program(&panel, |program| {
            let features = Features::default();
            let mut stage =
                Stage { rounds, is_quick: options.is_quick, panel: &panel, program, features };
            in_memory(shape, &mut stage, report)?;
            if shape.seconds.is_some() {
                files(&mut stage, report)?;
                streamed(&panel, program, rounds, report)?;
                if let Some(folder) = &options.peers {
                    peers::speed(folder, &mut stage, report)?;
                }
            }
            Ok(())
        })?;
    }
    if !options.is_quick {
        forget_peak();
        let panel = data::panel(50_000_000, 1_000)?;
        data::with_program(&panel, |program| streamed(&panel, program, rounds.min(5), report))?;
    }
    Ok(())
}

/// The peak of memory is counted from here.
fn forget_peak() {
    // Where the kernel does not let us, the peak is that of the whole run: never too small.
    std::fs::write("/proc/self/clear_refs", "5").ok();
}

/// The processor time of all threads so far, which others that run beside us do not change much.
fn processor_seconds() -> f64 {
    /// Linux counts in hundredths of a second, whatever the kernel's own clock.
    const TICKS: f64 = 100.0;
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The name may hold anything; after it come state, ..., and as 12th and 13th the times.
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
    fields.skip(11).take(2).filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>() / TICKS
}

fn gigabytes() -> f64 {
    high_water_bytes(std::process::id()) as f64 / 1e9
}

/// What the figures of one shape share.
pub(crate) struct Stage<'a> {
    pub(crate) rounds: usize,
    /// Whether what takes half a minute is left out.
    pub(crate) is_quick: bool,
    pub(crate) panel: &'a Panel,
    pub(crate) program: &'a Program<'a>,
    /// Memory that was touched before.
    pub(crate) features: Features,
}

fn in_memory(shape: &Shape, stage: &mut Stage<'_>, report: &mut Report) -> Result<()> {
    let Stage { rounds, panel, program, features, .. } = stage;
    let case = format!("{} x {}", count(shape.rows), count(shape.entities));
    let cold = Instant::now();
    program.transform_into(panel, Limits::default(), features)?;
    let cold = cold.elapsed().as_secs_f64();
    let mut samples = Vec::new();
    let before = processor_seconds();
    for _ in 0..*rounds {
        let started = Instant::now();
        program.transform_into(panel, Limits::default(), features)?;
        black_box(&*features);
        samples.push(started.elapsed().as_secs_f64());
    }
    let processor = (processor_seconds() - before) / *rounds as f64;
    let peak = gigabytes();
    let gate = check(panel, features);
    let samples = gate.map(|()| samples);
    let mut figure = Figure::new("L1", format!("{case}: 17 features in memory, warm"), "s");
    if let Some(seconds) = shape.seconds {
        figure = figure.goal(Goal::AtMost(seconds));
    }
    let is_right = samples.is_ok();
    report.add(&figure, samples)?;
    if is_right {
        report.add(
            &Figure::new("L1", format!("{case}: the first pass, into fresh memory"), "s"),
            Ok(vec![cold]),
        )?;
        let figure = Figure::new("L1", format!("{case}: processor time of a warm pass"), "cpu-s");
        report.add(&figure, Ok(vec![processor]))?;
        let mut figure = Figure::new("L1", format!("{case}: peak memory"), "GB");
        if let Some(most) = shape.gigabytes {
            figure = figure.goal(Goal::AtMost(most));
        }
        report.add(&figure, Ok(vec![peak]))?;
    }
    Ok(())
}

/// Some entities are held against the definition row by row, the others at some rows.
pub(crate) fn check(panel: &Panel, features: &Features) -> Result<()> {
    let entities = panel.entities().len();
    for entity in (0..entities).step_by((entities / 50).max(1)) {
        let rows = panel.rows_of(entity);
        let columns: Vec<&[f64]> =
            features.columns.iter().map(|column| &column[rows.clone()]).collect();
        let values = &panel.columns()[0].values[rows.clone()];
        // The average goes through all rows before: a long series is checked at fewer.
        let every = if entity == 0 && rows.len() <= 20_000 { 1 } else { (rows.len() / 20).max(1) };
        oracle::check(values, &columns, every).with_context(|| format!("entity {entity}"))?;
    }
    Ok(())
}

/// The same features, handed over piece by piece.
fn streamed(
    panel: &Panel,
    program: &Program<'_>,
    rounds: usize,
    report: &mut Report,
) -> Result<()> {
    let case = format!("{} x {}", count(panel.rows()), count(panel.entities().len()));
    forget_peak();
    let mut samples = Vec::new();
    for _ in 0..rounds {
        let rows = AtomicUsize::new(0);
        let started = Instant::now();
        program.stream(panel, Limits::default(), |chunk| {
            rows.fetch_add(chunk.rows.len(), Ordering::Relaxed);
            black_box(&chunk.columns);
        })?;
        samples.push(started.elapsed().as_secs_f64());
        ensure!(rows.into_inner() == panel.rows(), "not all rows were handed over");
    }
    let peak = gigabytes();
    let wrong = std::sync::Mutex::new(None);
    program.stream(panel, Limits::default(), |chunk| {
        let values = &panel.columns()[0].values[chunk.rows.clone()];
        let first = panel.entities().len() > 1;
        if first && let Err(error) = check_chunk(panel, chunk.rows.start, values, &chunk.columns) {
            *wrong.lock().expect("no check panics") = Some(error);
        }
    })?;
    let gate = wrong.into_inner().expect("no check panics").map_or(Ok(()), Err);
    report.add(&Figure::new("L1", format!("{case}: streamed"), "s"), gate.map(|()| samples))?;
    let goal = Goal::AtMost(if panel.rows() > 10_000_000 { 6.0 } else { 2.0 });
    let figure = Figure::new("L1", format!("{case}: streamed, peak memory"), "GB").goal(goal);
    report.add(&figure, Ok(vec![peak]))?;
    Ok(())
}

/// The first entity of a piece, at some rows.
fn check_chunk(panel: &Panel, start: usize, values: &[f64], columns: &[&[f64]]) -> Result<()> {
    let each = panel.rows() / panel.entities().len();
    ensure!(start.is_multiple_of(each), "a piece begins within an entity");
    let columns: Vec<&[f64]> = columns.iter().map(|column| &column[..each]).collect();
    oracle::check(&values[..each], &columns, each / 5)
}

/// From Parquet to Parquet.
fn files(stage: &mut Stage<'_>, report: &mut Report) -> Result<()> {
    let Stage { rounds, panel, program, features, .. } = stage;
    let folder = tempfile::tempdir()?;
    let (source, target) =
        (folder.path().join("source.parquet"), folder.path().join("features.parquet"));
    write_source(panel, &source)?;
    let wanted =
        ReadColumns { entity: "unit".into(), timestamp: "at".into(), columns: vec!["y".into()] };
    let rules = Intake { grid: GridRule::Declared(Span(MINUTE)), ..Intake::default() };
    let mut samples = [const { Vec::<f64>::new() }; 4];
    for _ in 0..(*rounds).min(5) {
        let started = Instant::now();
        let table = read_parquet(&source, &wanted, Limits::default())?;
        let (read, _) =
            Panel::take_in(table, &rules).map_err(|refused| anyhow::anyhow!("{refused:?}"))?;
        let after_read = started.elapsed().as_secs_f64();
        program.transform_into(&read, Limits::default(), features)?;
        let after_work = started.elapsed().as_secs_f64();
        write_parquet(&target, ("unit", "at"), &read, features)?;
        let all = started.elapsed().as_secs_f64();
        for (samples, seconds) in
            samples.iter_mut().zip([all, after_read, after_work - after_read, all - after_work])
        {
            samples.push(seconds);
        }
    }
    let wanted = ReadColumns { columns: features.names.clone(), ..wanted };
    let written = read_parquet(&target, &wanted, Limits::default())?;
    let is_same = written.columns.iter().zip(&features.columns).all(|(written, column)| {
        written.values.iter().zip(column).all(|(left, right)| left.to_bits() == right.to_bits())
    });
    let gate = check(panel, features).and_then(|()| {
        ensure!(is_same, "the file does not hold what was computed");
        Ok(())
    });
    let case = format!("{} x {}", count(panel.rows()), count(panel.entities().len()));
    let [all, read, work, write] = samples;
    let figure = Figure::new("L1", format!("{case}: from Parquet to Parquet"), "s");
    report.add(&figure, gate.map(|()| all))?;
    for (part, seconds) in [("reading", read), ("features", work), ("writing", write)] {
        report.add(&Figure::new("L1", format!("{case}: of that, {part}"), "s"), Ok(seconds))?;
    }
    Ok(())
}

/// The table itself as a file: what we and the peers read.
pub(crate) fn write_source(panel: &Panel, path: &std::path::Path) -> Result<()> {
    let source = Features {
        names: vec!["y".to_owned()],
        columns: vec![panel.columns()[0].values.clone()],
        cold: Vec::new(),
    };
    Ok(write_parquet(path, ("unit", "at"), panel, &source)?)
}

pub(crate) fn count(number: usize) -> String {
    match number {
        millions if millions >= 1_000_000 && millions.is_multiple_of(1_000_000) => {
            format!("{}M", millions / 1_000_000)
        }
        thousands if thousands >= 1_000 && thousands.is_multiple_of(1_000) => {
            format!("{},000", thousands / 1_000)
        }
        other => other.to_string(),
    }
}
