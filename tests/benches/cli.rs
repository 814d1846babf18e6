//! How quick the binary is as a whole process: `--version`, and `dag check` of 500 files with 20 tasks each.

use std::fmt::Write as _;
use std::io::Read as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use tidemill_benchkit::{Figure, Goal, Options, Report, high_water_bytes, release_binary};

const FILES: usize = 500;
const TASKS: usize = 20;
const ROUNDS: usize = 15;

fn main() -> Result<()> {
    let options = Options::from_arguments()?;
    options.expect_only(&["start", "check"])?;
    let binary = release_binary("tidemill")?;
    let folder = tempfile::tempdir()?;
    write_files(folder.path())?;
    let version = Command::new(&binary).arg("--version").output()?;
    let mut report = Report::begin(&options, &[String::from_utf8_lossy(&version.stdout).trim()]);
    let check = format!("tidemill dag check, {FILES} files of {TASKS} tasks");
    let cases: [(_, _, &[&str], _, _); 2] = [
        ("start", "tidemill --version".to_owned(), &["--version"], "tidemill ", 30.0),
        ("check", check, &["dag", "check"], "500 files", 500.0),
    ];
    for (id, case, arguments, expected, goal) in cases {
        if !options.wants(id) {
            continue;
        }
        let samples = (0..options.rounds.unwrap_or(ROUNDS))
            .map(|_| sample(&binary, arguments, folder.path(), expected));
        let samples: Result<Vec<Sample>> = samples.collect();
        let each = |value: fn(&Sample) -> f64| match &samples {
            Ok(samples) => Ok(samples.iter().map(value).collect()),
            Err(error) => Err(anyhow::anyhow!("{error:#}")),
        };
        let figure = Figure::new(id, &case, "ms").goal(Goal::AtMost(goal));
        report.add(&figure, each(|sample| sample.wall_ms))?;
        let figure =
            Figure::new(id, format!("{case}: peak memory"), "MB").goal(Goal::AtMost(100.0));
        report.add(&figure, each(|sample| sample.peak_mb))?;
    }
    report.end()
}

/// One run of a process.
struct Sample {
    wall_ms: f64,
    peak_mb: f64,
}

fn sample(binary: &Path, arguments: &[&str], folder: &Path, expected: &str) -> Result<Sample> {
    let started = Instant::now();
    let mut command = Command::new(binary);
    command.args(arguments).current_dir(folder).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn()?;
    let mut peak_bytes = 0;
    let status = loop {
        // The high-water mark only grows, so the last reading is the peak but for the last millisecond.
        peak_bytes = peak_bytes.max(high_water_bytes(child.id()));
        if let Some(status) = child.try_wait()? {
            break status;
        }
        std::thread::yield_now();
    };
    let wall = started.elapsed();
    let mut said = String::new();
    child.stdout.take().context("it is piped")?.read_to_string(&mut said)?;
    child.stderr.take().context("it is piped")?.read_to_string(&mut said)?;
    ensure!(status.success(), "the program failed: {status}");
    ensure!(said.contains(expected), "the program said `{said}` and nothing of `{expected}`");
    Ok(Sample { wall_ms: wall.as_secs_f64() * 1000.0, peak_mb: peak_bytes as f64 / 1e6 })
}

fn write_files(folder: &Path) -> Result<()> {
    std::fs::create_dir(folder.join("dags"))?;
    for file in 0..FILES {
        let mut text = format!(
            "dag: flow_{file}\nowners: [team@example.com]\nschedule: {{ cron: \"{} 2 * * *\", timezone: Europe/Oslo }}\n\
             interval: 1d\nparams: {{ horizon: 60m }}\ntasks:\n",
            file % 60
        );
        for task in 0..TASKS {
            writeln!(text, "  step_{task}:\n    uses: noop")?;
            if task > 0 {
                writeln!(
                    text,
                    "    needs: [step_{}]\n    when: outputs.step_{}.rows > 0",
                    task - 1,
                    task - 1
                )?;
            }
            writeln!(
                text,
                "    retries: {{ max: 2, backoff: 30s..10m }}\n    with:\n      output: {{ rows: {task}, day: \"{{{{ interval.start | date }}}}\", horizon: \"{{{{ params.horizon }}}}\" }}"
            )?;
        }
        std::fs::write(folder.join(format!("dags/flow_{file}.yaml")), text)?;
    }
    Ok(())
}
