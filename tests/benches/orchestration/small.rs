//! O2: three trivial steps: cold, in turn, and 200 runs at once.

use anyhow::Result;
use tidemill_benchkit::{Figure, Goal, Options, Report};
use tidemill_dag::names::DagName;

use crate::gate::in_order;
use crate::sequence::walls;
use crate::stage::{Stage, chain, timed, until_closed};

const STEPS: usize = 3;
const AT_ONCE: usize = 200;

pub(crate) async fn measure(stage: &Stage, options: &Options, report: &mut Report) -> Result<()> {
    let dag = stage.put(&chain("o2", STEPS, "noop")).await?;
    let cold = stage.cold(&dag).await.and_then(|run| in_order(&run, STEPS).map(|()| vec![run]));
    report.add(&Figure::new("O2", "3 steps, cold worker", "ms"), walls(&cold))?;

    let runs = stage.rounds(&dag, options.rounds.unwrap_or(100)).await;
    let runs = runs.and_then(|runs| {
        runs.iter().try_for_each(|run| in_order(run, STEPS))?;
        Ok(runs)
    });
    let figure = Figure::new("O2", "3 steps, runs in turn", "ms").goal(Goal::AtMost(25.0));
    report.add(&figure, walls(&runs))?;

    let mut rates = Vec::new();
    for _ in 0..options.rounds.unwrap_or(5) {
        rates.push(at_once(stage, &dag).await);
    }
    let figure = Figure::new("O2", "200 runs of 3 steps at once", "runs/s");
    report.add(&figure.goal(Goal::AtLeast(200.0)), rates.into_iter().collect())?;
    Ok(())
}

/// Runs a second, of all runs together.
async fn at_once(stage: &Stage, dag: &DagName) -> Result<f64> {
    let worker = stage.worker(16).await?;
    let (opened, wall) = timed(async {
        let mut opened = Vec::new();
        for _ in 0..AT_ONCE {
            opened.push(stage.open(dag).await?);
        }
        for run in &opened {
            until_closed(&stage.store, *run).await?;
        }
        Ok(opened)
    })
    .await?;
    worker.stop().await?;
    for run in opened {
        in_order(&stage.closed(run).await?, STEPS)?;
    }
    Ok(AT_ONCE as f64 / wall.as_secs_f64())
}
