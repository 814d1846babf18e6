//! All processes are killed at once, as when a machine goes down, and started again.

use crate::drill::fault::{Blow, Fault, Recovery, Strike, Struck};
use crate::drill::scene::Scene;
use crate::drill::workflow::Size;

pub(super) const FAULT: Fault = Fault {
    name: "tree_killed",
    about: "`tidemill up` is killed with all that it started, and started again",
    is_felt_by_others: false,
    strike: |scene| -> Strike<'_> { Box::pin(strike(scene)) },
};

async fn strike(scene: &mut Scene) -> anyhow::Result<Struck> {
    scene.open_run(Size { big: 3, bodies: 10, naps: 3 }).await?;
    let mut first = scene.everything()?;
    let begun = 2 + usize::try_from(scene.chance.below(4)).unwrap_or(0);
    scene.begun(begun).await?;
    scene.busy(None, 2).await?;

    let killed = first.kill_tree()?;
    let at = scene.schema.now().await?;
    let hit = scene.held(None).await?;
    let second = scene.everything()?;

    let what = format!("killed {killed} processes with {} tasks, started again", hit.len());
    scene.processes.push(second);
    Ok(Struck::Done { what, recovery: Recovery::OfTasks(vec![Blow { at, hit }]) })
}
