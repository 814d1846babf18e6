//! A worker for one run: works until the run is over.

use std::time::Duration;

use tidemill_dag::ids::RunId;
use tidemill_dag::state::{Outcome, RunState};
use tidemill_store::{Store, StoreError};
use tokio::time::{Instant, timeout};

use super::Worker;
use super::options::{Shutdown, WorkerError};
use super::weather::{Weather, pass};

/// How often the run is looked at while nothing of it ends here.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// How often expired leases are taken back: there may be no scheduler that does it.
const SWEEP_EVERY: Duration = Duration::from_secs(1);

impl Worker {
    /// Works until the run is over, and says how it ended; `None` if the worker was stopped before. `watch` hears of
    /// every look at the run.
    pub async fn work_until_closed(
        self,
        run: RunId,
        shutdown: Shutdown,
        mut watch: impl FnMut(),
    ) -> Result<Option<Outcome>, WorkerError> {
        let store = self.store.clone();
        let mut released = self.bench.holdings.on_released();
        let mut work = std::pin::pin!(self.run(shutdown.clone()));
        let mut weather = Weather::new("look at the run");
        let mut swept_at = None;
        loop {
            released.mark_unchanged();
            let wait = match look(&store, run, &mut swept_at).await {
                Ok(RunState::Closed { outcome, .. }) => {
                    shutdown.drain.cancel();
                    work.await?;
                    return Ok(Some(outcome));
                }
                Ok(RunState::Open { .. }) => {
                    weather.cleared();
                    LOOK_EVERY
                }
                Err(error) if error.may_pass() => weather.failed(&error),
                Err(error) => return Err(error.into()),
            };
            watch();
            tokio::select! {
                ended = &mut work => return ended.map(|()| None),
                _ = timeout(wait, released.changed()), if weather.failures() == 0 => {}
                () = pass(wait), if weather.failures() > 0 => {}
            }
        }
    }
}

async fn look(
    store: &Store,
    run: RunId,
    swept_at: &mut Option<Instant>,
) -> Result<RunState, StoreError> {
    if swept_at.is_none_or(|at| at.elapsed() >= SWEEP_EVERY) {
        store.sweep().await?;
        *swept_at = Some(Instant::now());
    }
    store.run_state(run).await
}
