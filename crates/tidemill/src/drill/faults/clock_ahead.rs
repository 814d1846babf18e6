//! The clocks of a scheduler and a worker are hours ahead of the database's, which is the only one that may count.

use std::time::Duration;

use crate::drill::fault::{Fault, Recovery, Strike, Struck};
use crate::drill::scene::Scene;
use crate::drill::workflow::Size;

/// How far ahead.
const AHEAD: &str = "6h";
/// Less than that, and more than any two machines differ.
const AT_LEAST: Duration = Duration::from_hours(5);

pub(super) const FAULT: Fault = Fault {
    name: "clock_ahead",
    about: "the clocks of a scheduler and of one of two workers are six hours ahead",
    is_felt_by_others: false,
    strike: |scene| -> Strike<'_> { Box::pin(strike(scene)) },
};

async fn strike(scene: &mut Scene) -> anyhow::Result<Struck> {
    scene.open_run(Size { big: 2, bodies: 10, naps: 3 }).await?;
    let ahead = ["--clock-ahead", AHEAD];
    let started = [scene.scheduler(&ahead)?, scene.worker(&ahead)?, scene.worker(&[])?];
    let id = scene.worker_id(&started[1].name).await?;
    // Its id is made of its own time.
    let made = id.as_uuid().get_timestamp().map_or(0, |made| made.to_unix().0);
    let now = u64::try_from(scene.schema.now().await?.timestamp()).unwrap_or(u64::MAX);
    let by = Duration::from_secs(made.saturating_sub(now));
    anyhow::ensure!(by > AT_LEAST, "the worker's clock is only {by:?} ahead");

    scene.processes.extend(started);
    let what = format!("scheduler and worker {AHEAD} ahead of the database");
    Ok(Struck::Done { what, recovery: Recovery::Unnoticed })
}
