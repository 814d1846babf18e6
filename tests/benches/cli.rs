//! How quick the binary is as a whole process: `--version`, and `dag check` of 500 files with 20 tasks each.
#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const FILES: usize = 500;
const TASKS: usize = 20;
const ROUNDS: usize = 15;

fn main() -> anyhow::Result<()> {
    let binary = release_binary()?;
    let folder = tempfile::tempdir()?;
    write_files(folder.path())?;

    report("tidemill --version", &measure(&binary, &["--version"], folder.path())?, "goal: 30 ms");
    let checked = measure(&binary, &["dag", "check"], folder.path())?;
    report(
        &format!("tidemill dag check, {FILES} files of {TASKS} tasks"),
        &checked,
        "goal: 500 ms, 100 MB",
    );
    Ok(())
}

/// One run of a process.
struct Sample {
    wall: Duration,
    peak_bytes: u64,
}

fn measure(binary: &Path, arguments: &[&str], folder: &Path) -> anyhow::Result<Vec<Sample>> {
    (0..ROUNDS).map(|_| sample(binary, arguments, folder)).collect()
}

fn sample(binary: &Path, arguments: &[&str], folder: &Path) -> anyhow::Result<Sample> {
    let started = Instant::now();
    let mut command = Command::new(binary);
    command.args(arguments).current_dir(folder).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn()?;
    let mut peak_bytes = 0;
    loop {
        // The high-water mark only grows, so the last reading is the peak but for the last millisecond.
        peak_bytes = peak_bytes.max(high_water_bytes(child.id()));
        if let Some(status) = child.try_wait()? {
            anyhow::ensure!(status.success(), "the program failed: {status}");
            return Ok(Sample { wall: started.elapsed(), peak_bytes });
        }
        std::thread::yield_now();
    }
}

fn high_water_bytes(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or(0) * 1024
}

fn report(what: &str, samples: &[Sample], goal: &str) {
    let mut walls: Vec<Duration> = samples.iter().map(|sample| sample.wall).collect();
    walls.sort();
    let peak = samples.iter().map(|sample| sample.peak_bytes).max().unwrap_or(0);
    let milliseconds = |wall: Duration| wall.as_secs_f64() * 1000.0;
    println!(
        "{what}: median {:.1} ms (min {:.1}, max {:.1}) over {ROUNDS} rounds, peak {:.1} MB; {goal}",
        milliseconds(walls[walls.len() / 2]),
        milliseconds(walls[0]),
        milliseconds(walls[walls.len() - 1]),
        peak as f64 / 1e6,
    );
}

fn write_files(folder: &Path) -> anyhow::Result<()> {
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

/// Builds the optimised binary and says where it is.
fn release_binary() -> anyhow::Result<PathBuf> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status =
        Command::new(&cargo).args(["build", "--release", "--package", "tidemill"]).status()?;
    anyhow::ensure!(status.success(), "the release build failed");
    let metadata = cargo_metadata::MetadataCommand::new().no_deps().exec()?;
    Ok(metadata.target_directory.join("release/tidemill").into())
}
