//! `tidemill backfill`.

mod change;
mod list;
mod show;
mod start;
mod tasks;

use serde_json::json;
use tidemill_dag::ids::BackfillId;
use tidemill_store::{BackfillSummary, Store, StoreError};

use crate::App;
use crate::cli::BackfillCommand;
use crate::database::block_on;
use crate::exit::{Exit, Failure};

/// Runs a verb of `backfill`.
pub(crate) fn run(app: &App<'_>, command: BackfillCommand) -> Result<(), Failure> {
    block_on(async {
        match command {
            BackfillCommand::Start(arguments) => start::run(app, &arguments).await,
            BackfillCommand::List { dag, limit } => {
                list::run(app, dag.as_deref(), u32::from(limit)).await
            }
            BackfillCommand::Show { id } => show::run(app, &id).await,
            BackfillCommand::Pause { id } => change::run(app, &id, change::Verb::Pause).await,
            BackfillCommand::Resume { id } => change::run(app, &id, change::Verb::Resume).await,
            BackfillCommand::Cancel { id } => change::run(app, &id, change::Verb::Cancel).await,
        }
    })
}

async fn find(store: &Store, text: &str) -> Result<BackfillId, Failure> {
    store.find_backfill(text).await.map_err(|error| match error {
        StoreError::UnknownBackfill { .. } => Failure::new(Exit::NotFound, error)
            .hint("`tidemill backfill list` lists the backfills".to_owned()),
        StoreError::AmbiguousBackfill { .. } => {
            Failure::new(Exit::Usage, error).hint("give more of its id".to_owned())
        }
        other => other.into(),
    })
}

/// A backfill as JSON.
fn document(backfill: &BackfillSummary) -> serde_json::Value {
    json!({
        "backfill": backfill.id,
        "dag": backfill.dag,
        "hash": backfill.hash,
        "range": backfill.range,
        "order": backfill.order,
        "reprocess": backfill.reprocess,
        "limit": backfill.parallel_runs,
        "weight": backfill.weight,
        "params": backfill.params,
        "state": backfill.state,
        "created_by": backfill.created_by,
        "created_at": backfill.created_at,
        "finished_at": backfill.finished_at,
        "intervals": backfill.counts,
    })
}

/// How far a backfill is: `12/30`, with what went wrong.
fn progress(backfill: &BackfillSummary) -> String {
    let counts = backfill.counts;
    let mut text = format!("{}/{}", counts.succeeded, counts.wanted);
    for (count, word) in [(counts.failed, "failed"), (counts.cancelled, "cancelled")] {
        if count > 0 {
            text = format!("{text}, {count} {word}");
        }
    }
    text
}
