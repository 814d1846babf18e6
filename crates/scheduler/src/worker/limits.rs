//! The timeouts of a running attempt.

use std::convert::Infallible;
use std::future::pending;

use tidemill_dag::spec::Timeouts;
use tidemill_dag::time::Lapse;
use tidemill_task::Progress;
use tokio::sync::watch;
use tokio::time::{Instant, timeout};

use super::holdings::{Holding, StopCause};
use super::weather::pass;

/// Asks an attempt to stop that takes longer than it may, or gives no sign of life for longer than it may.
pub(crate) async fn watch(
    limits: &Timeouts,
    progress: watch::Receiver<Progress>,
    holding: &Holding,
) -> Infallible {
    tokio::join!(
        watch_running(limits.running, holding),
        watch_silence(limits.heartbeat, progress, holding)
    );
    pending().await
}

async fn watch_running(limit: Option<Lapse>, holding: &Holding) {
    if let Some(limit) = limit {
        pass(limit.0).await;
        holding.stop(StopCause::TimedOut(format!("it ran for longer than {limit}")));
    }
}

async fn watch_silence(
    limit: Option<Lapse>,
    mut progress: watch::Receiver<Progress>,
    holding: &Holding,
) {
    let Some(limit) = limit else {
        return;
    };
    let mut heard_at = Instant::now();
    while let Ok(changed) =
        timeout(limit.0.saturating_sub(heard_at.elapsed()), progress.changed()).await
    {
        if changed.is_err() {
            return;
        }
        heard_at = Instant::now();
    }
    holding.stop(StopCause::TimedOut(format!("it gave no sign of life for longer than {limit}")));
}
