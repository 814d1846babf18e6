//! `tidemill run start`.

use std::collections::BTreeMap;

use anyhow::anyhow;
use chrono::{Datelike, NaiveDate};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::Value;
use tidemill_dag::ids::RunId;
use tidemill_dag::load::Dag;
use tidemill_dag::names::ParamName;
use tidemill_dag::problem::suggest;
use tidemill_dag::schedule::{Stretch, Zone};
use tidemill_dag::state::Outcome;
use tidemill_dag::time::{DataInterval, Timestamp};
use tidemill_scheduler::Shutdown;
use tidemill_store::{NewDagVersion, NewRun, Store, StoreError};
use tidemill_task::{Clock, SystemClock};

use super::show::describe;
use crate::App;
use crate::cli::WorkArguments;
use crate::commands::dag;
use crate::commands::work::{NO_GRACE, WorkerParts, stop_on_signals};
use crate::database::{Database, Version};
use crate::exit::{Exit, Failure};

/// What to run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Request<'a> {
    /// The workflow.
    pub name: &'a str,
    /// An instant or a day inside the interval.
    pub interval: Option<&'a str>,
    /// Parameters as `NAME=VALUE`.
    pub params: &'a [String],
    /// Whether earlier results may stand in for its tasks.
    pub use_cache: bool,
}

/// Starts a run, and carries it out if asked to.
pub(crate) async fn run(app: &App<'_>, request: &Request<'_>, wait: bool) -> Result<(), Failure> {
    let prepared = prepare(app, request)?;
    let database = Database::open(app, Version::Current).await?;
    let run = prepared.open(&database.store).await?;
    finish(app, &database, run, wait).await
}

/// Carries an open run out and shows how it ended, or says how to have it carried out.
pub(crate) async fn finish(
    app: &App<'_>,
    database: &Database,
    run: RunId,
    wait: bool,
) -> Result<(), Failure> {
    if !wait {
        app.output.say("the run waits for a worker: `--wait` carries a run out at once");
        return app.output.data(&serde_json::json!({ "run": run }), |_| run.to_string());
    }
    let outcome = carry_out(app, database, run).await?;
    let detail = database.store.run(run).await?;
    app.output
        .data(&serde_json::json!({ "run": run, "outcome": outcome }), |_| describe(&detail))?;
    match outcome {
        Outcome::Succeeded => Ok(()),
        Outcome::Failed | Outcome::Skipped | Outcome::Cancelled => {
            Err(Failure::told(Exit::RunFailed))
        }
    }
}

/// A run that can be opened: its DAG is without problems, and what was asked for fits it.
#[derive(Debug)]
pub(crate) struct Prepared {
    dag: Dag,
    /// The DAGs that it may trigger.
    named: Vec<Dag>,
    interval: DataInterval,
    params: BTreeMap<ParamName, Value>,
    use_cache: bool,
}

/// Finds the DAG and holds the request against it, before any database is needed.
pub(crate) fn prepare(app: &App<'_>, request: &Request<'_>) -> Result<Prepared, Failure> {
    let (dag, named) = dag::find_with_named(app, request.name)?;
    let interval = interval(&dag, request.interval, SystemClock.now())?;
    let params = params(&dag, request.params)?;
    Ok(Prepared { dag, named, interval, params, use_cache: request.use_cache })
}

impl Prepared {
    /// Pins the DAG's version and opens the run.
    pub(crate) async fn open(self, store: &Store) -> Result<RunId, Failure> {
        let Self { dag, named, interval, params, use_cache } = self;
        // Without a scheduler nobody else tells the store of them.
        for dag in &named {
            if let Err(StoreError::UnknownDag { .. }) = store.dag(&dag.spec.dag).await {
                store.put_dag_version(&version_of(dag)).await?;
            }
        }
        let version = store.put_dag_version(&version_of(&dag)).await?;
        let new = NewRun {
            version: Some(version),
            params,
            use_cache,
            ..NewRun::manual(dag.spec.dag, interval)
        };
        Ok(store.open_run(&new).await?.run)
    }
}

const fn version_of(dag: &Dag) -> NewDagVersion<'_> {
    NewDagVersion { spec: &dag.spec, hash: dag.hash.as_str(), source: dag.path.as_str() }
}

