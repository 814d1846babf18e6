//! All connections of the drill's processes are ended by the server, several times within one run.

use std::time::Duration;

use crate::drill::fault::{Blow, Fault, Recovery, Strike, Struck};
use crate::drill::scene::Scene;
use crate::drill::workflow::Size;

/// How often.
const TIMES: usize = 4;
/// The longest time between two.
const APART_MS: u64 = 900;

pub(super) const FAULT: Fault = Fault {
    name: "connections_ended",
    about: "the server ends all connections of the drill's processes, four times",
    is_felt_by_others: false,
    strike: |scene| -> Strike<'_> { Box::pin(strike(scene)) },
};

async fn strike(scene: &mut Scene) -> anyhow::Result<Struck> {
    scene.open_run(Size { big: 2, bodies: 22, naps: 4 }).await?;
    let started = [scene.scheduler(&[])?, scene.worker(&[])?, scene.worker(&[])?];
    let (mut ended, mut blows) = (0, Vec::new());
    for _ in 0..TIMES {
        let hit = scene.busy(None, 1).await?;
        ended += scene.schema.end_connections().await?;
        let at = scene.until("the database answers", async || Ok(Some(scene.schema.now().await?)));
        blows.push(Blow { at: at.await?, hit });
        let apart = Duration::from_millis(200 + scene.chance.below(APART_MS));
        scene.pass(apart).await;
    }
    scene.processes.extend(started);
    let what = format!("ended {ended} connections, {TIMES} times");
    Ok(Struck::Done { what, recovery: Recovery::OfTasks(blows) })
}
