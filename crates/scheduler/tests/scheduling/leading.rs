//! Who leads, until when, and from when on leases of others are taken back.

use std::time::Duration;

use tidemill_dag::time::Lapse;
use tidemill_scheduler::{Leader, LeaderOptions};
use tidemill_store::StoreError;
use tidemill_testkit::World;
use tokio::time::Instant;

fn leader(world: &World, name: &str) -> Leader {
    Leader::new(world.store.clone(), name.to_owned(), LeaderOptions::default())
}

const fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

#[tokio::test]
async fn of_two_schedulers_one_leads_and_the_other_follows_it() -> anyhow::Result<()> {
    let world = World::new().await?;
    let (mut first, mut second) = (leader(&world, "first"), leader(&world, "second"));
    let start = Instant::now();

    first.beat(start).await?;
    second.beat(start).await?;
    let together = (first.lead(start).is_some(), second.lead(start).is_some());
    world.clock.advance(Lapse::seconds(15));
    second.beat(start + seconds(15)).await?;
    let after = (first.lead(start + seconds(15)), second.lead(start + seconds(15)));
    first.beat(start + seconds(15)).await?;

    assert_eq!(together, (true, false));
    assert!(after.0.is_none() && after.1.is_some());
    assert!(first.lead(start + seconds(15)).is_none());
    Ok(())
}

#[tokio::test]
async fn a_leader_stops_before_its_lease_ends_when_it_could_not_renew() -> anyhow::Result<()> {
    let world = World::new().await?;
    let mut leader = leader(&world, "only");
    let start = Instant::now();
    leader.beat(start).await?;
    world.store.close().await;

    let renewed = leader.beat(start + seconds(5)).await;

    assert!(matches!(renewed, Err(StoreError::Write { .. })), "{renewed:?}");
    assert!(leader.lead(start + seconds(10)).is_some());
    assert!(leader.lead(start + seconds(11)).is_none());
    Ok(())
}

#[tokio::test]
async fn a_new_leader_takes_nothing_back_before_its_grace_is_over() -> anyhow::Result<()> {
    let world = World::new().await?;
    let mut leader = leader(&world, "only");
    let start = Instant::now();
    leader.beat(start).await?;
    for beat in 1..=8 {
        world.clock.advance(Lapse::seconds(5));
        leader.beat(start + seconds(5 * beat)).await?;
        assert_eq!(leader.may_reap(start + seconds(5 * beat)), beat >= 4, "{beat}");
    }

    leader.database_was_away(start + seconds(40));

    assert!(!leader.may_reap(start + seconds(40)));
    Ok(())
}