/// Works on the run in this process until it is over.
pub(crate) async fn carry_out(
    app: &App<'_>,
    database: &Database,
    run: RunId,
) -> Result<Outcome, Failure> {
    let name = Some("command line".to_owned());
    let arguments = WorkArguments { name, grace: NO_GRACE, ..WorkArguments::default() };
    let shutdown = Shutdown::default();
    stop_on_signals(&shutdown)?;
    let worker = WorkerParts::of(app, &arguments)?.start(database).await?;
    let bar = bar(app);
    let outcome = worker.work_until_closed(run, shutdown, || bar.tick()).await;
    bar.finish_and_clear();
    outcome.map_err(anyhow::Error::new)?.ok_or_else(|| {
        let hint = format!("`tidemill work` goes on with it; `tidemill run cancel {run}` ends it");
        Failure::new(Exit::Failure, anyhow!("stopped before the end of {run}")).hint(hint)
    })
}

fn bar(app: &App<'_>) -> ProgressBar {
    if !app.output.is_watched() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{spinner} working, {elapsed}")
        .expect("the template is well-formed");
    ProgressBar::new_spinner().with_style(style)
}

/// The interval that a text names, or the last whole one.
pub(crate) fn interval(
    dag: &Dag,
    text: Option<&str>,
    now: Timestamp,
) -> Result<DataInterval, Failure> {
    let schedule = dag.spec.schedule.as_ref();
    let zone = schedule.map_or(Zone::UTC, |schedule| schedule.timezone);
    let stretch = dag.spec.interval;
    let Some(text) = text else {
        let by_schedule =
            schedule.and_then(|schedule| schedule.interval_of(stretch, schedule.last_tick(now)?));
        return Ok(by_schedule
            .unwrap_or_else(|| stretch.unwrap_or(Stretch::DAY).latest_complete(zone, now)));
    };
    let instant = match (text.parse::<Timestamp>(), text.parse::<NaiveDate>()) {
        (Ok(instant), _) => instant,
        (_, Ok(day)) => zone.start_of(day),
        (Err(_), Err(_)) => {
            let hint =
                "write a day such as `2026-11-19`, or an instant such as `2026-11-19T06:00:00Z`"
                    .to_owned();
            return Err(Failure::new(
                Exit::Usage,
                anyhow!("`{text}` is neither a day nor an instant"),
            )
            .hint(hint));
        }
    };
    if !(1970..=2200).contains(&instant.year()) {
        let error = anyhow!("`{text}` is not between the years 1970 and 2200");
        return Err(Failure::new(Exit::Usage, error));
    }
    match (stretch, schedule) {
        (None, Some(schedule)) => {
            let covering =
                schedule.next_tick(instant).and_then(|tick| schedule.interval_of(None, tick));
            covering.ok_or_else(|| {
                Failure::new(Exit::Usage, anyhow!("no run of the schedule covers `{text}`"))
            })
        }
        (stretch, _) => Ok(stretch.unwrap_or(Stretch::DAY).containing(zone, instant)),
    }
}

/// The parameters of the run: those that were given, and defaults for the others.
pub(crate) fn params(dag: &Dag, given: &[String]) -> Result<BTreeMap<ParamName, Value>, Failure> {
    let declared = &dag.spec.params;
    let usage =
        |error: anyhow::Error, hint: Option<String>| Failure::new(Exit::Usage, error).hint(hint);
    let mut params = BTreeMap::new();
    for text in given {
        let Some((name, value)) = text.split_once('=') else {
            return Err(usage(
                anyhow!("`{text}` is not a parameter"),
                Some("write `NAME=VALUE`".to_owned()),
            ));
        };
        let Some((name, spec)) = declared.get_key_value(name) else {
            let hint = suggest(name, "parameters", declared.keys().map(ParamName::as_str));
            return Err(usage(anyhow!("`{}` has no parameter `{name}`", dag.spec.dag), hint));
        };
        let value = spec.read(value).map_err(|fault| usage(anyhow!("`{name}` {fault}"), None))?;
        params.insert(name.clone(), value);
    }
    for (name, spec) in declared {
        match (&spec.default, params.contains_key(name)) {
            (Some(default), false) => drop(params.insert(name.clone(), default.clone())),
            (None, false) => {
                return Err(usage(
                    anyhow!("the parameter `{name}` has no default"),
                    Some(format!("give it with `--param {name}=VALUE`")),
                ));
            }
            (_, true) => {}
        }
    }
    Ok(params)
}
