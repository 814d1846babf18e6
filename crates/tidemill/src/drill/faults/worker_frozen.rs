//! A worker is stopped by SIGSTOP for ten leases, and then goes on: a zombie. What it says then must count for nothing.

use rustix::process::Signal;

use crate::drill::fault::{Blow, Fault, Recovery, Strike, Struck};
use crate::drill::scene::Scene;
use crate::drill::workflow::Size;

/// How many leases it is stopped for.
const LEASES: u32 = 10;

pub(super) const FAULT: Fault = Fault {
    name: "worker_frozen",
    about: "a worker is stopped for ten leases, then goes on",
    is_felt_by_others: false,
    strike: |scene| -> Strike<'_> { Box::pin(strike(scene)) },
};

async fn strike(scene: &mut Scene) -> anyhow::Result<Struck> {
    scene.open_run(Size { big: 4, bodies: 12, naps: 8 }).await?;
    let scheduler = scene.scheduler(&[])?;
    let mut frozen = scene.worker(&[])?;
    let id = scene.worker_id(&frozen.name).await?;
    scene.busy(Some(id), 2).await?;

    let at = scene.schema.now().await?;
    frozen.signal(Signal::STOP)?;
    let hit = scene.held(Some(id)).await?;
    let other = scene.worker(&[])?;
    scene.pass(scene.pace.lease.0 * LEASES).await;
    frozen.signal(Signal::CONT)?;

    let what = format!("stopped for {LEASES} leases with {} tasks, then went on", hit.len());
    scene.processes.extend([scheduler, frozen, other]);
    Ok(Struck::Done { what, recovery: Recovery::OfTasks(vec![Blow { at, hit }]) })
}
