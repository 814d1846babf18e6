//! The scheduler is killed halfway through a tick: with locks held, some rows written, and nothing committed.

use tidemill_dag::names::DagName;
use tidemill_dag::time::Lapse;
use tidemill_store::{HeldBack, RunFilter};

use crate::drill::fault::{Fault, Recovery, Strike, Struck};
use crate::drill::scene::Scene;
use crate::drill::workflow::{Size, TICKING_DAG};

/// How many ticks were missed, and wait for the scheduler.
const MISSED: u32 = 4;

/// The time between two.
const MINUTE: Lapse = Lapse::seconds(60);

/// How much each of their runs has to do.
const SIZE: Size = Size { big: 0, bodies: 3, naps: 1 };

pub(super) const FAULT: Fault = Fault {
    name: "scheduler_killed",
    about: "the scheduler is killed halfway through a tick; another takes its place",
    is_felt_by_others: false,
    strike: |scene| -> Strike<'_> { Box::pin(strike(scene)) },
};

async fn strike(scene: &mut Scene) -> anyhow::Result<Struck> {
    scene.write_dag(TICKING_DAG, &scene.plan(SIZE).ticking())?;
    let dag = DagName::new(TICKING_DAG)?;
    let worker = scene.worker(&[])?;
    let mut leader = scene.scheduler(&[])?;
    let hold = scene
        .until("the schedule is known", async || {
            let dags = scene.store.dags().await?;
            if dags.iter().all(|known| known.name != dag) {
                return Ok(None);
            }
            // From here on no tick can be written, whatever the leader tries.
            let hold = scene.schema.hold_back(HeldBack::Ticks).await?;
            let missed = Lapse(MINUTE.0 * MISSED);
            Ok(scene.schema.rewind_ticks(&dag, missed).await?.then_some(hold))
        })
        .await?;
    scene
        .until("the scheduler is halfway through a tick", async || {
            Ok((scene.schema.waiting_connections().await? > 0).then_some(()))
        })
        .await?;
    let at = scene.schema.now().await?;
    leader.kill()?;
    let other = scene.scheduler(&[])?;
    hold.let_go().await?;

    let runs = scene
        .until("the ticks that were missed have runs", async || {
            let ticks = scene.schema.ticks(&dag).await?;
            let runs: Vec<_> = ticks.iter().filter_map(|(_, run)| *run).collect();
            let is_done = runs.len() == ticks.len() && runs.len() >= MISSED as usize;
            Ok(is_done.then_some(runs.len()))
        })
        .await?;
    // No more from here on: what there is can end.
    scene.store.pause_dag(&dag, "drill").await?;
    judge_ticks(scene, &dag).await?;
    let what = format!("killed in a tick, with {runs} runs to open");
    scene.processes.extend([worker, other]);
    Ok(Struck::Done { what, recovery: Recovery::NextRun(at) })
}

/// Every minute has its tick, and every tick its one run.
async fn judge_ticks(scene: &mut Scene, dag: &DagName) -> anyhow::Result<()> {
    let ticks = scene.schema.ticks(dag).await?;
    for pair in ticks.windows(2) {
        let mut next = pair[0].0 + MINUTE.delta();
        while next < pair[1].0 {
            scene.lost.push(format!("the tick of {next}"));
            next += MINUTE.delta();
        }
    }
    let filter = RunFilter { dag: Some(dag.clone()), ..RunFilter::default() };
    for run in scene.store.runs(&filter).await? {
        if !ticks.iter().any(|(_, of)| *of == Some(run.id)) {
            scene.doubled.push(format!("the run {}, which is of no tick", run.id));
        }
        scene.runs.push((run.id, SIZE));
    }
    Ok(())
}
