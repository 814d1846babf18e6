//! O7: a backfill of 365 days beside a schedule: how long, how late the schedule, how soon it is gone when it is cancelled.
//!
//! Ideal is the time of all tasks that ran meanwhile, those of the schedule too, over the slots. The limit of open runs is the number
//! of slots and each run is a chain, so only a scheduler that never leaves a slot empty could reach it.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use tidemill_benchkit::{Figure, Goal, Options, Report};
use tidemill_dag::ids::BackfillId;
use tidemill_store::BackfillState;

use crate::gate::milliseconds;
use crate::peer::Tree;
use crate::site::{Role, Site};
use crate::stage::{Stage, looks};

const DAYS: u32 = 365;
const TASKS: u32 = 8;
/// Open runs of the backfill, and slots.
const LIMIT: u32 = 8;
/// How long a task takes: the whole takes three minutes, so that three ticks of the schedule fall into it; or little more than one.
const TASK_MS: u32 = 500;
const QUICK_TASK_MS: u32 = 200;
/// How long anything here may take.
const DEADLINE: Duration = Duration::from_mins(15);

pub(crate) async fn measure(stage: &Stage, options: &Options, report: &mut Report) -> Result<()> {
    let task_ms = if options.is_quick { QUICK_TASK_MS } else { TASK_MS };
    let filled = fill(stage, task_ms).await;
    let each = |value: fn(&Filled) -> Vec<f64>| match &filled {
        Ok(filled) => Ok(value(filled)),
        Err(error) => Err(anyhow::anyhow!("{error:#}")),
    };
    let name = format!("backfill of {DAYS} x {TASKS} tasks of {task_ms} ms, limit {LIMIT}");
    let figure = Figure::new("O7", format!("{name}: makespan"), "s");
    report.add(&figure, each(|filled| vec![filled.makespan_s]))?;
    let figure = Figure::new("O7", format!("{name}: makespan over ideal"), "x");
    let ratio = each(|filled| vec![filled.makespan_s / filled.ideal_s]);
    report.add(&figure.goal(Goal::AtMost(1.15)), ratio)?;
    let case = format!("{name}: delay of a scheduled run beside it");
    report.add(&Figure::new("O7", &case, "ms"), each(|filled| filled.delays_ms.clone()))?;
    // No scheduled run waits longer than a task, so the worst one is judged.
    let figure = Figure::new("O7", format!("{case}, the worst"), "ms");
    let worst = |filled: &Filled| vec![filled.delays_ms.iter().copied().fold(0.0, f64::max)];
    report.add(&figure.goal(Goal::AtMost(f64::from(task_ms))), each(worst))?;

    let mut latencies = Vec::new();
    for _ in 0..options.rounds.unwrap_or(5) {
        latencies.push(cancel(stage, latencies.len()).await);
    }
    let case = format!("backfill with {LIMIT} processes at work: cancelled until the last is gone");
    let figure = Figure::new("O7", case, "ms").goal(Goal::AtMost(2000.0));
    report.add(&figure, latencies.into_iter().collect())?;
    Ok(())
}

struct Filled {
    makespan_s: f64,
    ideal_s: f64,
    delays_ms: Vec<f64>,
}

async fn fill(stage: &Stage, task_ms: u32) -> Result<Filled> {
    let uses = format!("sleep, with: {{ for: \"{task_ms}ms\" }}");
    let minutely = format!(
        "dag: minutely\nschedule: {{ cron: \"* * * * *\", timezone: UTC, missed: none }}\ntasks: {{ only: {{ uses: {uses} }} }}\n"
    );
    let site = Site::new(stage, &[("fill", &daily("fill", TASKS, &uses)), ("minutely", &minutely)])
        .await?;
    let roles = roles(&site)?;
    let backfill = start(&site, "fill", "2025-12-31").await?;
    over(&site, backfill).await?;
    let summary = site.store.backfill(backfill).await?;
    let (from, to) = (summary.created_at, summary.finished_at.unwrap_or(summary.created_at));
    // The schedule's last run may be under way.
    settled(&site).await?;
    for role in roles {
        role.stop().await?;
    }
    ensure!(summary.counts.succeeded == DAYS, "{} of {DAYS} runs", summary.counts.succeeded);
    all_ran_once_within_the_limit(&site)?;
    let during = format!("r.tick BETWEEN '{from}' AND '{to}'");
    let ticks = site.number(&format!("SELECT count(*) FROM dag_runs r WHERE {during}"))?;
    ensure!(ticks >= 1.0, "no tick fell into the backfill");
    let work_ms = (f64::from(DAYS * TASKS) + ticks) * f64::from(task_ms);
    Ok(Filled {
        makespan_s: milliseconds(from, to) / 1000.0,
        ideal_s: work_ms / f64::from(LIMIT) / 1000.0,
        delays_ms: site.numbers(&format!(
            "SELECT 1000 * extract(epoch FROM min(a.started_at) - r.tick)
             FROM dag_runs r JOIN task_runs t ON t.run_id = r.id JOIN attempts a ON a.task_id = t.id
             WHERE {during} GROUP BY r.id"
        ))?,
    })
}

