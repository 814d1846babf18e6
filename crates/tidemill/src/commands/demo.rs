//! `tidemill demo`.

use std::path::Path;

use tidemill_dag::state::Outcome;

use super::run::{Request, carry_out, describe, prepare};
use crate::App;
use crate::database::{Database, Version, block_on};
use crate::exit::{Exit, Failure};
use crate::output::print;

/// The workflow that the demo runs.
const DAG: &str = "demo_tides";

/// Runs a small workflow from start to end, and says where to look.
pub(crate) fn run(app: &App<'_>) -> Result<(), Failure> {
    if !app.config.dags.folder.join("demo_tides.yaml").exists() {
        let error = anyhow::anyhow!("no `{DAG}` in {}", app.config.dags.folder.display());
        return Err(Failure::new(Exit::NotFound, error)
            .hint("run the demo in a checkout of tidemill".to_owned()));
    }
    let prepared =
        prepare(app, &Request { name: DAG, interval: None, params: &[], use_cache: true })?;
    block_on(async {
        let database = Database::open(app, Version::Current).await?;
        let file = app.config.dags.folder.join("demo_tides.yaml");
        app.output.say(&format!("running the workflow `{DAG}` ({}) ...", file.display()));
        let run = prepared.open(&database.store).await?;
        let outcome = carry_out(app, &database, run).await?;
        print(&describe(&database.store.run(run).await?))?;
        app.output.say(&where_to_look(&app.config.state, database.folder().as_deref()));
        match outcome {
            Outcome::Succeeded => Ok(()),
            Outcome::Failed | Outcome::Skipped | Outcome::Cancelled => {
                Err(Failure::told(Exit::RunFailed))
            }
        }
    })
}

fn where_to_look(state: &Path, database: Option<&Path>) -> String {
    let database = database.map(|folder| format!("\nThe database lies in {}.", folder.display()));
    format!(
        "
Where to look now:
  tidemill run show latest                 the run above
  tidemill dag show {DAG}             the workflow as a table (--as mermaid, dot, json)
  tidemill dag check                       every mistake in dags/, with its place and a hint
  tidemill run start {DAG} --wait     run it again
  tidemill config show                     what is configured, and where each value comes from
Its state lies in {}.{}",
        state.display(),
        database.unwrap_or_default()
    )
}
