//! Attempts that their worker cannot go on with: given back as they were, or given up with a cause.

use tidemill_dag::ids::{RunId, TaskId, WorkerId};
use tidemill_dag::slots::Shortage;
use tidemill_dag::state::Attempt;

use crate::apply::Decision;
use crate::columns::wide;
use crate::connect::Store;
use crate::error::{StoreError, reading, writing};
use crate::finish::{Exit, lost};
use crate::labels::ExitCause;
use crate::leases::Held;
use crate::view::RunView;
use crate::write::READY_CHANNEL;

impl Store {
    /// Gives an attempt back that its worker could not finish before it stopped. The task is ready at once, and nothing
    /// counts against it.
    ///
    /// [`StoreError::LostLease`] when the worker does not hold it, or when it was asked to stop.
    pub async fn hand_back(&self, worker: WorkerId, held: Held) -> Result<(), StoreError> {
        let told = sqlx::query_file!(
            "queries/task_runs/hand_back.sql",
            worker.as_uuid(),
            held.task.as_uuid(),
            held.attempt.0,
            self.clock.instead(),
            READY_CHANNEL,
            held.run.as_uuid(),
        )
        .fetch_optional(&self.pool)
        .await
        .map_err(writing("a task that is given back"))?;
        let lost = || StoreError::LostLease { task: held.task, attempt: held.attempt };
        told.map(drop).ok_or_else(lost)
    }

    /// Gives an attempt up for a reason that is not the task's own: like [`Self::lose`], with a cause and the costs.
    pub async fn give_up(&self, held: Held, exit: Exit, error: &str) -> Result<(), StoreError> {
        let Held { run, task, attempt } = held;
        let cause = exit.cause.unwrap_or(ExitCause::Lost);
        let shortage = match cause {
            ExitCause::OutOfMemory => self.shortage(run, task, exit.peak_memory_bytes).await?,
            ExitCause::Succeeded
            | ExitCause::Expanded
            | ExitCause::Failed
            | ExitCause::Cancelled
            | ExitCause::TimedOut
            | ExitCause::Killed
            | ExitCause::Lost
            | ExitCause::Fenced => None,
        };
        let decide = |view: &RunView| {
            let mut happening = lost(view, task, attempt, shortage)?;
            if let Some(end) = &mut happening.end {
                end.cause = cause;
                end.error = Some(match shortage {
                    Some(shortage) => told(view, task, error, shortage),
                    None => error.to_owned(),
                });
                end.peak_memory_bytes = exit.peak_memory_bytes.map(wide);
                end.cpu_ms = exit.cpu_ms.map(wide);
            }
            Ok(Decision { happenings: vec![happening], audit: None })
        };
        let refused = self.apply(run, decide).await?.stale;
        if refused.is_empty() { Ok(()) } else { Err(StoreError::LostLease { task, attempt }) }
    }

    /// What a worker holds and somebody wants stopped. Reads a few rows, and writes none.
    pub async fn cancel_requests(&self, worker: WorkerId) -> Result<Vec<Held>, StoreError> {
        let rows = sqlx::query!(
            "SELECT run_id, id, attempt
             FROM task_runs
             WHERE worker_id = $1 AND state = 'running' AND cancel_requested",
            worker.as_uuid(),
        )
        .fetch_all(&self.pool)
        .await
        .map_err(reading("requests to stop"))?;
        let held = rows.into_iter().map(|row| Held {
            run: RunId::from_uuid(row.run_id),
            task: TaskId::from_uuid(row.id),
            attempt: Attempt(row.attempt),
        });
        Ok(held.collect())
    }
}

/// What is told of an attempt that lacked memory: what it said, and what the next one takes.
fn told(view: &RunView, task: TaskId, error: &str, shortage: Shortage) -> String {
    let Some(index) = view.index_of(task) else { return error.to_owned() };
    let had = view.view.tasks[index.0].slots;
    let next = had.after(shortage);
    if next.taken > had.taken {
        let next = next.taken;
        format!("{error}; it had {} slots, and its next attempt takes {next}", had.taken)
    } else {
        let most = had.taken;
        format!("{error}; it had {most} slots, and no worker of its pool can give it more")
    }
}
