//! `command`: runs a program. The escape hatch.

mod capture;
mod environment;
mod group;
mod params;
mod spawn;

use std::process::ExitStatus;
use std::time::Duration;

use serde_json::{Value, json};
use tidemill_dag::catalog::{Objections, Port, Ports};
use tidemill_task::{Explain, Isolation, Policy, Step, TaskContext, TaskError, TaskKind};
use tokio::io::AsyncWriteExt;
use tokio::process::ChildStdin;
use tokio_util::sync::CancellationToken;

use capture::{Capture, Captured};
use group::{Ended, ProcessGroup};
use params::Params;

/// Runs a program.
pub(crate) struct Command;

impl TaskKind for Command {
    const NAME: &'static str = "command";
    const VERSION: u32 = 1;
    /// All that it printed, where it printed something.
    const PORTS: Ports = Ports {
        inputs: &[],
        outputs: &[Port::optional("stdout", "log"), Port::optional("stderr", "log")],
    };
    const ISOLATION: Isolation = Isolation::Process;
    type Params = Params;
    type Output = Value;

    fn sample() -> Value {
        json!({ "argv": ["sh", "-c", "echo hello, $NAME"], "env": { "NAME": "world" } })
    }

    /// Nobody knows what a program does beside its output.
    fn policy() -> Policy {
        Policy { is_cacheable: false }
    }

    fn check(params: &Params, objections: &mut Objections) {
        params.check(objections);
    }

    /// A moment more than the program has, to tell how it ended.
    fn grace(params: &Params) -> Option<Duration> {
        Some(params.grace.0 + Duration::from_secs(1))
    }

    async fn run(context: &TaskContext, params: Params) -> Result<Step<Value>, TaskError> {
        let (ended, stdout, stderr) = run_to_end(context, &params).await?;
        let status = match ended {
            Ended::Cancelled => return Err(TaskError::Cancelled),
            Ended::Exited(status) => status,
        };
        if !status.code().is_some_and(|code| params.ok_codes.contains(&code)) {
            return Err(failure(params.program(), status, &stdout, &stderr));
        }
        if params.json_output {
            return last_line_as_json(&stdout).map(Step::Done);
        }
        Ok(Step::Done(json!({
            "exit_code": status.code(),
            "stdout": stdout.tail,
            "stderr": stderr.tail,
        })))
    }
}

/// Runs the program, feeds it, and captures what it prints, also when it is stopped.
async fn run_to_end(
    context: &TaskContext,
    params: &Params,
) -> Result<(Ended, Captured, Captured), TaskError> {
    let mut child = spawn::spawn(context, params)?;
    let stdin = child.stdin.take();
    let stdout = child.stdout.take().expect("its output was piped");
    let stderr = child.stderr.take().expect("its output was piped");
    let mut group = ProcessGroup::of(child, context.isolation());
    let exited = CancellationToken::new();
    let capture = |port, tail_bytes| Capture { context, port, tail_bytes, exited: &exited };
    let wait = async {
        let ended = group.wait(context.cancelled(), params.grace.0).await;
        exited.cancel();
        ended
    };
    let (ended, stdout, stderr, ()) = tokio::try_join!(
        wait,
        capture("stdout", params.stdout_tail_bytes()).run(stdout),
        capture("stderr", capture::TAIL_BYTES).run(stderr),
        feed(stdin, params.stdin.as_deref(), &exited),
    )?;
    Ok((ended, stdout, stderr))
}

/// Writes the standard input. A program may stop reading, or be over, before the end of it.
async fn feed(
    stdin: Option<ChildStdin>,
    text: Option<&str>,
    exited: &CancellationToken,
) -> Result<(), TaskError> {
    let (Some(mut stdin), Some(text)) = (stdin, text) else {
        return Ok(());
    };
    let written = tokio::select! {
        written = stdin.write_all(text.as_bytes()) => written,
        () = exited.cancelled() => Ok(()),
    };
    match written {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(error).or_transient("write its standard input")
        }
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Says how the program ended, with its last words.
fn failure(program: &str, status: ExitStatus, stdout: &Captured, stderr: &Captured) -> TaskError {
    let words = if stderr.tail.trim().is_empty() { stdout } else { stderr }.last_words();
    let words = if words.is_empty() { words } else { format!(", after saying:\n{words}") };
    TaskError::transient(format!("run `{program}`: it ended with {status}{words}"))
}

fn last_line_as_json(stdout: &Captured) -> Result<Value, TaskError> {
    let line = stdout.tail.trim_end().lines().next_back().unwrap_or_default();
    serde_json::from_str(line)
        .or_fatal("read the last line of its standard output as JSON, as `json_output` asks")
}
