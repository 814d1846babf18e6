//! O5: the queue alone: tasks claimed and ended in batches, and one by one, without and with history.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use tidemill_benchkit::{Figure, Goal, Options, Report};
use tidemill_dag::advance::Verdict;
use tidemill_dag::ids::WorkerId;
use tidemill_dag::names::DagName;
use tidemill_dag::time::Lapse;
use tidemill_store::{Claim, ClaimRequest, Exit, Finish, NewWorker};

use crate::stage::{Stage, timed};

/// Tasks of one run; a run is locked as a whole while its ends are written.
const TASKS_A_RUN: usize = 200;
const ONE_BY_ONE: usize = 1_000;
const BATCH: u32 = 200;
/// Claimers side by side: one more than cores, so that one waits for the disk while others compute.
const CLAIMERS: usize = 3;
/// The tasks of the definition and how often they are copied to be its history of a million rows; and a quarter for a quick answer.
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
            copy_history(stage, copies)?;
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
    let (ended, wall) = timed(drain(stage, batch)).await?;
    ensure!(ended == tasks, "{ended} tasks ended, not {tasks}");
    let wrong = "SELECT count(*) FROM task_runs t JOIN dag_runs r ON r.id = t.run_id
                 WHERE r.dag = 'o5' AND (t.outcome IS DISTINCT FROM 'succeeded' OR t.attempt <> 1)";
    let rows = stage.cluster.query("tidemill", wrong)?;
    let wrong = rows.first().and_then(|row| row.first().cloned().flatten());
    let wrong = wrong.context("the server counts")?;
    ensure!(wrong == "0", "{wrong} tasks did not succeed in one attempt");
    Ok(ended as f64 / wall.as_secs_f64())
}

/// Copies what ran, with other ids: history that nobody has to wait for.
fn copy_history(stage: &Stage, copies: usize) -> Result<()> {
    let other = |column: &str| format!("md5(old.{column}::text || copy)::uuid");
    let tables = [
        ("dag_runs", format!("'id', {}, 'key', old.key || ' copy ' || copy", other("id"))),
        ("task_runs", format!("'id', {}, 'run_id', {}", other("id"), other("run_id"))),
        ("attempts", format!("'task_id', {}", other("task_id"))),
    ];
    for (table, changes) in tables {
        let sql = format!(
            "INSERT INTO {table}
             SELECT new.* FROM {table} old, generate_series(1, {copies}) copy,
                 jsonb_populate_record(old, jsonb_build_object({changes})) new"
        );
        stage.cluster.query("tidemill", &sql)?;
    }
    stage.cluster.query("tidemill", "VACUUM ANALYZE").map(drop)?;
    Ok(())
}

async fn drain(stage: &Stage, batch: u32) -> anyhow::Result<usize> {
    let mut claimers = tokio::task::JoinSet::new();
    for _ in 0..CLAIMERS {
        let store = stage.store.clone();
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

async fn finish(store: &tidemill_store::Store, claims: Vec<Claim>) -> anyhow::Result<()> {
    let mut by_run: BTreeMap<_, Vec<Finish>> = BTreeMap::new();
    for claim in claims {
        let verdict = Verdict::Succeeded { output: Arc::new(serde_json::Value::Null) };
        let (run, task, attempt) = (claim.run, claim.task, claim.attempt);
        let finish =
            Finish { run, task, attempt, verdict, exit: Exit::default(), artifacts: Vec::new() };
        by_run.entry(run).or_default().push(finish);
    }
    for (run, ends) in by_run {
        let refused = store.finish_all(run, &ends).await?;
        ensure!(refused.is_empty(), "ends were refused");
    }
    Ok(())
}
