//! O6: what one scheduler and four workers cost when there is nothing to do.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use tidemill_benchkit::{Figure, Goal, Options, Report, resident_bytes};

use crate::site::{Role, Site};
use crate::stage::{Stage, looks};

const WORKERS: usize = 4;
/// How long the definition looks, and how long it is looked at for a quick answer.
const WHOLE: Duration = Duration::from_mins(10);
const QUICK: Duration = Duration::from_mins(1);
/// How long the scheduler is looked at alone.
const ALONE: Duration = Duration::from_mins(1);
/// How long processes take to start and to settle; and how long the server may keep its counts to itself.
const SETTLE: Duration = Duration::from_secs(15);

/// A DAG that is due in the next leap year's last minute: the scheduler has something to look after, and nothing to do.
const QUIET: &str = "dag: quiet
schedule: { cron: \"59 23 29 2 *\", timezone: UTC, missed: none }
tasks: { only: { uses: noop } }
";

pub(crate) async fn measure(stage: &Stage, options: &Options, report: &mut Report) -> Result<()> {
    let length = if options.is_quick { QUICK } else { WHOLE };
    let measured = idle(stage, length).await;
    let each = |value: fn(&Idle) -> f64| match &measured {
        Ok(idle) => Ok(vec![value(idle)]),
        Err(error) => Err(anyhow::anyhow!("{error:#}")),
    };
    let seconds = length.as_secs();
    let figure = |case: String, unit| Figure::new("O6", case, unit);
    let case = format!("idle, a scheduler and {WORKERS} workers, {seconds} s: each process");
    report.add(&figure(case, "tx/s").goal(Goal::AtMost(1.0)), each(|idle| idle.of_each))?;
    let case = format!("idle, the scheduler alone, {} s", ALONE.as_secs());
    report.add(&figure(case, "tx/s").goal(Goal::AtMost(1.0)), each(|idle| idle.of_scheduler))?;
    let case =
        format!("idle, {WORKERS} workers, {seconds} s: each worker, less the scheduler alone");
    report.add(&figure(case, "tx/s").goal(Goal::AtMost(1.0)), each(|idle| idle.of_worker))?;
    let case = "at rest, resident memory of a scheduler and a worker".to_owned();
    report.add(&figure(case, "MB").goal(Goal::AtMost(120.0)), each(|idle| idle.resident_mb))?;
    Ok(())
}

struct Idle {
    of_each: f64,
    of_scheduler: f64,
    of_worker: f64,
    resident_mb: f64,
}

async fn idle(stage: &Stage, length: Duration) -> Result<Idle> {
    let site = Site::new(stage, &[("quiet", QUIET)]).await?;
    let mut roles = vec![site.role("scheduler", &[])?];
    pass(SETTLE).await;
    let of_scheduler = transactions_a_second(&site, ALONE).await?;
    for worker in 0..WORKERS {
        roles.push(site.role("work", &["--name", &format!("idle-{worker}")])?);
    }
    pass(SETTLE).await;
    let of_all = transactions_a_second(&site, length).await?;

    roles.iter_mut().try_for_each(Role::expect_alive)?;
    ensure!(site.store.runs(&tidemill_store::RunFilter::default()).await?.is_empty(), "it ran");
    let dags = site.store.dags().await?;
    ensure!(dags.len() == 1, "the scheduler leads, and has read its DAG");
    let workers = site.store.workers().await?.len();
    ensure!(workers == WORKERS, "{workers} workers instead of {WORKERS}");
    let resident = resident_bytes(roles[0].pid()) + resident_bytes(roles[1].pid());
    for role in roles {
        role.stop().await?;
    }
    Ok(Idle {
        of_each: of_all / (WORKERS + 1) as f64,
        of_scheduler,
        of_worker: (of_all - of_scheduler) / WORKERS as f64,
        resident_mb: resident as f64 / 1e6,
    })
}

/// Transactions of the site's database, in which nobody measures. The server counts them when a connection falls idle, and at
/// most ten seconds late; both readings are late in the same way.
async fn transactions_a_second(site: &Site<'_>, length: Duration) -> Result<f64> {
    let (before, started) = (site.transactions()?, Instant::now());
    pass(length).await;
    let (after, passed) = (site.transactions()?, started.elapsed());
    ensure!(after > before, "the server counted nothing");
    Ok((after - before) / passed.as_secs_f64())
}

async fn pass(length: Duration) {
    let mut looks = looks(length);
    looks.tick().await;
    looks.tick().await;
}
