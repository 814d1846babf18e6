//! `tidemill run cancel`.

use tidemill_store::{RunDetail, TaskDetail};

use super::show::find;
use crate::App;
use crate::database::{Database, Version};
use crate::exit::{Exit, Failure};

/// Stops a run, or one task of it with all below.
pub(crate) async fn run(app: &App<'_>, id: &str, task: Option<&str>) -> Result<(), Failure> {
    let database = Database::open(app, Version::Current).await?;
    let detail = find(&database.store, id).await?;
    let run = detail.run.id;
    let actor = actor();
    let is_changed = match task {
        None => database.store.cancel_run(run, &actor).await?,
        Some(task) => {
            let task = task_named(&detail, task)?;
            database.store.cancel_task(run, task.id, &actor).await?
        }
    };
    if !is_changed {
        app.output.say("nothing to stop: it is over, or is being stopped");
    }
    app.output.data(&serde_json::json!({ "run": run, "changed": is_changed }), |_| run.to_string())
}

/// The task of this name.
pub(super) fn task_named<'a>(detail: &'a RunDetail, name: &str) -> Result<&'a TaskDetail, Failure> {
    detail.tasks.iter().find(|task| task.path.to_string() == name).ok_or_else(|| {
        let names = detail.tasks.iter().map(|task| task.path.to_string()).collect::<Vec<_>>();
        let hint = tidemill_dag::problem::suggest(name, "tasks", names.iter().map(String::as_str));
        let error = anyhow::anyhow!("find the task `{name}` in {}", detail.run.id);
        Failure::new(Exit::NotFound, error).hint(hint)
    })
}

/// Who stops it, for the audit.
pub(crate) fn actor() -> String {
    let name = std::env::var_os("USER").and_then(|name| name.into_string().ok());
    name.unwrap_or_else(|| "command line".to_owned())
}
