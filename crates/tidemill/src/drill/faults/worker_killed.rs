//! A worker is killed in the middle of its tasks, again and again within one run; another takes its place each time.

use crate::drill::fault::{Blow, Fault, Recovery, Strike, Struck};
use crate::drill::scene::Scene;
use crate::drill::workflow::Size;

/// How often.
const KILLS: usize = 5;

/// A task that was lost this often is left alone: one more loss or two, and it counts as the cause of them.
const SPARED_AFTER: u32 = 3;

pub(super) const FAULT: Fault = Fault {
    name: "worker_killed",
    about: "a worker is killed (SIGKILL) in its tasks, five times within one run",
    is_felt_by_others: false,
    strike: |scene| -> Strike<'_> { Box::pin(strike(scene)) },
};

async fn strike(scene: &mut Scene) -> anyhow::Result<Struck> {
    scene.open_run(Size { big: 3, bodies: 32, naps: 6 }).await?;
    let scheduler = scene.scheduler(&[])?;
    let mut workers = vec![scene.worker(&[])?, scene.worker(&[])?];
    let mut blows = Vec::new();
    for _ in 0..KILLS {
        let next = usize::try_from(scene.chance.below(2)).unwrap_or(0);
        let mut victim = workers.swap_remove(next);
        let id = scene.worker_id(&victim.name).await?;
        scene
            .until("the worker is in the middle of a task", async || {
                let held = scene.under_way(Some(id)).await?;
                let may_be_hit = held.iter().all(|one| one.losses < SPARED_AFTER);
                let is_at_work = held.iter().any(|one| one.is_at_work);
                Ok((is_at_work && may_be_hit).then_some(()))
            })
            .await?;
        victim.kill()?;
        let at = scene.schema.now().await?;
        let hit = scene.held(Some(id)).await?;
        blows.push(Blow { at, hit });
        workers.push(scene.worker(&[])?);
    }
    let hit: usize = blows.iter().map(|blow| blow.hit.len()).sum();
    scene.processes.push(scheduler);
    scene.processes.append(&mut workers);
    let what = format!("killed {KILLS} times, with {hit} tasks");
    Ok(Struck::Done { what, recovery: Recovery::OfTasks(blows) })
}
