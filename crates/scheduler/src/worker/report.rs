//! What became of an attempt, told to the store until it accepts or refuses it.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tidemill_dag::advance::Verdict;
use tidemill_dag::ids::{RunId, TaskId, WorkerId};
use tidemill_dag::state::Attempt;
use tidemill_store::{Exit, ExitCause, Finish, Held, Store, StoreError};
use tidemill_task::{ArtifactRef, CacheReport, Usage};
use tracing::{error, warn};

use super::spool::Spool;
use super::weather::{Weather, chain, pass};

/// How often the store may refuse a report for a reason that does not pass, such as a row that it cannot read.
const MOST_REFUSALS: u32 = 8;

/// How an attempt ended, seen from its worker.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "ending", rename_all = "snake_case")]
pub(crate) enum Ending {
    /// It came to a verdict.
    Finished {
        verdict: Verdict,
        artifacts: Vec<ArtifactRef>,
        /// Why, where the verdict does not say it all.
        cause: Option<ExitCause>,
        usage: Option<Usage>,
    },
    /// It ended for a reason that is not its own.
    GivenUp { cause: ExitCause, error: String, usage: Option<Usage> },
    /// The worker stopped before it was over.
    HandedBack,
    /// Another worker has it: there is nothing to tell.
    Gone,
}

/// What is told about an attempt.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Report {
    #[serde(with = "held")]
    pub(crate) held: Held,
    pub(crate) ending: Ending,
    /// What the cache said, where it could have a result.
    #[serde(default)]
    pub(crate) cache: Option<CacheReport>,
}

/// Tells the store.
#[derive(Clone, Debug)]
pub(crate) struct Reporter {
    pub(crate) store: Store,
    pub(super) worker: WorkerId,
    pub(super) spool: Arc<Spool>,
}

impl Reporter {
    /// Writes a report to disk, and tells it.
    pub(crate) async fn report(&self, report: Report) {
        match &report.ending {
            Ending::Gone => return,
            // Worth telling only as long as this worker lives.
            Ending::HandedBack => {}
            Ending::Finished { .. } | Ending::GivenUp { .. } => {
                if let Err(error) = self.spool.put(&report).await {
                    warn!(%error, "could not keep the end of {} on disk", report.held.task);
                }
            }
        }
        self.tell(report).await;
    }

    /// Tells a report until the store accepts or refuses it, and forgets it then.
    pub(crate) async fn tell(&self, report: Report) {
        let mut weather = Weather::new("report the end of a task");
        let mut refusals = 0;
        while let Err(error) = self.try_to_tell(&report).await {
            if is_over(&error) {
                let Held { run, task, attempt } = report.held;
                warn!(run.id = %run, task.attempt = attempt.0, "dropped a late result of {task}: {error}");
                break;
            }
            refusals += u32::from(!error.may_pass());
            if refusals > MOST_REFUSALS {
                error!(run.id = %report.held.run, "gave up reporting the end of {}: {}", report.held.task, chain(&error));
                break;
            }
            pass(weather.failed(&error)).await;
        }
        if let Err(error) = self.spool.remove(report.held).await {
            warn!(%error, "could not forget the end of {}, which is told", report.held.task);
        }
    }

    async fn try_to_tell(&self, report: &Report) -> Result<(), StoreError> {
        let Report { held, ending, cache } = report;
        match ending {
            Ending::Finished { verdict, artifacts, cause, usage } => {
                let finish = Finish {
                    exit: exit(*cause, *usage),
                    artifacts: artifacts.clone(),
                    cache: cache.clone(),
                    ..Finish::new(*held, verdict.clone())
                };
                self.store.finish(finish).await
            }
            Ending::GivenUp { cause, error, usage } => {
                self.store.give_up(*held, exit(Some(*cause), *usage), error).await
            }
            Ending::HandedBack => match self.store.hand_back(self.worker, *held).await {
                // Somebody wants it stopped: nobody else would take it.
                Err(StoreError::LostLease { .. }) => {
                    self.store.finish(Finish::new(*held, Verdict::Cancelled)).await
                }
                told => told,
            },
            Ending::Gone => Ok(()),
        }
    }
}

fn exit(cause: Option<ExitCause>, usage: Option<Usage>) -> Exit {
    Exit {
        cause,
        peak_memory_bytes: usage.map(|usage| usage.peak_memory_bytes),
        cpu_ms: usage.map(|usage| usage.cpu_ms),
    }
}

/// Whether the attempt is over for the store, whatever it is told.
const fn is_over(error: &StoreError) -> bool {
    matches!(
        error,
        StoreError::LostLease { .. }
            | StoreError::UnknownRun { .. }
            | StoreError::UnknownTask { .. }
    )
}

mod held {
    //! [`Held`] in JSON.

    use serde::{Deserializer, Serializer};

    use super::{Attempt, Deserialize, Held, RunId, Serialize, TaskId};

    #[derive(Serialize, Deserialize)]
    struct Fields {
        run: RunId,
        task: TaskId,
        attempt: Attempt,
    }

    pub(super) fn serialize<S: Serializer>(held: &Held, serializer: S) -> Result<S::Ok, S::Error> {
        let Held { run, task, attempt } = *held;
        Fields { run, task, attempt }.serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Held, D::Error> {
        let Fields { run, task, attempt } = Fields::deserialize(deserializer)?;
        Ok(Held { run, task, attempt })
    }
}
