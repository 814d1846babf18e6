//! Running other programs.

use std::env;
use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Command, ExitStatus, Output, Stdio};
use std::thread;

use anyhow::{Context, Result, bail};

use crate::interrupt;
use crate::workspace::Workspace;

/// A command that runs at the top of the checkout and finds our tools.
pub(crate) fn command(workspace: &Workspace, program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    command.current_dir(&workspace.root).env("PATH", workspace.path());
    // Set for us by `cargo xtask`. The cargo that we run must not take them for its own: build scripts
    // that look at them would run again, and all above them compile anew.
    let is_of_our_package =
        |name: &str| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_");
    for (name, _) in env::vars_os() {
        if name.to_str().is_some_and(is_of_our_package) {
            command.env_remove(name);
        }
    }
    command
}

/// `cargo` with these arguments.
pub(crate) fn cargo(workspace: &Workspace, arguments: &[&str]) -> Command {
    let mut command = command(workspace, "cargo");
    command.args(arguments);
    command
}

/// Runs the command with our own input and output; it must succeed.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    announce(command);
    let status = command.status().with_context(|| failed_to_run(command))?;
    expect_success(command, status)
}

/// Runs the command and returns what it wrote to its standard output; it must succeed.
pub(crate) fn output(command: &mut Command) -> Result<Vec<u8>> {
    announce(command);
    let output = command.stderr(Stdio::inherit()).output();
    let Output { status, stdout, .. } = output.with_context(|| failed_to_run(command))?;
    expect_success(command, status)?;
    Ok(stdout)
}

/// Runs the command silently; `None` when it is not there or fails.
pub(crate) fn answer(command: &mut Command) -> Option<String> {
    let output = command.stdin(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Runs the command, shows both its outputs as they come, and returns them too, whether it
/// succeeded or not.
pub(crate) fn show_and_keep(command: &mut Command) -> Result<(ExitStatus, String)> {
    announce(command);
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| failed_to_run(command))?;
    let stdout = child.stdout.take().context("read its standard output")?;
    let stderr = child.stderr.take().context("read its standard error")?;
    let reader = thread::spawn(move || copy_lines(stderr, std::io::stderr()));
    let mut text = copy_lines(stdout, std::io::stdout());
    text += &reader.join().unwrap_or_default();
    let status = child.wait().with_context(|| failed_to_run(command))?;
    interrupt::check()?;
    Ok((status, text))
}

/// The command as a person would type it.
pub(crate) fn words(command: &Command) -> String {
    let mut words = vec![command.get_program().to_string_lossy()];
    words.extend(command.get_args().map(OsStr::to_string_lossy));
    words.join(" ")
}

pub(crate) fn expect_success(command: &Command, status: ExitStatus) -> Result<()> {
    interrupt::check()?;
    if !status.success() {
        bail!("`{}` failed ({status})", words(command));
    }
    Ok(())
}

fn announce(command: &Command) {
    eprintln!("$ {}", words(command));
}

fn failed_to_run(command: &Command) -> String {
    format!("run `{}`", words(command))
}

/// Copies line by line, so that the lines of two streams do not mix.
fn copy_lines(from: impl Read, mut to: impl Write) -> String {
    let mut kept = String::new();
    let mut reader = BufReader::new(from);
    let mut line = Vec::new();
    while reader.read_until(b'\n', &mut line).is_ok_and(|length| length > 0) {
        // Whoever reads us may have gone; the child still runs to its end.
        to.write_all(&line).and_then(|()| to.flush()).ok();
        kept += &String::from_utf8_lossy(&line);
        line.clear();
    }
    kept
}
