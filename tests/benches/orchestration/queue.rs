//! O5: the queue alone: tasks claimed and ended in batches, and one by one.

use std::collections::BTreeMap;
use std::sync::Arc;

use tidemill_dag::advance::Verdict;
use tidemill_dag::ids::WorkerId;
use tidemill_dag::time::Lapse;
use tidemill_store::{Claim, ClaimRequest, Exit, Finish, NewWorker};

use crate::stage::{Stage, timed};

/// Tasks of one run; a run is locked as a whole while its ends are written.
const TASKS_A_RUN: usize = 200;
const BATCHED: usize = 50_000;
const ONE_BY_ONE: usize = 1_000;
const BATCH: u32 = 200;
/// Claimers side by side: one more than cores, so that one waits for the disk while others compute.
const CLAIMERS: usize = 3;

/// Runs the queue empty in batches, again with what it left as history, then one by one.
pub(crate) async fn claims_and_ends(stage: &Stage) -> anyhow::Result<()> {
    let tasks: String = (0..TASKS_A_RUN)
        .map(|task| format!("  t{task}: {{ uses: noop }}\n"))
        .collect::<Vec<_>>()
        .concat();
    let dag = stage.put(&format!("dag: o5\ntasks:\n{tasks}")).await?;
    for case in ["empty history", "with the tasks before as history"] {
        for _ in 0..BATCHED / TASKS_A_RUN {
            stage.open(&dag).await?;
        }
        let (ended, wall) = timed(drain(stage, BATCH)).await?;
        println!(
            "O5 {ended} tasks in batches of {BATCH}, {case}: {:.0} tasks/s; goal: 8000/s",
            ended as f64 / wall.as_secs_f64()
        );
    }
    for _ in 0..ONE_BY_ONE / TASKS_A_RUN {
        stage.open(&dag).await?;
    }
    let (ended, wall) = timed(drain(stage, 1)).await?;
    println!(
        "O5 {ended} tasks one by one: {:.0} tasks/s; goal: -",
        ended as f64 / wall.as_secs_f64()
    );
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
        anyhow::ensure!(refused.is_empty(), "ends were refused");
    }
    Ok(())
}
