//! Housekeeping beside the rounds of a scheduler, once an hour.

use std::time::Duration;

use tidemill_store::{Lead, Mandate, Store, StoreError};
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tracing::{debug, error, info};

use crate::housekeeping::{Housekeeping, HousekeepingError};
use crate::worker::weather::chain;

/// How often there is housekeeping.
const TIDY_EVERY: Duration = Duration::from_hours(1);
/// When it is tried again after the database was busy or away.
const TRY_AGAIN_AFTER: Duration = Duration::from_mins(1);

/// The housekeeping of one scheduler.
#[derive(Debug)]
pub(crate) struct Tidying {
    store: Store,
    /// Without it, months of history are made, and nothing goes.
    housekeeping: Option<Housekeeping>,
    under_way: Option<JoinHandle<Result<(), HousekeepingError>>>,
    due_at: Option<Instant>,
}

impl Tidying {
    pub(crate) const fn new(store: Store, housekeeping: Option<Housekeeping>) -> Self {
        Self { store, housekeeping, under_way: None, due_at: None }
    }

    /// Begins when it is time, and looks how it ended; it waits for nothing. Says whether all is well.
    pub(crate) async fn step(&mut self, lead: Lead, now: Instant) -> bool {
        let mut is_well = true;
        if self.under_way.as_ref().is_some_and(JoinHandle::is_finished)
            && let Some(ended) = self.under_way.take()
        {
            match ended.await {
                Ok(Ok(())) => debug!("housekeeping is done"),
                Ok(Err(HousekeepingError::Store(StoreError::NotLeader { .. }))) => {}
                Ok(Err(HousekeepingError::Store(error))) if error.may_pass() => {
                    info!("housekeeping waits for a better moment: {}", chain(&error));
                    self.due_at = Some(now + TRY_AGAIN_AFTER);
                }
                Ok(Err(error)) => {
                    is_well = false;
                    error!("failed to {}", chain(&error));
                }
                Err(error) => {
                    is_well = false;
                    error!("failed to keep house: {error}");
                }
            }
        }
        if self.under_way.is_none() && self.due_at.is_none_or(|due| now >= due) {
            self.due_at = Some(now + TIDY_EVERY);
            let (store, housekeeping) = (self.store.clone(), self.housekeeping.clone());
            self.under_way = Some(tokio::spawn(tidy(store, housekeeping, lead)));
        }
        is_well
    }

    /// Breaks off what is under way: it goes on where it was when it is done again.
    pub(crate) fn stop(&mut self) {
        if let Some(under_way) = self.under_way.take() {
            under_way.abort();
        }
    }
}

async fn tidy(
    store: Store,
    housekeeping: Option<Housekeeping>,
    lead: Lead,
) -> Result<(), HousekeepingError> {
    let by = Mandate::Leader(lead);
    match housekeeping {
        Some(housekeeping) => housekeeping.run(by).await.map(drop),
        None => Ok(store.open_months(by).await.map(drop)?),
    }
}
