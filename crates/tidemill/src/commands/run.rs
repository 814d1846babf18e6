//! `tidemill run`.

mod cancel;
mod explain;
mod list;
mod logs;
mod rerun;
mod show;
mod start;

use tidemill_dag::state::{RunState, TaskState};
use tidemill_dag::time::Timestamp;

pub(crate) use cancel::actor;
pub(crate) use show::describe;
pub(crate) use start::{Request, carry_out, finish, interval, params, prepare};

use crate::App;
use crate::cli::RunCommand;
use crate::database::block_on;
use crate::exit::Failure;

/// Runs a verb of `run`.
pub(crate) fn run(app: &App<'_>, command: RunCommand) -> Result<(), Failure> {
    block_on(async {
        match command {
            RunCommand::Start { name, interval, params, no_cache, wait } => {
                let interval = interval.as_deref();
                let use_cache = !no_cache;
                let request = Request { name: &name, interval, params: &params, use_cache };
                start::run(app, &request, wait).await
            }
            RunCommand::List { dag, limit } => {
                list::run(app, dag.as_deref(), u32::from(limit)).await
            }
            RunCommand::Rerun(arguments) => rerun::run(app, &arguments).await,
            RunCommand::Show { id, explain } => show::run(app, &id, explain).await,
            RunCommand::Logs { id, task, follow } => {
                let wanted = logs::Wanted { run: &id, task: task.as_deref(), follow };
                logs::run(app, wanted).await
            }
            RunCommand::Cancel { id, task } => cancel::run(app, &id, task.as_deref()).await,
        }
    })
}

/// Where a run stands, in a word.
pub(crate) fn run_word(state: &RunState) -> &'static str {
    match state {
        RunState::Open { cancelling: false } => "open",
        RunState::Open { cancelling: true } => "cancelling",
        RunState::Closed { outcome, .. } => outcome.label(),
    }
}

/// Where a task stands, in a word.
fn task_word(state: &TaskState) -> &'static str {
    state.outcome().map_or(state.label(), tidemill_dag::state::Outcome::label)
}

/// A length of time for people: `35ms`, `1.4s`, `12s`, `3m 10s`, `2h 5m`.
pub(crate) fn elapsed(milliseconds: i64) -> String {
    match milliseconds {
        ..0 => "0s".to_owned(),
        0..1000 => format!("{milliseconds}ms"),
        1000..10_000 => format!("{:.1}s", milliseconds as f64 / 1000.0),
        10_000..60_000 => format!("{}s", milliseconds / 1000),
        60_000..3_600_000 => format!("{}m {}s", milliseconds / 60_000, milliseconds / 1000 % 60),
        _ => format!("{}h {}m", milliseconds / 3_600_000, milliseconds / 60_000 % 60),
    }
}

/// An instant for people, in UTC, to the second.
pub(crate) fn shown(instant: Timestamp) -> String {
    instant.format("%Y-%m-%d %H:%M:%SZ").to_string()
}
