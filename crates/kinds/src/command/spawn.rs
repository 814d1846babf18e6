//! Starting a program in a process group of its own.

use std::io::{Error, ErrorKind};
use std::path::Path;
use std::process::Stdio;

use tidemill_task::{Isolation, TaskContext, TaskError};
use tokio::process::{Child, Command};

use super::environment::environment;
use super::params::Params;

/// Starts the program, with its output piped: as the leader of a new process group, unless this process with its group
/// is the attempt's alone.
pub(super) fn spawn(context: &TaskContext, params: &Params) -> Result<Child, TaskError> {
    let folder = context.repository().join(params.folder.as_deref().unwrap_or_default());
    let environment = environment(context, &params.env);
    let path = environment.get("PATH").cloned();
    let stdin = if params.stdin.is_some() { Stdio::piped() } else { Stdio::null() };
    let mut command = Command::new(params.program());
    if context.isolation() == Isolation::Inline {
        command.process_group(0);
    }
    command
        .args(params.argv.iter().skip(1))
        .env_clear()
        .envs(environment)
        .current_dir(&folder)
        .stdin(stdin)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| explain(error, params.program(), &folder, path.as_deref()))
}

/// The system says only that something was not found; this says what.
fn explain(error: Error, program: &str, folder: &Path, path: Option<&str>) -> TaskError {
    let attempted = format!("start `{program}`");
    match error.kind() {
        ErrorKind::NotFound | ErrorKind::NotADirectory if !folder.is_dir() => {
            let folder = folder.display();
            TaskError::fatal(format!("{attempted}: there is no folder `{folder}` to run it in"))
        }
        ErrorKind::NotFound if program.contains('/') => {
            TaskError::fatal(format!("{attempted}: there is no such file")).caused_by(error)
        }
        ErrorKind::NotFound => {
            let searched = path.map_or("the environment has no `PATH`".to_owned(), |path| {
                format!("it is in no folder of `PATH`, which is `{path}`")
            });
            TaskError::fatal(format!("{attempted}: {searched}")).caused_by(error)
        }
        ErrorKind::PermissionDenied
        | ErrorKind::NotADirectory
        | ErrorKind::ExecutableFileBusy
        | ErrorKind::ArgumentListTooLong
        | ErrorKind::InvalidInput => TaskError::fatal(attempted).caused_by(error),
        // Too many processes, or too little memory, for now.
        _ => TaskError::transient(attempted).caused_by(error),
    }
}
