//! O5: the queue alone: tasks claimed and ended in batches, and one by one.

use std::collections::BTreeMap;
use std::sync::Arc;

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
const BATCHED: usize = 200_000;
const ONE_BY_ONE: usize = 1_000;
const HISTORY: usize = 1_000_000;
/// The months before this one over which history is spread.
const MONTHS: u64 = 12;
const BATCH: u32 = 200;
/// Claimers side by side: one more than cores, so that one waits for the disk while others compute.
const CLAIMERS: usize = 3;

/// Runs the queue empty in batches and one by one, without history and with it.
pub(crate) async fn claims_and_ends(stage: &Stage) -> anyhow::Result<()> {
    let tasks: String = (0..TASKS_A_RUN)
        .map(|task| format!("  t{task}: {{ uses: noop }}\n"))
        .collect::<Vec<_>>()
        .concat();
    let dag = stage.put(&format!("dag: o5\ntasks:\n{tasks}")).await?;
    measure(stage, &dag, "no history").await?;
    fill_history(stage, &dag, HISTORY - BATCHED).await?;
    measure(stage, &dag, "a history of 1,000,000").await
}

async fn measure(stage: &Stage, dag: &DagName, case: &str) -> anyhow::Result<()> {
    for (tasks, batch) in [(BATCHED, BATCH), (ONE_BY_ONE, 1)] {
        for _ in 0..tasks / TASKS_A_RUN {
            stage.open(dag).await?;
        }
        let (ended, wall) = timed(drain(&stage.store, batch)).await?;
        anyhow::ensure!(ended == tasks, "{ended} of {tasks} tasks ended");
        let goal = if batch > 1 { "8000/s" } else { "-" };
        println!(
            "O5 {ended} tasks, {batch} at once, {case}: {:.0} tasks/s; goal: {goal}",
            ended as f64 / wall.as_secs_f64()
        );
    }
    Ok(())
}

/// Carries out tasks of earlier months, so that history lies where it would.
async fn fill_history(stage: &Stage, dag: &DagName, tasks: usize) -> anyhow::Result<()> {
    let now = stage.store.now().await?;
    for month in 1..=MONTHS {
        let then = now - Lapse::seconds(month * 30 * 86_400).delta();
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
        anyhow::ensure!(refused.is_empty(), "ends were refused");
    }
    Ok(())
}
