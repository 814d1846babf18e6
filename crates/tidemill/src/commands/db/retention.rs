//! `tidemill db retention`.

use serde_json::{Value, json};
use tidemill_dag::time::Lapse;
use tidemill_scheduler::Tidied;
use tidemill_store::{Mandate, OldMonth, Retention};

use crate::App;
use crate::commands::scheduler::housekeeping;
use crate::database::{Database, Version};
use crate::exit::Failure;
use crate::output::{counted, table};

/// Says what is old, or drops it.
pub(super) async fn run(app: &App<'_>, plan: bool) -> Result<(), Failure> {
    let database = Database::open(app, Version::Current).await?;
    let housekeeping = housekeeping(app, &database.store)?;
    let tidied =
        if plan { housekeeping.plan().await } else { housekeeping.run(Mandate::Person).await };
    let tidied = tidied.map_err(anyhow::Error::new)?;
    let retention = app.config.retention.limits();
    app.output.data(&document(&tidied, !plan), |_| describe(&tidied, &retention))?;
    if plan && !app.config.retention.enabled {
        app.output.say("hint: schedulers drop nothing while `retention.enabled` is false");
    }
    Ok(())
}

fn document(tidied: &Tidied, is_done: bool) -> Value {
    let months = tidied.months.iter().map(|month| {
        json!({
            "month": name(month),
            "is_dropped": month.needed_by == 0,
            "needed_by_runs": month.needed_by,
            "tasks": month.tasks,
            "attempts": month.attempts,
            "artifacts": month.artifacts,
            "size_bytes": month.size_bytes,
        })
    });
    let rows =
        tidied.rows.iter().map(|(old, count)| json!({ "what": old.label(), "count": count }));
    let objects = tidied.objects.iter().map(|(folder, found)| {
        json!({ "below": folder, "seen": found.seen, "count": found.count, "size_bytes": found.size_bytes })
    });
    json!({
        "is_done": is_done,
        "months": months.collect::<Vec<_>>(),
        "rows": rows.collect::<Vec<_>>(),
        "objects": objects.collect::<Vec<_>>(),
    })
}

/// What is old, one line each; nothing of a sort is told, too.
fn describe(tidied: &Tidied, retention: &Retention) -> String {
    let months = tidied.months.iter().map(|month| {
        [
            format!("tasks of {}", name(month)),
            days(retention.tasks),
            if month.needed_by == 0 { month.tasks } else { 0 }.to_string(),
            if month.needed_by == 0 { size(month.size_bytes) } else { String::new() },
            note(month),
        ]
    });
    let rows = tidied.rows.iter().map(|(old, count)| {
        let kept = days(old.kept(retention));
        [old.label().to_owned(), kept, count.to_string(), String::new(), String::new()]
    });
    let objects = tidied.objects.iter().map(|(folder, found)| {
        let kept = days(retention.artifacts);
        let seen = format!("of {} that are stored", found.seen);
        let (count, size) = (found.count.to_string(), size(found.size_bytes));
        [format!("objects below {folder}"), kept, count, size, seen]
    });
    table(["what", "kept for", "count", "size", "note"], months.chain(rows).chain(objects))
}

fn name(month: &OldMonth) -> String {
    month.month.format("%Y-%m").to_string()
}

fn note(month: &OldMonth) -> String {
    match month.needed_by {
        0 => {
            let count =
                |count: u64, noun| counted(usize::try_from(count).unwrap_or(usize::MAX), noun);
            format!(
                "with {}, {}",
                count(month.attempts, "attempt"),
                count(month.artifacts, "artefact")
            )
        }
        1 => "stays: 1 of its runs is open, or ended since".to_owned(),
        runs => format!("stays: {runs} of its runs are open, or ended since"),
    }
}

/// Whole days as days: `90d` says more than `12w6d`.
fn days(kept: Lapse) -> String {
    let seconds = kept.0.as_secs();
    if seconds > 0 && seconds.is_multiple_of(86_400) {
        format!("{}d", seconds / 86_400)
    } else {
        kept.to_string()
    }
}

/// A length for people: `512 B`, `1.5 KiB`, `3.0 GiB`.
fn size(bytes: u64) -> String {
    let mut amount = bytes as f64;
    let mut units = ["B", "KiB", "MiB", "GiB", "TiB"].into_iter().peekable();
    while let Some(unit) = units.next() {
        if amount < 1024.0 || units.peek().is_none() {
            return if unit == "B" { format!("{bytes} B") } else { format!("{amount:.1} {unit}") };
        }
        amount /= 1024.0;
    }
    bytes.to_string()
}
