//! The disk of the object store takes no more: every write of a worker and of its tasks to a file fails, until there is
//! room again.

use tidemill_dag::state::TaskState;
use tidemill_store::{ExitCause, Held};

use crate::drill::fault::{Blow, Fault, Recovery, Strike, Struck};
use crate::drill::scene::Scene;
use crate::drill::workflow::Size;

/// How many attempts must have failed for it.
const REFUSED: usize = 4;

pub(super) const FAULT: Fault = Fault {
    name: "disk_full",
    about: "no file can be written (a limit of the system), then there is room again",
    is_felt_by_others: false,
    strike: |scene| -> Strike<'_> { Box::pin(strike(scene)) },
};

async fn strike(scene: &mut Scene) -> anyhow::Result<Struck> {
    scene.open_run(Size { big: 0, bodies: 18, naps: 3 }).await?;
    let scheduler = scene.scheduler(&[])?;
    let worker = scene.worker_that_bears_limits()?;
    scene.begun(4).await?;

    worker.limit_files(Some(0))?;
    let refused = scene
        .until("writes are refused", async || {
            let refused = refused(scene).await?;
            Ok((refused >= REFUSED).then_some(refused))
        })
        .await?;
    worker.limit_files(None)?;
    let at = scene.schema.now().await?;
    let hit = unfinished(scene).await?;

    scene.processes.extend([scheduler, worker]);
    let what = format!("{refused} attempts could not write their artefacts");
    Ok(Struck::Done { what, recovery: Recovery::OfTasks(vec![Blow { at, hit }]) })
}

/// How many attempts failed because the system refused to write.
async fn refused(scene: &Scene) -> anyhow::Result<usize> {
    let mut refused = 0;
    for (run, _) in scene.details().await? {
        for task in run.tasks.iter().filter(|task| task.failures > 0) {
            let attempts = scene.store.attempts(run.run.id, task.id).await?;
            let told = |error: &Option<String>| {
                error.as_deref().is_some_and(|error| error.contains("File too large"))
            };
            refused += attempts
                .iter()
                .filter(|one| one.exit == Some(ExitCause::Failed) && told(&one.error))
                .count();
        }
    }
    Ok(refused)
}

/// Tasks that run, and those that wait for another try.
async fn unfinished(scene: &Scene) -> anyhow::Result<Vec<Held>> {
    let mut hit = Vec::new();
    for (run, _) in scene.details().await? {
        for task in run.tasks {
            match task.state {
                TaskState::Running { .. } | TaskState::Backoff { .. } => {
                    hit.push(Held { run: run.run.id, task: task.id, attempt: task.attempt });
                }
                TaskState::Blocked
                | TaskState::Ready { .. }
                | TaskState::Expanded { .. }
                | TaskState::Done { .. } => {}
            }
        }
    }
    Ok(hit)
}
