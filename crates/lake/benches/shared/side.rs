//! Programs that are measured beside each other: ours and peers', each round a process of its own.

use std::ffi::OsString;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc::channel;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, ensure};
use serde_json::Value;
use tidemill_benchkit::{Figure, Report, Spread};

/// How long one round may take.
const DEADLINE: Duration = Duration::from_mins(15);

/// What makes the benchmark one side of itself.
pub(crate) const SIDE: &str = "--side";

/// One side of a comparison.
pub(crate) struct Side {
    pub(crate) who: String,
    program: PathBuf,
    before: Vec<OsString>,
    rounds: Vec<Value>,
    wrong: Option<anyhow::Error>,
}

impl Side {
    /// Ourselves: the benchmark, told to do the work instead of measuring it.
    pub(crate) fn ours() -> Result<Self> {
        let program = std::env::current_exe().context("find the benchmark's own file")?;
        let (before, rounds) = (vec![SIDE.into()], Vec::new());
        Ok(Self { who: "tidemill".into(), program, before, rounds, wrong: None })
    }

    /// A peer, in its private environment.
    pub(crate) fn peer(environments: &Path, name: &str, package: &str) -> Result<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/benches/peers");
        let folder = root.join(name).canonicalize()?;
        let pinned = fs::read_to_string(folder.join("requirements.txt"))?;
        let version =
            pinned.lines().find_map(|line| line.strip_prefix(package)?.strip_prefix("=="));
        let version = version.with_context(|| format!("`{package}` is not pinned"))?;
        let version = version.split_whitespace().next().unwrap_or(version);
        let program = environments.join(name).join("bin/python");
        let before = vec!["-B".into(), folder.join("bench.py").into_os_string()];
        Ok(Self {
            who: format!("{name} {version}"),
            program,
            before,
            rounds: Vec::new(),
            wrong: None,
        })
    }

    /// Runs it once more, unless it was wrong before: one that is wrong has no figure whatever comes next.
    pub(crate) fn round(
        &mut self,
        arguments: &[OsString],
        is_right: impl FnOnce(&Value) -> Result<()>,
    ) {
        if self.wrong.is_some() {
            return;
        }
        let said = self.run(arguments);
        match said.and_then(|said| is_right(&said).map(|()| said)) {
            Ok(said) => self.rounds.push(said),
            Err(error) => self.wrong = Some(error),
        }
    }

    /// Runs it, and takes the last line that it prints.
    fn run(&self, arguments: &[OsString]) -> Result<Value> {
        ensure!(self.program.is_file(), "its private environment could not be made");
        let mut child = Command::new(&self.program)
            .args(&self.before)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let (mut output, mut errors) =
            (child.stdout.take().context("piped")?, child.stderr.take().context("piped")?);
        let (send, receive) = channel();
        std::thread::spawn(move || {
            let mut text = String::new();
            let read = output.read_to_string(&mut text).map(|_| text);
            // Nobody listens any more after the deadline.
            send.send(read).ok();
        });
        let told = std::thread::spawn(move || {
            let mut text = String::new();
            errors.read_to_string(&mut text).map(|_| text).unwrap_or_default()
        });
        let text = receive.recv_timeout(DEADLINE);
        if text.is_err() {
            child.kill()?;
        }
        let status = child.wait()?;
        let text = text.map_err(|_| anyhow!("it took more than {DEADLINE:?}"))??;
        let told = told.join().unwrap_or_default();
        let last = told.trim().lines().last().unwrap_or("it said nothing").to_owned();
        ensure!(status.success(), "it did not end well: {last}");
        let line = text.trim().lines().last().context("it printed nothing")?;
        serde_json::from_str(line).with_context(|| format!("read `{line}`"))
    }

    /// The figure of one of the numbers that it told.
    pub(crate) fn tell(
        &self,
        report: &mut Report,
        figure: &Figure,
        number: &str,
    ) -> Result<Option<Spread>> {
        let samples = match &self.wrong {
            Some(error) => Err(anyhow!("{error:#}")),
            None => self
                .rounds
                .iter()
                .map(|said| said[number].as_f64().with_context(|| format!("it tells `{number}`")))
                .collect(),
        };
        report.add(&figure.clone().of(&self.who), samples)
    }
}
