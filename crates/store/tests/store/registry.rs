//! Pools, workers, the audit trail.

use sqlx::{ConnectOptions, Executor};
use tidemill_dag::ids::WorkerId;
use tidemill_store::{NewWorker, WorkerState};
use tidemill_testkit::World;

use crate::ONE_STEP;

#[tokio::test]
async fn a_pool_tells_what_is_in_use_and_what_waits() -> anyhow::Result<()> {
    let world = World::new().await?.with_dag(&crate::side_by_side(3)).await?;
    world.open().await?;
    world.claim("t0").await?;

    let pools = world.store.pools().await?;

    assert_eq!(pools.len(), 1);
    assert_eq!((pools[0].slots, pools[0].slots_in_use, pools[0].waiting), (8, 1, 2));
    Ok(())
}

#[tokio::test]
async fn a_worker_is_listed_until_it_is_gone() -> anyhow::Result<()> {
    let world = World::new().await?;
    let new = NewWorker {
        id: WorkerId::generate(),
        name: "alpha".into(),
        host: "here".into(),
        pid: 42,
        pools: vec![World::pool()],
        slots: 4,
    };

    world.store.put_worker(&new).await?;
    world.clock.advance(World::LEASE);
    world.store.set_worker_state(new.id, WorkerState::Running).await?;
    let running = world.store.workers().await?;
    world.store.set_worker_state(new.id, WorkerState::Stopped).await?;

    assert_eq!((running[0].state, running[0].pid), (WorkerState::Running, 42));
    assert_eq!(running[0].seen_at - running[0].started_at, World::LEASE.delta());
    assert!(world.store.workers().await?.is_empty());
    Ok(())
}

#[tokio::test]
async fn the_audit_trail_is_never_changed() -> anyhow::Result<()> {
    let world = World::new().await?.with_dag(ONE_STEP).await?;
    let run = world.open().await?;
    world.store.cancel_run(run, "ada").await?;
    let mut connection = world.database.options().connect().await?;

    for change in ["UPDATE audit SET actor = 'eve'", "DELETE FROM audit", "TRUNCATE audit"] {
        let refused = connection.execute(change).await.expect_err(change);
        assert!(refused.to_string().contains("never changed"), "{refused}");
    }
    assert_eq!(world.store.audit(10).await?[0].actor, "ada");
    Ok(())
}
