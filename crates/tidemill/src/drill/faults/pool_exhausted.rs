//! All connections that workers have for claims and reports are taken, for longer than a lease: renewals must not need one.

use tidemill_store::HeldBack;

use crate::drill::fault::{Blow, Fault, Recovery, Strike, Struck};
use crate::drill::scene::Scene;
use crate::drill::workflow::Size;

/// The connections of two workers.
const CONNECTIONS: i64 = 4;

pub(super) const FAULT: Fault = Fault {
    name: "pool_exhausted",
    about: "workers have no connection left, for longer than a lease",
    is_felt_by_others: false,
    strike: |scene| -> Strike<'_> { Box::pin(strike(scene)) },
};

async fn strike(scene: &mut Scene) -> anyhow::Result<Struck> {
    scene.open_run(Size { big: 2, bodies: 22, naps: 4 }).await?;
    let started = [scene.scheduler(&[])?, scene.worker(&[])?, scene.worker(&[])?];
    scene.busy(None, 2).await?;
    scene.begun(4).await?;

    let hold = scene.schema.hold_back(HeldBack::Work).await?;
    // Claims and reports wait, until no worker has a connection left for another.
    scene
        .until("the connections of all workers are taken", async || {
            Ok((scene.schema.waiting_connections().await? >= CONNECTIONS).then_some(()))
        })
        .await?;
    scene.pass(scene.pace.lease.0 * 3 / 2).await;
    let hit = scene.held(None).await?;
    hold.let_go().await?;
    let at = scene.schema.now().await?;

    scene.processes.extend(started);
    let what = "two workers without a connection for a lease and a half".to_owned();
    Ok(Struck::Done { what, recovery: Recovery::OfTasks(vec![Blow { at, hit }]) })
}
