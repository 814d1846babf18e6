//! `tidemill backfill show`.

use serde_json::json;
use tidemill_store::{BackfillInterval, BackfillSummary};

use super::{document, find, progress};
use crate::App;
use crate::commands::run::{run_word, shown};
use crate::database::{Database, Version};
use crate::exit::Failure;
use crate::output::table;

/// Shows one backfill with its intervals.
pub(crate) async fn run(app: &App<'_>, id: &str) -> Result<(), Failure> {
    let database = Database::open(app, Version::Current).await?;
    let id = find(&database.store, id).await?;
    let backfill = database.store.backfill(id).await?;
    let intervals = database.store.backfill_intervals(id).await?;
    let mut whole = document(&backfill);
    whole["each"] = intervals
        .iter()
        .map(|one| {
            json!({
                "interval": one.interval,
                "why": one.why,
                "runs": one.why.is_wanted(),
                "run": one.run.as_ref().map(|(run, _)| run),
                "state": one.run.as_ref().map(|(_, state)| run_word(state)),
            })
        })
        .collect();
    app.output.data(&whole, |_| describe(&backfill, &intervals))
}

fn describe(backfill: &BackfillSummary, intervals: &[BackfillInterval]) -> String {
    let rows = intervals.iter().map(|one| {
        let stands = match &one.run {
            Some((_, state)) => run_word(state),
            None if one.why.is_wanted() => "waits",
            None => "left out",
        };
        let run = one.run.as_ref().map(|(run, _)| run.to_string());
        let why = one.why.words().to_owned();
        [one.interval.to_string(), stands.to_owned(), run.unwrap_or_default(), why]
    });
    format!(
        "{}\n{} over {}, {}, {} done, at most {} open, {} first\nasked for {} by {}, hash {}\n\n{}",
        backfill.id,
        backfill.dag,
        backfill.range,
        backfill.state.label(),
        progress(backfill),
        backfill.parallel_runs,
        match backfill.order {
            tidemill_store::BackfillOrder::Asc => "oldest",
            tidemill_store::BackfillOrder::Desc => "newest",
        },
        shown(backfill.created_at),
        backfill.created_by,
        backfill.hash.get(..12).unwrap_or(&backfill.hash),
        table(["interval", "state", "run", "why"], rows)
    )
}
