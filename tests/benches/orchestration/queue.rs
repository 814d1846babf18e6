//! O5: the queue alone: tasks claimed and ended in batches, and one by one, without and with history.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use tidemill_benchkit::{Figure, Goal, Options, Report};
use tidemill_dag::advance::Verdict;
use tidemill_dag::ids::WorkerId;
use tidemill_dag::names::DagName;
use tidemill_dag::time::{DataInterval, Lapse};
use tidemill_store::{
    Claim, ClaimRequest, Clock, Exit, Finish, FrozenClock, Mandate, NewRun, NewWorker, Store,
};

use crate::stage::{Stage, timed};

/// Tasks of one run; a run is locked as a whole while its ends are written.
const TASKS_A_RUN: usize = 200;
const ONE_BY_ONE: usize = 1_000;
const BATCH: u32 = 200;
/// Claimers side by side: one more than cores, so that one waits for the disk while others compute.
const CLAIMERS: usize = 3;
/// The months before this one over which history is spread.
const MONTHS: u32 = 12;
/// The tasks of the definition, and how many times as many are history beside them: a million in all; and a quarter for a quick answer.
const WHOLE: (usize, usize) = (200_000, 4);
const QUICK: (usize, usize) = (50_000, 4);

/// Runs the queue empty in batches and one by one, and both again with history.
pub(crate) async fn measure(stage: &Stage, options: &Options, report: &mut Report) -> Result<()> {
    let (batched, copies) = if options.is_quick { QUICK } else { WHOLE };
    let mut text = "dag: o5
tasks:
"
    .to_owned();
    for task in 0..TASKS_A_RUN {
        writeln!(text, "  t{task}: {{ uses: noop }}")?;
    }
    let dag = stage.put(&text).await?;
    let mut goals = [Goal::AtLeast(8000.0), Goal::AtLeast(0.0)];
    for history in
        ["empty history".to_owned(), format!("{} rows of history", batched * (copies + 1))]
    {
        if history != "empty history" {
            fill_history(stage, &dag, batched * copies).await?;
        }
        let kinds = [
            (format!("{batched} tasks in batches of {BATCH}, {history}"), batched, BATCH),
            (format!("{ONE_BY_ONE} tasks one by one, {history}"), ONE_BY_ONE, 1),
        ];
        for ((case, tasks, batch), goal) in kinds.into_iter().zip(&mut goals) {
            let rate = rate(stage, &dag, tasks, batch).await;
            let mut figure = Figure::new("O5", case, "tasks/s");
            if *goal != Goal::AtLeast(0.0) {
                figure = figure.goal(*goal);
            }
            let spread = report.add(&figure, rate.map(|rate| vec![rate]))?;
            // With history it may be a tenth slower.
            *goal = Goal::AtLeast(spread.map_or(0.0, |spread| 0.9 * spread.median));
        }
    }
    Ok(())
}

/// Tasks a second, from the first claim to the last end.
async fn rate(stage: &Stage, dag: &DagName, tasks: usize, batch: u32) -> Result<f64> {
    for _ in 0..tasks / TASKS_A_RUN {
        stage.open(dag).await?;
    }
    let (ended, wall) = timed(drain(&stage.store, batch)).await?;
    ensure!(ended == tasks, "{ended} tasks ended, not {tasks}");
    let wrong = "SELECT count(*) FROM task_runs t JOIN dag_runs r ON r.id = t.run_id
                 WHERE r.dag = 'o5' AND (t.outcome IS DISTINCT FROM 'succeeded' OR t.attempt <> 1)";
    let rows = stage.cluster.query("tidemill", wrong)?;
    let wrong = rows.first().and_then(|row| row.first().cloned().flatten());
    let wrong = wrong.context("the server counts")?;
    ensure!(wrong == "0", "{wrong} tasks did not succeed in one attempt");
    Ok(ended as f64 / wall.as_secs_f64())
}

/// Runs and ends tasks in each of the months before this one: history as it comes about, in the partitions where it lies.
async fn fill_history(stage: &Stage, dag: &DagName, tasks: usize) -> Result<()> {
    let now = stage.store.now().await?;
    for month in 1..=MONTHS {
        let then = now - Lapse::seconds(u64::from(month) * 30 * 86_400).delta();
        let clock = Clock::Frozen(FrozenClock::at(then));
        let store = Store::connect(stage.options.clone().with_clock(clock)).await?;
        store.open_months(Mandate::Person).await?;
        for _ in 0..tasks / TASKS_A_RUN / usize::try_from(MONTHS)? {
            let interval = DataInterval { start: then, end: then };
            store.open_run(&NewRun::manual(dag.clone(), interval)).await?;
        }
        drain(&store, BATCH).await?;
        store.close().await;
    }
    Ok(())
}

async fn drain(store: &Store, batch: u32) -> anyhow::Result<usize> {
    let mut claimers = tokio::task::JoinSet::new();
    for _ in 0..CLAIMERS {
        let store = store.clone();
        claimers.spawn(async move {
            let worker = WorkerId::generate();
            let pools = vec!["default".parse()?];
            let new = NewWorker {
                id: worker,
                name: "o5".into(),
                host: "here".into(),
                pid: 1,
                pools,
                slots: 10_000,
            };
            store.put_worker(&new).await?;
            let mut ended = 0;
            loop {
                let request = ClaimRequest {
                    worker,
                    pool: "default".parse()?,
                    limit: batch,
                    free_slots: batch,
                    total_slots: 10_000,
                    lease: Lapse::seconds(60),
                };
                let claims = store.claim(&request).await?;
                if claims.is_empty() {
                    return anyhow::Ok(ended);
                }
                ended += claims.len();
                finish(&store, claims).await?;
            }
        });
    }
    let mut ended = 0;
    while let Some(joined) = claimers.join_next().await {
        ended += joined??;
    }
    Ok(ended)
}

async fn finish(store: &Store, claims: Vec<Claim>) -> anyhow::Result<()> {
    let mut by_run: BTreeMap<_, Vec<Finish>> = BTreeMap::new();
    for claim in claims {
        let verdict = Verdict::Succeeded { output: Arc::new(serde_json::Value::Null) };
        let (run, task, attempt) = (claim.run, claim.task, claim.attempt);
        let finish = Finish {
            run,
            task,
            attempt,
            verdict,
            exit: Exit::default(),
            artifacts: Vec::new(),
            cache: None,
        };
        by_run.entry(run).or_default().push(finish);
    }
    for (run, ends) in by_run {
        let refused = store.finish_all(run, &ends).await?;
        ensure!(refused.is_empty(), "ends were refused");
    }
    Ok(())
}