/// A scheduler, and a worker with as many slots as the limit.
fn roles(site: &Site<'_>) -> Result<[Role; 2]> {
    Ok([site.role("scheduler", &[])?, site.role("work", &["--slots", &LIMIT.to_string()])?])
}

fn daily(name: &str, tasks: u32, uses: &str) -> String {
    let chain = crate::stage::chain(name, tasks as usize, uses);
    let schedule =
        "schedule: { cron: \"0 0 * * *\", timezone: UTC, missed: none }\ninterval: 1d\ntasks:";
    chain.replacen("tasks:", schedule, 1)
}

async fn start(site: &Site<'_>, dag: &str, to: &str) -> Result<BackfillId> {
    let limit = LIMIT.to_string();
    let range = ["--from", "2025-01-01", "--to", to, "--limit", &limit];
    let printed = site.run(&[&["backfill", "start", dag], range.as_slice()].concat())?;
    let id = printed.lines().next().unwrap_or_default();
    Ok(site.store.find_backfill(id.trim()).await?)
}

async fn over(site: &Site<'_>, backfill: BackfillId) -> Result<()> {
    until("the backfill ends", || async move {
        Ok(site.store.backfill(backfill).await?.state == BackfillState::Closed)
    })
    .await
}

async fn settled(site: &Site<'_>) -> Result<()> {
    until("all runs end", || async move {
        Ok(site.number("SELECT count(*) FROM dag_runs WHERE state <> 'closed'")? == 0.0)
    })
    .await
}

async fn until<F: Future<Output = Result<bool>>>(what: &str, is: impl Fn() -> F) -> Result<()> {
    let (started, mut looks) = (Instant::now(), looks(Duration::from_millis(20)));
    while !is().await? {
        ensure!(started.elapsed() < DEADLINE, "waited too long: {what}");
        looks.tick().await;
    }
    Ok(())
}

/// Every task succeeded in one attempt, and at no time more runs or tasks were under way than may be.
fn all_ran_once_within_the_limit(site: &Site<'_>) -> Result<()> {
    let wrong = site.number(
        "SELECT count(*) FROM task_runs t WHERE outcome IS DISTINCT FROM 'succeeded' OR attempt <> 1
             OR (SELECT count(*) FROM attempts a WHERE a.task_id = t.id) <> 1",
    )?;
    ensure!(wrong == 0.0, "{wrong} tasks did not succeed in one attempt");
    let most_at_once = |from: &str, to: &str, rows: &str| {
        site.number(&format!(
            "SELECT max(open) FROM (SELECT sum(step) OVER (ORDER BY at, step) AS open FROM (
                 SELECT {from} AS at, 1 AS step FROM {rows} UNION ALL SELECT {to}, -1 FROM {rows}
             ) steps) counts"
        ))
    };
    let runs = most_at_once(
        "created_at",
        "finished_at",
        "(SELECT * FROM dag_runs WHERE backfill_id IS NOT NULL) runs",
    )?;
    ensure!(runs <= f64::from(LIMIT), "{runs} runs of the backfill were open at once");
    let tasks = most_at_once("started_at", "ended_at", "attempts")?;
    ensure!(tasks <= f64::from(LIMIT), "{tasks} tasks ran at once on {LIMIT} slots");
    Ok(())
}

/// Milliseconds from the transaction that cancels a backfill in full flight to the end of its last process.
async fn cancel(stage: &Stage, round: usize) -> Result<f64> {
    let name = format!("long_{round}");
    let uses = "command, with: { argv: [sleep, \"600\"] }";
    let site = Site::new(stage, &[(&name, &daily(&name, TASKS, uses))]).await?;
    let site = &site;
    let [scheduler, worker] = roles(site)?;
    let backfill = start(site, &name, "2025-01-31").await?;
    let sleepers = || Tree::of(worker.pid()).count_of("sleep");
    until("all slots are at work", || async move {
        let running = site.number("SELECT count(*) FROM task_runs WHERE state = 'running'")?;
        Ok(running >= f64::from(LIMIT))
    })
    .await?;
    until("all processes run", || async move { Ok(sleepers() == LIMIT as usize) }).await?;

    site.run(&["backfill", "cancel", &backfill.to_string()])?;
    until("the last process is gone", || async move {
        let live = site.number("SELECT count(*) FROM task_runs WHERE state = 'running'")?;
        Ok(live == 0.0 && sleepers() == 0)
    })
    .await?;
    let gone_at = site.store.now().await?;
    over(site, backfill).await?;

    let audit = site.store.audit(100).await?;
    let asked = audit.iter().find(|entry| entry.action == "cancel_backfill");
    let asked_at = asked.map(|entry| entry.at);
    let asked_at = asked_at.ok_or_else(|| anyhow::anyhow!("nobody noted the cancel"))?;
    let late = format!("SELECT count(*) FROM attempts WHERE started_at > '{asked_at}'");
    ensure!(site.number(&late)? == 0.0, "tasks started after the cancel");
    for role in [scheduler, worker] {
        role.stop().await?;
    }
    Ok(milliseconds(asked_at, gone_at))
}
