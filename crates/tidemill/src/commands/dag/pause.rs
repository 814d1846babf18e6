//! `tidemill dag pause` and `dag unpause`.

use serde_json::json;
use tidemill_dag::names::DagName;
use tidemill_dag::problem::suggest;
use tidemill_store::{Store, StoreError};

use crate::App;
use crate::commands::run::actor;
use crate::database::{Database, Version, block_on};
use crate::exit::{Exit, Failure};

/// Holds the schedule of a workflow, or lets it go on.
pub(crate) fn run(app: &App<'_>, name: &str, is_paused: bool) -> Result<(), Failure> {
    let dag = DagName::new(name).map_err(|error| Failure::new(Exit::Usage, error))?;
    block_on(async {
        let database = Database::open(app, Version::Current).await?;
        let store = &database.store;
        let changed = if is_paused {
            store.pause_dag(&dag, &actor()).await
        } else {
            store.unpause_dag(&dag, &actor()).await
        };
        let changed = match changed {
            Err(error @ StoreError::UnknownDag { .. }) => {
                return Err(unknown(store, name, error).await);
            }
            other => other?,
        };
        let document = json!({ "dag": dag, "is_paused": is_paused, "changed": changed });
        app.output.data(&document, |_| {
            let already = if changed { "" } else { " already" };
            let stands = if is_paused { "paused" } else { "not paused" };
            format!("`{dag}` is{already} {stands}")
        })?;
        if is_paused && changed {
            app.output.say("its ticks wait; runs that are open go on");
        }
        Ok(())
    })
}

/// The schedulers load DAGs: the store knows those of them only, and those that were run.
async fn unknown(store: &Store, name: &str, error: StoreError) -> Failure {
    let dags = store.dags().await.unwrap_or_default();
    let names: Vec<&str> = dags.iter().map(|dag| dag.name.as_str()).collect();
    let near = suggest(name, "DAGs in the database", names.iter().copied());
    let hint = if dags.is_empty() {
        Some("the database has no DAGs yet: `tidemill scheduler` loads them".to_owned())
    } else {
        near
    };
    Failure::new(Exit::NotFound, error).hint(hint)
}
