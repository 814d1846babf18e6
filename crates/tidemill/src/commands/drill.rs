//! `tidemill drill`: faults, put on processes of its own, and what became of the runs.

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow};
use serde_json::json;
use tidemill_dag::problem::suggest;
use tidemill_dag::time::Lapse;
use tidemill_scheduler::Shutdown;
use tidemill_store::{Store, StoreError};
use tokio::sync::Mutex;

use super::work::stop_on_signals;
use crate::App;
use crate::cli::DrillArguments;
use crate::database::{Database, Version, block_on};
use crate::drill::{
    Drill, FAULTS, Fault, Finding, Leftover, Pace, counts_as_failed, find_leftovers,
    remove_leftover,
};
use crate::exit::{Exit, Failure};
use crate::output::{counted, table};

/// The shortest lease that a busy machine renews in time.
const SHORTEST_LEASE: Lapse = Lapse::seconds(1);

/// Runs the drill, or what was asked for instead of it.
pub(crate) fn run(app: &App<'_>, arguments: &DrillArguments) -> Result<(), Failure> {
    if arguments.list {
        return list(app);
    }
    let faults = chosen(&arguments.only)?;
    if arguments.lease < SHORTEST_LEASE {
        let error = anyhow!("a lease of {} is too short to be renewed in time", arguments.lease);
        return Err(Failure::new(Exit::Usage, error)
            .hint(format!("give {SHORTEST_LEASE} or more with `--lease`")));
    }
    block_on(async {
        let database = Database::open(app, Version::Any).await?;
        let folder = folder(app)?;
        if arguments.clean {
            return clean(app, &database.store, &folder).await;
        }
        tell_leftovers(app, &database.store, &folder).await?;
        rehearse(app, arguments, database, &faults).await
    })
}

fn list(app: &App<'_>) -> Result<(), Failure> {
    let rows: Vec<_> =
        FAULTS.iter().map(|fault| json!({ "fault": fault.name, "about": fault.about })).collect();
    app.output.data(&rows, |_| {
        let rows = FAULTS.iter().map(|fault| [fault.name.to_owned(), fault.about.to_owned()]);
        table(["fault", "what is done"], rows)
    })
}

/// The faults that were asked for, in the order of the list.
fn chosen(only: &[String]) -> Result<Vec<&'static Fault>, Failure> {
    let names = || FAULTS.iter().map(|fault| fault.name);
    if let Some(unknown) = only.iter().find(|name| !names().any(|known| known == name.as_str())) {
        let hint = suggest(unknown, "faults", names());
        return Err(Failure::new(Exit::Usage, anyhow!("there is no fault `{unknown}`")).hint(hint));
    }
    let is_wanted = |fault: &&Fault| only.is_empty() || only.iter().any(|name| name == fault.name);
    Ok(FAULTS.iter().filter(is_wanted).collect())
}

/// Where drills keep their files.
fn folder(app: &App<'_>) -> Result<PathBuf, Failure> {
    let folder = app.config.state_folder("drill");
    std::fs::create_dir_all(&folder)
        .and_then(|()| folder.canonicalize())
        .with_context(|| format!("make the folder `{}`", folder.display()))
        .map_err(Failure::from)
}

