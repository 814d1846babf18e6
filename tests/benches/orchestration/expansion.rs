//! A task that asks for 500 children: the one transaction in which they become tasks.

use std::time::Instant;

use anyhow::{Context, Result, ensure};
use serde_json::json;
use tidemill_benchkit::{Figure, Goal, Options, Report};
use tidemill_dag::advance::Verdict;
use tidemill_dag::ids::WorkerId;
use tidemill_dag::names::DagName;
use tidemill_dag::state::{Child, OnChildFailure};
use tidemill_dag::time::Lapse;
use tidemill_store::{Claim, ClaimRequest, Finish, NewWorker};

use crate::stage::Stage;

const CHILDREN: u32 = 500;

pub(crate) async fn measure(stage: &Stage, options: &Options, report: &mut Report) -> Result<()> {
    let dag =
        stage.put("{ dag: expansion, tasks: { only: { uses: noop, pool: expansion } } }").await?;
    stage.store.put_pool(&"expansion".parse()?, 1_000_000, "").await?;
    let worker = register(stage).await?;
    let mut samples = Vec::new();
    for _ in 0..options.rounds.unwrap_or(20) {
        samples.push(expand(stage, &dag, worker).await);
    }
    let case = format!("{CHILDREN} children in one transaction");
    let figure = Figure::new("expansion", case, "ms").goal(Goal::AtMost(100.0));
    report.add(&figure, samples.into_iter().collect())?;
    Ok(())
}

async fn register(stage: &Stage) -> Result<WorkerId> {
    let id = WorkerId::generate();
    let new = NewWorker {
        id,
        name: "expansion".into(),
        host: "here".into(),
        pid: 1,
        pools: vec!["expansion".parse()?],
        slots: 1_000_000,
    };
    stage.store.put_worker(&new).await?;
    Ok(id)
}

/// Milliseconds from the call to the commit, lock, plan and messages in between.
async fn expand(stage: &Stage, dag: &DagName, worker: WorkerId) -> Result<f64> {
    let run = stage.open(dag).await?;
    let request = ClaimRequest {
        worker,
        pool: "expansion".parse()?,
        limit: 1,
        free_slots: 1,
        total_slots: 1_000_000,
        lease: Lapse::seconds(60),
    };
    let claims = stage.store.claim(&request).await?;
    let claim = claims.into_iter().find(|claim| claim.run == run).context("the task is ready")?;
    let finish = end(&claim);

    let started = Instant::now();
    stage.store.finish(finish).await?;
    let wall = started.elapsed();

    let total = stage.store.run(run).await?.run.tasks.total;
    ensure!(total == CHILDREN + 1, "{total} tasks instead of {}", CHILDREN + 1);
    stage.store.cancel_run(run, "benchmark").await?;
    Ok(wall.as_secs_f64() * 1000.0)
}

fn end(claim: &Claim) -> Finish {
    let child = |number: u32| Child {
        label: number.to_string().into(),
        kind: claim.kind.clone(),
        with: Some(json!({ "output": { "number": number } })),
        item: None,
        slots: None,
    };
    let verdict = Verdict::Expanded {
        children: (0..CHILDREN).map(child).collect(),
        state: json!({ "asked": CHILDREN }),
        on_child_failure: OnChildFailure::Fail,
    };
    Finish::new(claim.held(), verdict)
}
