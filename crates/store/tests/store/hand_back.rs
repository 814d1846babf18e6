//! Tasks that their worker gives back.

use serde_json::json;
use tidemill_dag::ids::WorkerId;
use tidemill_dag::state::TaskState;
use tidemill_dag::time::Lapse;
use tidemill_store::{ExitCause, StoreError};
use tidemill_testkit::World;

use crate::ONE_STEP;

#[tokio::test]
async fn a_task_that_is_given_back_is_ready_at_once_and_keeps_its_place() -> anyhow::Result<()> {
    let world = World::new().await?.with_dag(&crate::side_by_side(2)).await?;
    let run = world.open().await?;
    let claim = world.claim("t0").await?;
    let before = world.store.run(run).await?.tasks[0].ready_at;
    world.clock.advance(Lapse::seconds(10));

    let held = claim.held();
    world.store.hand_back(world.worker, held).await?;

    let task = world.store.run(run).await?.tasks.swap_remove(0);
    assert!(matches!(task.state, TaskState::Ready { .. }), "{:?}", task.state);
    assert_eq!((task.losses, task.failures, task.ready_at), (0, 0, before));
    let attempts = world.store.attempts(claim.run, claim.task).await?;
    assert_eq!(attempts[0].exit, Some(ExitCause::Lost));
    assert_eq!(world.claim("t0").await?.attempt.0, 2, "it goes before what became ready later");
    Ok(())
}

#[tokio::test]
async fn what_was_given_back_can_end_no_more() -> anyhow::Result<()> {
    let world = World::new().await?.with_dag(ONE_STEP).await?;
    let run = world.open().await?;
    let claim = world.claim("only").await?;
    let held = claim.held();
    world.store.hand_back(world.worker, held).await?;
    let before = world.describe().await?;

    let late = world.succeed(&claim, json!("late")).await;
    let twice = world.store.hand_back(world.worker, held).await;

    assert!(matches!(late, Err(StoreError::LostLease { .. })), "{late:?}");
    assert!(matches!(twice, Err(StoreError::LostLease { .. })), "{twice:?}");
    assert_eq!(world.describe().await?, before);
    assert_eq!(world.store.run(run).await?.run.tasks.succeeded, 0);
    Ok(())
}

#[tokio::test]
async fn nobody_gives_back_what_another_holds_or_what_shall_stop() -> anyhow::Result<()> {
    let world = World::new().await?.with_dag(ONE_STEP).await?;
    let run = world.open().await?;
    let claim = world.claim("only").await?;
    let held = claim.held();

    let stranger = world.store.hand_back(WorkerId::generate(), held).await;
    world.store.cancel_run(run, "ada").await?;
    let cancelled = world.store.hand_back(world.worker, held).await;

    assert!(matches!(stranger, Err(StoreError::LostLease { .. })), "{stranger:?}");
    assert!(matches!(cancelled, Err(StoreError::LostLease { .. })), "{cancelled:?}");
    let task = world.store.run(run).await?.tasks.swap_remove(0);
    assert!(matches!(task.state, TaskState::Running { .. }), "{:?}", task.state);
    Ok(())
}
