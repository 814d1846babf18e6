//! Leases: renewed, expired, handed back.

use tidemill_dag::ids::WorkerId;
use tidemill_dag::state::{Attempt, TaskState};
use tidemill_dag::time::Lapse;
use tidemill_store::{Claim, Held, StoreError};
use tidemill_testkit::World;

use crate::{ONE_STEP, TWO_STEPS};

#[tokio::test]
async fn late_result_of_an_expired_attempt_is_refused() -> anyhow::Result<()> {
    let world = World::new().await?.with_dag(TWO_STEPS).await?;
    world.open().await?;
    let stale = world.claim("first").await?;
    world.clock.advance(Lapse::seconds(120));
    world.sweep().await?;

    let refused = world.succeed(&stale, serde_json::json!({ "rows": 7 })).await;

    assert!(matches!(refused, Err(StoreError::LostLease { .. })), "{refused:?}");
    Ok(())
}

#[tokio::test]
async fn expired_lease_returns_the_task_to_backoff() -> anyhow::Result<()> {
    let world = World::new().await?.with_dag(TWO_STEPS).await?;
    let run = world.open().await?;
    world.claim("first").await?;
    world.clock.advance(Lapse::seconds(60));

    world.sweep().await?;

    let task = &world.store.view(run).await?.view.tasks[0];
    assert!(
        matches!(task.state, TaskState::Backoff { attempt: Attempt(1), .. }),
        "{:?}",
        task.state
    );
    assert_eq!((task.failures, task.losses), (0, 1));
    Ok(())
}

#[tokio::test]
async fn a_lease_that_was_renewed_outlives_the_sweep() -> anyhow::Result<()> {
    let world = World::new().await?.with_dag(ONE_STEP).await?;
    world.open().await?;
    let claim = world.claim("only").await?;
    let held = claim.held();
    world.clock.advance(Lapse::seconds(50));

    let renewed = world.store.renew(world.worker, &[held], World::LEASE).await?;
    world.clock.advance(Lapse::seconds(50));
    world.sweep().await?;

    assert_eq!(renewed, tidemill_store::Renewed::default());
    insta::assert_snapshot!(world.describe().await?);
    Ok(())
}

#[tokio::test]
async fn a_renewal_tells_what_is_lost_and_what_is_to_stop() -> anyhow::Result<()> {
    let world = World::new().await?.with_dag(&crate::side_by_side(3)).await?;
    let run = world.open().await?;
    let held: Vec<Held> = world.claim_all().await?.iter().map(Claim::held).collect();
    world.store.lose(run, held[0].task, held[0].attempt).await?;
    world.store.cancel_task(run, held[1].task, "someone").await?;

    let renewed = world.store.renew(world.worker, &held, World::LEASE).await?;

    assert_eq!(renewed.lost, [held[0]]);
    assert_eq!(renewed.cancel_requested, [held[1]]);
    Ok(())
}

#[tokio::test]
async fn a_worker_cannot_renew_what_another_holds() -> anyhow::Result<()> {
    let world = World::new().await?.with_dag(ONE_STEP).await?;
    world.open().await?;
    let claim = world.claim("only").await?;
    let held = claim.held();
    let before = world.describe().await?;

    let renewed = world.store.renew(WorkerId::generate(), &[held], Lapse::seconds(600)).await?;

    assert_eq!(renewed.lost, [held]);
    assert_eq!(world.describe().await?, before);
    Ok(())
}

#[tokio::test]
async fn a_task_that_kills_its_workers_is_poison_in_the_end() -> anyhow::Result<()> {
    let world = World::new().await?.with_dag(ONE_STEP).await?;
    world.open().await?;

    for _ in 0..5 {
        world.clock.advance(Lapse::seconds(3600));
        world.claim("only").await?;
        world.clock.advance(Lapse::seconds(61));
        world.sweep().await?;
    }

    insta::assert_snapshot!(world.describe().await?);
    Ok(())
}

#[tokio::test]
async fn a_task_that_queued_too_long_gives_up() -> anyhow::Result<()> {
    let dag = "{ dag: patient, tasks: { only: { uses: noop, timeout: { queued: 5m } } } }";
    let world = World::new().await?.with_dag(dag).await?;
    world.open().await?;
    world.clock.advance(Lapse::seconds(299));
    let early = world.store.sweep().await?;
    world.clock.advance(Lapse::seconds(2));

    let late = world.store.sweep().await?;

    assert_eq!((early.runs, late.runs), (0, 1));
    insta::assert_snapshot!(world.describe().await?);
    Ok(())
}
