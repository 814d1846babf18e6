//! `tidemill backfill start`.

use anyhow::anyhow;
use chrono::{Days, NaiveDate};
use serde_json::{Value, json};
use tidemill_dag::load::Dag;
use tidemill_dag::schedule::Zone;
use tidemill_dag::time::{DataInterval, Timestamp};
use tidemill_scheduler::{BackfillPlan, BackfillRequest, MOST_INTERVALS, intervals_between};
use tidemill_store::{NewBackfill, NewDagVersion, Store};

use super::tasks::Tasks;
use crate::App;
use crate::cli::BackfillArguments;
use crate::commands::dag;
use crate::commands::run::{actor, elapsed, params, shown};
use crate::database::{Database, Version};
use crate::exit::{Exit, Failure};
use crate::output::{counted, table};

/// Plans a backfill, and starts it unless only the plan was asked for.
pub(crate) async fn run(app: &App<'_>, arguments: &BackfillArguments) -> Result<(), Failure> {
    let dag = dag::find(app, &arguments.name)?;
    let intervals = intervals(&dag, arguments)?;
    let params = params(&dag, &arguments.params)?;
    let database = Database::open(app, Version::Current).await?;
    let store = &database.store;
    let plan = plan(store, &dag, arguments, intervals).await?;
    if arguments.plan {
        let tasks =
            Tasks::predict(app, store, &dag, &plan, (&params, !arguments.cache.no_cache)).await?;
        let mut whole = document(&dag, &plan);
        tasks.add_to(&mut whole);
        return app.output.data(&whole, |_| format!("{}{}", describe(&plan), tasks.describe()));
    }
    if plan.wanted() == 0 {
        let error = anyhow!("none of the {} runs", counted(plan.intervals.len(), "interval"));
        let hint = "`--plan` tells why; `--reprocess all` runs all".to_owned();
        return Err(Failure::new(Exit::Usage, error).hint(hint));
    }
    let version = NewDagVersion { spec: &dag.spec, hash: &dag.hash, source: &dag.path };
    let new = NewBackfill {
        dag: dag.spec.dag.clone(),
        version: store.put_dag_version(&version).await?,
        order: arguments.order.into(),
        reprocess: arguments.reprocess.into(),
        parallel_runs: arguments.limit,
        weight: arguments.weight,
        params,
        use_cache: !arguments.cache.no_cache,
        intervals: plan.intervals.iter().map(|one| (one.interval, one.why)).collect(),
        actor: actor(),
    };
    let id = store.start_backfill(&new).await?;
    let mut whole = document(&dag, &plan);
    whole["backfill"] = json!(id);
    app.output.data(&whole, |_| format!("{id}\n{}", summary(&plan)))?;
    app.output.say("a scheduler opens its runs: `tidemill scheduler` or `tidemill up`");
    Ok(())
}

async fn plan(
    store: &Store,
    dag: &Dag,
    arguments: &BackfillArguments,
    intervals: Vec<DataInterval>,
) -> Result<BackfillPlan, Failure> {
    let (Some(first), Some(last)) = (intervals.first(), intervals.last()) else {
        let error = anyhow!("no interval of `{}` begins in the range", dag.spec.dag);
        let hint = format!("`tidemill dag plan {}` shows its intervals", dag.spec.dag);
        return Err(Failure::new(Exit::Usage, error).hint(hint));
    };
    let range = DataInterval { start: first.start, end: last.end };
    let request = BackfillRequest {
        reprocess: arguments.reprocess.into(),
        hash: &dag.hash,
        parallel_runs: arguments.limit,
        now: store.now().await?,
    };
    let last_runs = store.last_runs(&dag.spec.dag, range).await?;
    let duration = store.run_quantiles(&dag.spec.dag).await?;
    Ok(BackfillPlan::new(&request, intervals, &last_runs, duration))
}

fn intervals(dag: &Dag, arguments: &BackfillArguments) -> Result<Vec<DataInterval>, Failure> {
    let zone = dag.spec.schedule.as_ref().map_or(Zone::UTC, |schedule| schedule.timezone);
    let (from, to) = (instant(zone, &arguments.from, 0)?, instant(zone, &arguments.to, 1)?);
    if from >= to {
        let error = anyhow!("`{}` is not before `{}`", arguments.from, arguments.to);
        return Err(Failure::new(Exit::Usage, error)
            .hint("`--from` is the first day, `--to` the last one".to_owned()));
    }
    intervals_between(&dag.spec, from, to).map_err(|error| {
        let hint = format!("start several, of at most {MOST_INTERVALS} intervals each");
        Failure::new(Exit::Usage, error).hint(hint)
    })
}

/// An instant, or a day in the zone; `days_on` is 1 where a day is meant with all that is in it.
fn instant(zone: Zone, text: &str, days_on: u64) -> Result<Timestamp, Failure> {
    if let Ok(instant) = text.parse::<Timestamp>() {
        return Ok(instant);
    }
    let day = text.parse::<NaiveDate>().ok();
    let day = day.and_then(|day| day.checked_add_days(Days::new(days_on)));
    day.map(|day| zone.start_of(day)).ok_or_else(|| {
        let hint = "write a day such as `2026-11-19`, or an instant such as `2026-11-19T06:00:00Z`";
        Failure::new(Exit::Usage, anyhow!("`{text}` is neither a day nor an instant"))
            .hint(hint.to_owned())
    })
}

fn document(dag: &Dag, plan: &BackfillPlan) -> Value {
    let each = plan.intervals.iter().map(|one| {
        json!({
            "interval": one.interval,
            "runs": one.why.is_wanted(),
            "why": one.why,
            "last_run": one.last,
            "predicted_ms": plan.duration.filter(|_| one.why.is_wanted()).map(|duration| {
                json!({ "p50": duration.p50.0.as_millis(), "p90": duration.p90.0.as_millis() })
            }),
        })
    });
    json!({
        "dag": dag.spec.dag,
        "hash": dag.hash,
        "intervals": plan.intervals.len(),
        "runs": plan.wanted(),
        "finish": plan.finish.map(|(p50, p90)| json!({ "p50": p50, "p90": p90 })),
        "each": each.collect::<Vec<_>>(),
    })
}

fn describe(plan: &BackfillPlan) -> String {
    let milliseconds = |lapse: tidemill_dag::time::Lapse| {
        elapsed(i64::try_from(lapse.0.as_millis()).unwrap_or(i64::MAX))
    };
    let rows = plan.intervals.iter().map(|one| {
        let duration = plan.duration.filter(|_| one.why.is_wanted());
        let [p50, p90] = match duration {
            Some(duration) => [milliseconds(duration.p50), milliseconds(duration.p90)],
            None => [String::new(), String::new()],
        };
        let runs = if one.why.is_wanted() { "yes" } else { "no" };
        [one.interval.to_string(), runs.to_owned(), one.why.words().to_owned(), p50, p90]
    });
    format!("{}\n\n{}", table(["interval", "runs", "why", "p50", "p90"], rows), summary(plan))
}

fn summary(plan: &BackfillPlan) -> String {
    let count = format!("{} of {}", plan.wanted(), counted(plan.intervals.len(), "interval"));
    match plan.finish {
        Some((p50, p90)) => {
            format!("{count} run, over by {} (p50) or {} (p90)", shown(p50), shown(p90))
        }
        None => format!("{count} run; no run succeeded yet to tell how long that takes"),
    }
}
