//! `tidemill backfill list`.

use tidemill_dag::names::DagName;
use tidemill_store::BackfillFilter;

use super::{document, progress};
use crate::App;
use crate::commands::run::shown;
use crate::database::{Database, Version};
use crate::exit::{Exit, Failure};
use crate::output::table;

/// Lists backfills, the latest first.
pub(crate) async fn run(app: &App<'_>, dag: Option<&str>, limit: u32) -> Result<(), Failure> {
    let dag =
        dag.map(DagName::new).transpose().map_err(|error| Failure::new(Exit::Usage, error))?;
    let database = Database::open(app, Version::Current).await?;
    let filter = BackfillFilter { dag, is_live: None, limit };
    let backfills = database.store.backfills(&filter).await?;
    let rows: Vec<_> = backfills.iter().map(document).collect();
    app.output.data(&rows, |_| {
        let rows = backfills.iter().map(|backfill| {
            [
                backfill.id.to_string(),
                backfill.dag.to_string(),
                backfill.range.to_string(),
                backfill.state.label().to_owned(),
                progress(backfill),
                backfill.counts.open.to_string(),
                shown(backfill.created_at),
            ]
        });
        table(["backfill", "dag", "range", "state", "done", "open", "asked for"], rows)
    })?;
    if backfills.is_empty() {
        app.output.say(
            "no backfills yet: start one with `tidemill backfill start NAME --from DAY --to DAY`",
        );
    }
    Ok(())
}