async fn rehearse(
    app: &App<'_>,
    arguments: &DrillArguments,
    database: Database,
    faults: &[&'static Fault],
) -> Result<(), Failure> {
    let began_at = Instant::now();
    let shutdown = Shutdown::default();
    stop_on_signals(&shutdown)?;
    let seed = arguments.seed.unwrap_or_else(|| u64::from(std::process::id()));
    let pace = Pace { lease: arguments.lease };
    app.output.say(&format!(
        "drill of {} with leases of {}, in schemas and processes of its own (--seed {seed})",
        counted(faults.len(), "fault"),
        pace.lease
    ));
    let drill = Drill {
        options: database.options.clone(),
        store: database.store.clone(),
        server: Rc::new(RefCell::new(database)),
        folder: folder(app)?,
        pace,
        seed,
        preparing: Mutex::default(),
    };
    let tell = |text: &str| {
        app.output.say(&format!("{:>4} s  {text}", began_at.elapsed().as_secs()));
    };
    let findings = drill.run(faults, &tell, shutdown.drain.cancelled()).await;
    let Some(findings) = findings.map_err(with_hint)? else {
        let error = anyhow!("stopped before the end of the drill; nothing is left of it");
        return Err(Failure::new(Exit::Failure, error));
    };
    tell_findings(app, &findings, seed, pace)
}

fn tell_findings(
    app: &App<'_>,
    findings: &[Finding],
    seed: u64,
    pace: Pace,
) -> Result<(), Failure> {
    let lease_ms = u64::try_from(pace.lease.0.as_millis()).unwrap_or(u64::MAX);
    let document = json!({ "seed": seed, "lease_ms": lease_ms, "findings": findings });
    app.output.data(&document, |_| describe(findings))?;
    for finding in findings {
        for note in &finding.notes {
            app.output.say(&format!("{}: {note}", finding.fault));
        }
    }
    let failed = findings.iter().filter(|finding| counts_as_failed(finding)).count();
    if failed == 0 {
        return Ok(());
    }
    let error = anyhow!("{} of {} went wrong", counted(failed, "fault"), findings.len());
    let again = format!("`tidemill drill --seed {seed} --only FAULT` tries one of them again");
    Err(Failure::new(Exit::DrillFailed, error).hint(again))
}

fn describe(findings: &[Finding]) -> String {
    let seconds = |length: Option<u64>| match length.map(Duration::from_millis) {
        Some(length) => format!("{:.1} s", length.as_secs_f64()),
        None => "-".to_owned(),
    };
    let rows = findings.iter().map(|finding| {
        [
            finding.fault.to_owned(),
            finding.done.clone(),
            finding.tasks.to_string(),
            finding.lost.to_string(),
            finding.doubled.to_string(),
            seconds(finding.recovery_ms),
            seconds(finding.bound_ms),
            finding.verdict.label().to_owned(),
        ]
    });
    table(
        ["fault", "what was done", "tasks", "lost", "doubled", "recovery", "bound", "verdict"],
        rows,
    )
}

async fn tell_leftovers(app: &App<'_>, store: &Store, folder: &Path) -> Result<(), Failure> {
    let left = find_leftovers(store, folder).await?;
    if !left.is_empty() {
        let names: Vec<String> = left.iter().map(shown).collect();
        app.output.say(&format!(
            "left by earlier drills: {}\nhint: `tidemill drill --clean` removes what no drill uses",
            names.join(", ")
        ));
    }
    Ok(())
}

async fn clean(app: &App<'_>, store: &Store, folder: &Path) -> Result<(), Failure> {
    let left = find_leftovers(store, folder).await?;
    for one in &left {
        remove_leftover(store, folder, one).await?;
        app.output.say(&format!("removed {}", shown(one)));
    }
    app.output.say(&format!("{} of earlier drills removed", counted(left.len(), "leftover")));
    Ok(())
}

fn shown(leftover: &Leftover) -> String {
    let Leftover { name, age } = leftover;
    age.map_or_else(|| name.clone(), |age| format!("{name} ({} old)", rough(age)))
}

/// A length of time in its largest unit.
fn rough(length: Lapse) -> String {
    let seconds = length.0.as_secs();
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3_600 => format!("{} min", seconds / 60),
        3_600..86_400 => format!("{} h", seconds / 3_600),
        _ => format!("{} days", seconds / 86_400),
    }
}

/// A drill makes schemas, which not every user of a database may.
fn with_hint(error: anyhow::Error) -> Failure {
    match error.downcast::<StoreError>() {
        Ok(error) => error.into(),
        Err(error) => error.into(),
    }
}
