//! The lead: one holder, an end by the clock that counts, and an epoch that fences.

use tidemill_dag::time::Lapse;
use tidemill_store::{Present, StoreError};
use tidemill_testkit::World;

use crate::ONE_STEP;

const LEASE: Lapse = Lapse::seconds(15);

#[tokio::test]
async fn of_many_schedulers_that_ask_at_once_one_leads() -> anyhow::Result<()> {
    let world = World::new().await?;

    let racers: Vec<_> = (0..6)
        .map(|number| {
            let store = world.store.clone();
            tokio::spawn(async move { store.acquire_lead(&format!("s{number}"), LEASE).await })
        })
        .collect();
    let mut leaders = 0;
    for racer in racers {
        leaders += usize::from(racer.await??.is_some());
    }

    assert_eq!(leaders, 1);
    Ok(())
}

#[tokio::test]
async fn a_lead_that_is_renewed_is_won_by_nobody_else() -> anyhow::Result<()> {
    let world = World::new().await?;
    let lead = world.store.acquire_lead("one", LEASE).await?.expect("nobody leads");
    world.clock.advance(Lapse::seconds(14));
    world.store.renew_lead(lead, LEASE).await?;
    world.clock.advance(Lapse::seconds(14));

    assert_eq!(world.store.acquire_lead("other", LEASE).await?, None);
    Ok(())
}

#[tokio::test]
async fn a_leader_that_stood_still_for_long_writes_nothing() -> anyhow::Result<()> {
    let world = World::new().await?.with_dag(ONE_STEP).await?;
    let stale = world.store.acquire_lead("one", LEASE).await?.expect("nobody leads");
    world.clock.advance(Lapse::seconds(16));
    let dag = "one_step".parse()?;

    // Nobody else leads: it is over all the same.
    let alone = world.store.renew_lead(stale, LEASE).await;
    let synced = world.store.sync_dags(stale, &Present::default()).await;
    let ticked = world.store.tick(stale, &dag).await;
    let lead = world.store.acquire_lead("other", LEASE).await?.expect("the lead is free");
    let beside = world.store.renew_lead(stale, LEASE).await;
    world.store.resign_lead(stale).await?;

    assert!(matches!(alone, Err(StoreError::NotLeader { .. })), "{alone:?}");
    assert!(matches!(synced, Err(StoreError::NotLeader { .. })), "{synced:?}");
    assert!(matches!(ticked, Err(StoreError::NotLeader { .. })), "{ticked:?}");
    assert!(matches!(beside, Err(StoreError::NotLeader { .. })), "{beside:?}");
    world.store.renew_lead(lead, LEASE).await?;
    assert_eq!((stale.epoch(), lead.epoch()), (1, 2));
    Ok(())
}

#[tokio::test]
async fn a_lead_that_is_given_up_is_free_at_once() -> anyhow::Result<()> {
    let world = World::new().await?;
    let lead = world.store.acquire_lead("one", LEASE).await?.expect("nobody leads");

    world.store.resign_lead(lead).await?;

    assert!(world.store.acquire_lead("other", LEASE).await?.is_some());
    Ok(())
}
