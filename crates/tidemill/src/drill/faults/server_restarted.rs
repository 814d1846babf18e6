//! The database server quits without an orderly shutdown in the middle of a run, and recovers.

use std::rc::Rc;

use crate::drill::fault::{Blow, Fault, Recovery, Strike, Struck};
use crate::drill::scene::Scene;
use crate::drill::workflow::Size;

pub(super) const FAULT: Fault = Fault {
    name: "server_restarted",
    about: "the private database server quits at once (`-m immediate`) and starts again",
    is_felt_by_others: true,
    strike: |scene| -> Strike<'_> { Box::pin(strike(scene)) },
};

/// What a person can do where the server is not ours.
const BY_HAND: &str = "the server is not tidemill's own; by hand: start a run, `pg_ctl restart -m immediate`, \
                       and see `tidemill run show latest` end well";

async fn strike(scene: &mut Scene) -> anyhow::Result<Struck> {
    if !scene.server.borrow().is_private() {
        return Ok(Struck::Skipped { why: BY_HAND.to_owned() });
    }
    scene.open_run(Size { big: 0, bodies: 18, naps: 4 }).await?;
    let started = [scene.scheduler(&[])?, scene.worker(&[])?, scene.worker(&[])?];
    let begun = 3 + usize::try_from(scene.chance.below(4)).unwrap_or(0);
    scene.begun(begun).await?;
    let hit = scene.busy(None, 2).await?;

    let server = Rc::clone(&scene.server);
    let restarted = tokio::task::block_in_place(|| server.borrow_mut().restart_abruptly());
    if let Err(tidemill_postgres::ClusterError::InUse { .. }) = restarted {
        let why = "another tidemill uses the private server: stop it first".to_owned();
        return Ok(Struck::Skipped { why });
    }
    restarted?;
    let at = scene.until("the database answers", async || Ok(Some(scene.schema.now().await?)));
    let at = at.await?;

    scene.processes.extend(started);
    let what = format!("restarted at once with {} tasks under way", hit.len());
    Ok(Struck::Done { what, recovery: Recovery::OfTasks(vec![Blow { at, hit }]) })
}
